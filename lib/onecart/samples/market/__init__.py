"""A market that answers: simulated customers who open, buy, complain, leave and are annoyed, from preferences nobody is told."""

from onecart.samples.market.market import Market

__all__ = ["Market"]
