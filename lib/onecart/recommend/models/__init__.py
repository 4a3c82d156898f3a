"""The models, and what they share: lists, similarities, top-k."""
