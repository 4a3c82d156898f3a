"""Settings of the feeds, and of what they come from."""
