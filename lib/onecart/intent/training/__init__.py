"""From a frame with a label to a fitted classifier."""
