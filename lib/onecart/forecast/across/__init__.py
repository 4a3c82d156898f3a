"""Models over all series of a panel, trained once: what they say goes to the judge of each series."""

from onecart.forecast.across.paths import BOOSTED, MODELS, paths
from onecart.forecast.across.settings import Training

__all__ = ["BOOSTED", "MODELS", "Training", "paths"]
