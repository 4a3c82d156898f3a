"""Popularity: the items with the largest sum of weights over users."""

from typing import Any

from pyspark.sql import DataFrame

from onecart.recommend.interactions import Frames, Training
from onecart.recommend.models.protocol import Model, Parameters, Space
from onecart.recommend.scoring.lists import POPULARITY, Request, completed

SPACE: Space = {"popularity_half_life_days": (1.0, 365.0, "log")}


class Popularity(Parameters):
    """No more than every model takes."""


def fit(training: Training, p: Any) -> Frames:
    """Nothing: every model holds the popularity of items."""
    return {}


def propose(frames: Frames, request: Request, p: Any) -> DataFrame:
    """Lists of the n most popular items that a user has not seen, by popularity."""
    return completed(None, request).drop("tiers")


def fold_in(frames: Frames, cells: DataFrame, p: Any) -> Frames:
    """Nothing: the same items are popular until the next fit."""
    return {}


MODEL = Model(POPULARITY, Popularity, SPACE, fit, propose, fold_in)
