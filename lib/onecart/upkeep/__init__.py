"""Keeps the tables small and the history as long as promised."""
