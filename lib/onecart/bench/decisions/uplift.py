"""Learners of uplift on Hillstrom's experiment, by the engine that grows their trees."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession

from onecart.decide import train_uplift
from onecart.decide.uplift.learners import LEARNERS
from onecart.samples import fetch

ENGINES = ("lightgbm", "mllib")
TABLE: tuple[tuple[str, str], ...] = (
    ("mail", "{}"),
    ("learner", "{}"),
    ("engine", "{}"),
    ("qini", "{:.2f}"),
    ("qini_low", "{:.2f}"),
    ("qini_high", "{:.2f}"),
    ("response_qini", "{:.2f}"),
    ("advice", "{}"),
)
_MAILS = {"women": "Womens E-Mail", "men": "Mens E-Mail"}
_NONE, _PER = "No E-Mail", 1_000


def measure(spark: SparkSession, engines: Sequence[str] | None, seed: int) -> Iterator[dict[str, Any]]:
    """One row per mail, learner and engine: the columns of TABLE. Visits; Qini and its 95 % interval per 1,000 contacts, on held-out rows;
    response_qini: of the model that knows no uplift."""
    (path,) = fetch("hillstrom")
    visits = pd.read_csv(path).drop(columns=["conversion", "spend"])
    for mail, name in _MAILS.items():
        rows = spark.createDataFrame(visits[visits["segment"].isin([name, _NONE])])
        for learner in LEARNERS:
            for engine in engines or ENGINES:
                model = train_uplift(rows, "visit", "segment", _NONE, learner, engine=engine, propensity=0.5, seed=seed)
                report = model.report.iloc[0]
                qini = {key: _PER * report[key] for key in ("qini", "qini_low", "qini_high", "response_qini")}
                yield {"mail": mail, "learner": learner, "engine": engine, **qini, "advice": report["advice"]}
