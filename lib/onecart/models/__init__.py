"""The one store of trained models, for every room."""

from onecart.models.store import Gone, current, load, load_text, named, newest_as_of, register, save, save_text
from onecart.models.tracking import Record

__all__ = ["Gone", "Record", "current", "load", "load_text", "named", "newest_as_of", "register", "save", "save_text"]
