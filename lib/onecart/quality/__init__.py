"""Parses, deduplicates, repairs, normalises, and sets aside: bronze -> silver."""
