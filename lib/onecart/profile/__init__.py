"""One profile per customer."""
