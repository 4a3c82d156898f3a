"""Segments of customers: by rules, and learned from how they buy."""
