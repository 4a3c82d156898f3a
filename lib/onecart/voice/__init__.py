"""What customers say: sentiment of any texts, learned from labelled ones with Spark NLP, nothing downloaded."""

from onecart.voice.model import SentimentModel
from onecart.voice.sentiment import train_sentiment

__all__ = ["SentimentModel", "train_sentiment"]
