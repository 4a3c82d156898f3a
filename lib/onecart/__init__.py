"""OneCart: every channel, one customer, more conversions (Spark + Delta)."""

__version__ = "0.1.0"
