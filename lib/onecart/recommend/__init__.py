"""What to offer to whom: fit a model on interactions, recommend, evaluate, tune."""

from onecart.recommend.evaluation.metrics import evaluate
from onecart.recommend.evaluation.tuning import Tuned, tune
from onecart.recommend.fitting import fit
from onecart.recommend.recommender import Recommender
from onecart.recommend.split import by_time, leave_last_out, stratified

__all__ = ["Recommender", "Tuned", "by_time", "evaluate", "fit", "leave_last_out", "stratified", "tune"]
