"""Settings of the rooms that decide, and measure what came of it."""
