"""The one store of trained models, for every room."""

from onecart.models.store import Gone, current, load, newest_as_of, register, save

__all__ = ["Gone", "current", "load", "newest_as_of", "register", "save"]
