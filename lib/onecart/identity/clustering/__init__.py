"""From pairs to customers."""
