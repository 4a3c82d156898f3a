"""The only reader and writer of Delta tables."""

from onecart.lake.store import Lake, WriteStats

__all__ = ["Lake", "WriteStats"]
