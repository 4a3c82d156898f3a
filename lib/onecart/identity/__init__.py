"""Who is who, across channels."""

from onecart.identity.linking import capped_keys, link

__all__ = ["capped_keys", "link"]
