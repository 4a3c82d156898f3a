"""How good recommendations are, and which settings do best."""
