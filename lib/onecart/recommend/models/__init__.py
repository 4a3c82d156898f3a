"""The models, a file each, behind one protocol (`protocol.Model`) and one table (`registry.MODELS`)."""
