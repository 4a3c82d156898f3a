"""What customers say: sentiment of texts, learned from labelled ones with Spark NLP, and the aspects they speak of; nothing
is downloaded."""

from onecart.voice.aspects.entities import entities
from onecart.voice.aspects.extraction import aspects
from onecart.voice.aspects.mining import mine_terms
from onecart.voice.aspects.tagger import tag_terms
from onecart.voice.sentiment.model import SentimentModel
from onecart.voice.sentiment.training import train_sentiment
from onecart.voice.text.masking import masked

__all__ = ["SentimentModel", "aspects", "entities", "masked", "mine_terms", "tag_terms", "train_sentiment"]
