"""The only reader and writer of Delta tables."""

from onecart.lake.store import Lake, Written

__all__ = ["Lake", "Written"]
