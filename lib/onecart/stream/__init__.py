"""Channels in motion: what comes in is in silver, and in scores and offers, within seconds."""
