"""Reads every channel as it comes and loses nothing: landing files -> bronze."""
