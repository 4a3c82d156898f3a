"""What to offer to whom: fit a model on interactions, recommend, evaluate, tune."""

from onecart.recommend.learn import fit
from onecart.recommend.metrics import evaluate
from onecart.recommend.recommender import Recommender
from onecart.recommend.split import by_time, leave_last_out, stratified
from onecart.recommend.tune import Tuned, tune

__all__ = ["Recommender", "Tuned", "by_time", "evaluate", "fit", "leave_last_out", "stratified", "tune"]
