"""The networks of the model `sequence`; they need torch (extra `deep`)."""
