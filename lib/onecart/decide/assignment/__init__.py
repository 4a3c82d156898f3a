"""Which offers to make under a budget and caps: exact for few customers, by prices of the limits for many."""
