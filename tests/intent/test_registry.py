"""Who answers a question: the champion, unless it has seen the answers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

pytestmark = pytest.mark.job


def test_a_champion_that_has_learned_from_the_holdout_is_no_measure(
    spark: Any, lake: Any, context: Callable[..., Any]
) -> None:
    from onecart import intent, models
    from onecart.intent.registry import choose

    rows = [(i, float(i % 7), int((i * 5) % 7 < i % 7)) for i in range(300)]
    frame = spark.createDataFrame(rows, "day INT, seen DOUBLE, bought INT").persist()
    later = intent.train(frame, "bought", "day", "logistic", holdout_from=200, refit=False)
    assert later.holdout_from == 200.0
    how = {"question": "intent", "kind": "intent.logistic"}

    def run(run_id: str, as_of: date, model: Any, start: int) -> tuple[str, str]:
        ctx = context(run_id=run_id, as_of=as_of)
        found = choose(ctx, model, frame.where(f"day >= {start}"), "bought", **how)
        assert (found.figures["n"], found.figures["auc_low"] <= found.figures["auc"]) == (300 - start, True)
        return found.scorer.version.partition("@")[2], str(models.current(ctx, "intent")).partition("@")[2]

    assert run("june", date(2011, 6, 1), later, 200) == ("june", "june")
    # Days before, the champion of June knows what came: the model of May answers, and June's stays for the days to come.
    earlier = replace(later, holdout_from=100.0, metrics={**later.metrics, "n": 200.0})
    assert run("may", date(2011, 5, 1), earlier, 100) == ("may", "june")
    reasons = {r["model_version"]: r["reason"] for r in lake.read("gold.model_registry").collect()}
    assert reasons["intent.logistic@may"].startswith("not compared: the champion intent.logistic@june has learned")
    # Its figures are the champion's own on today's holdout, not those of the new model, nor of the day it was made.
    newer = replace(later, holdout_from=240.0, metrics={"n": 0.0})
    assert run("july", date(2011, 7, 1), newer, 240) == ("june", "june")
    # A model of the newest day takes over where the two cannot be compared, as after a longer horizon was set.
    assert run(
        "august", date(2011, 8, 1), replace(later, holdout_from=100.0, metrics={**later.metrics, "n": 200.0}), 100
    ) == (
        "august",
        "august",
    )
