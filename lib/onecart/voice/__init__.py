"""What customers say: sentiment of texts, learned from labelled ones with Spark NLP, and the aspects they speak of; nothing
is downloaded."""

from onecart.voice.entities import entities
from onecart.voice.mask import masked
from onecart.voice.mentions import aspects
from onecart.voice.mining import mine_terms
from onecart.voice.model import SentimentModel
from onecart.voice.sentiment import train_sentiment
from onecart.voice.tagger import tag_terms

__all__ = ["SentimentModel", "aspects", "entities", "masked", "mine_terms", "tag_terms", "train_sentiment"]
