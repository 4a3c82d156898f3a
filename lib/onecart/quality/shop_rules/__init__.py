"""Rules that the settings make: the shop's own, what becomes of missing values, what is far from its group."""
