"""What the models share: similarities, top-k, lists."""
