"""Policies compared on a simulated market: who makes more of the same budget, limits and customers."""
