"""What to offer to whom: fit a model on interactions, recommend, evaluate."""

from onecart.recommend.metrics import evaluate
from onecart.recommend.recommender import Recommender, fit
from onecart.recommend.split import by_time, leave_last_out, stratified

__all__ = ["Recommender", "by_time", "evaluate", "fit", "leave_last_out", "stratified"]
