"""Settings of decisions."""
