"""What to offer to whom: fit a model on interactions, recommend, evaluate."""

from onecart.recommend.metrics import evaluate
from onecart.recommend.recommender import Recommender, fit

__all__ = ["Recommender", "evaluate", "fit"]
