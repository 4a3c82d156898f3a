"""Sentiment models: trained on labelled texts, calibrated, evaluated."""

from onecart.voice.sentiment import multilingual  # noqa: F401  it tells `SentimentModel.load` of models of several languages
