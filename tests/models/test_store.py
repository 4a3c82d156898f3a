"""The store of models: files where the version says, whole or refused, one champion a question."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from onecart import models
from onecart.errors import OneCartError
from onecart.intent.registry import champion

pytestmark = pytest.mark.job
DAY = date(2024, 3, 1)


def write(path: str) -> None:
    Path(path, "part").mkdir(parents=True)
    Path(path, "part", "weights").write_text("1 2 3")


def read(path: str) -> str:
    return Path(path, "part", "weights").read_text()


def test_a_model_is_found_by_its_version_and_refused_when_its_files_are_others_or_gone(
    lake: Any, context: Callable[..., Any]
) -> None:
    ctx = context(as_of=DAY)
    version = models.save(ctx, "intent.gbt", write)
    assert version == f"intent.gbt@{ctx.run_id}"
    models.register(ctx, "intent", version, reason="the first")
    assert models.load(ctx, version, read) == "1 2 3"
    weights = Path(lake.root, "models", "intent.gbt", ctx.run_id, "part", "weights")
    weights.write_text("1 2 4")
    with pytest.raises(models.Gone, match="not those that were saved"):
        models.load(ctx, version, read)
    assert champion(ctx, "intent") == (None, f"the files of the model {version} are not those that were saved")
    weights.unlink()
    with pytest.raises(models.Gone, match="are gone"):
        models.load(ctx, version, read)


def test_a_model_that_is_one_text_is_read_as_it_was_saved_and_refused_where_its_files_are_others(
    context: Callable[..., Any],
) -> None:
    ctx = context(as_of=DAY)
    version = models.save_text(ctx, models.named("uplift", "5 % off"), '{"slope": "é"}')
    assert version == f"uplift.5___off-bfcb6f6d@{ctx.run_id}"
    assert models.load_text(ctx, version) == '{"slope": "é"}'
    other = models.save(ctx, "policy.june", write)
    with pytest.raises(models.Gone, match="are of another release"):
        models.load_text(ctx, other)


def test_what_is_written_differently_has_models_of_different_names():
    assert models.named("uplift", "ten_off") == "uplift.ten_off"
    assert len({models.named("uplift", about) for about in ("ten_off", "ten off", "ten-off", "ten%off")}) == 4


def test_one_model_answers_a_question_and_a_challenger_that_loses_does_not(
    lake: Any, context: Callable[..., Any]
) -> None:
    first, second, third = (context(run_id=run, as_of=DAY) for run in ("first", "second", "third"))
    for ctx, wins in ((first, True), (second, False), (third, True)):
        models.register(
            ctx, "intent", models.save(ctx, "intent.gbt", write), wins=wins, reason="", figures={"auc": 0.8}
        )
    rows = {r["model_version"]: (r["role"], r["path"], r["auc"]) for r in lake.read("gold.model_registry").collect()}
    assert rows == {
        "intent.gbt@first": ("retired", "models/intent.gbt/first", 0.8),
        "intent.gbt@second": ("challenger", "models/intent.gbt/second", 0.8),
        "intent.gbt@third": ("champion", "models/intent.gbt/third", 0.8),
    }
    assert models.current(third, "intent") == "intent.gbt@third"
    assert models.current(third, "visit") is None
    assert models.newest_as_of(third, "intent") == DAY


@pytest.mark.parametrize("version", ["../../etc@passwd", "intent/gbt@x", "intent@../x", "intent", "a..b@x", "@x"])
def test_a_version_is_a_name_and_never_a_path(context: Callable[..., Any], version: str) -> None:
    with pytest.raises(OneCartError, match="is not the version of a model"):
        models.load(context(), version, read)
