"""What customers complain of, how it changes, and what it may cost."""
