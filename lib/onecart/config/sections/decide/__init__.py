"""Settings of decisions: segments, and what is shown where."""
