"""Long measurements of the room `voice`."""
