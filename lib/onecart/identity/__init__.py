"""Who is who, across channels."""

from onecart.identity.linking import link

__all__ = ["link"]
