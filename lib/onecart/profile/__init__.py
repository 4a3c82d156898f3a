"""One profile per customer."""

from onecart.profile.history import as_of

__all__ = ["as_of"]
