"""The one store of trained models, for every room."""

from onecart.models.store import Gone, current, load, newest_as_of, register, save
from onecart.models.tracking import Record

__all__ = ["Gone", "Record", "current", "load", "newest_as_of", "register", "save"]
