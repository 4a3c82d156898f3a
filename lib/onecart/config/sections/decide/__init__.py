"""Settings of decisions: segments, campaigns, what is shown where."""
