"""Reads every channel as it comes and loses nothing: files, topics and databases -> bronze."""
