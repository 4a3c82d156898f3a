"""Real public data sets, downloaded once and checked."""
