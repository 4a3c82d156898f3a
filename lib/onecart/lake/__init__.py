"""The only reader and writer of Delta tables."""

from onecart.lake.store import Conflict, Lake, WriteStats

__all__ = ["Conflict", "Lake", "WriteStats"]
