"""Who gets what: segments of customers."""
