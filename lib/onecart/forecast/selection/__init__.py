"""Which model each series gets, and how wide its intervals are."""
