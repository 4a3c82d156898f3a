"""Sentiment models: trained on labelled texts, calibrated, evaluated."""
