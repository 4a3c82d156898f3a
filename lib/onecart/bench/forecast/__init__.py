"""Long measurements of the room `forecast`."""
