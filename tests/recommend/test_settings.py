"""From conf/ to the parameters of a model, and what a new model has to bring."""

from typing import Any

import pytest
from pydantic import Field
from pyspark.sql import functions as F

from onecart import recommend
from onecart.config import Recommend, load
from onecart.errors import UsageError
from onecart.recommend.models.protocol import Model, Parameters
from onecart.recommend.models.registry import MODELS, parameters
from onecart.recommend.scoring.lists import lists_of
from onecart.recommend.settings import check, parameters_of


@pytest.mark.parametrize("model", [name for name in MODELS if name != "als_explicit"])
def test_the_job_uses_the_settings_that_were_picked(model: str) -> None:
    """The figures as they stood in one flat section, for every model with a parameter of the name."""
    picked = {
        **{"half_life_days": 30.0, "popularity_half_life_days": 7.0, "rank": 32, "iterations": 10, "alpha": 10.0},
        **{"reg": 0.4, "blocks": 4, "neighbours": 30, "shrinkage": 20.0, "max_history": 70, "validation": "latest"},
        **{"seed": 5, "validation_value": 1.0},
    }
    p = parameters(model, parameters_of(model, load()[0].recommend, 5)).model_dump()
    assert {name: p[name] for name in picked if name in p} == {name: picked[name] for name in picked if name in p}


def test_a_blend_takes_what_its_parts_are_given_and_its_own_comes_first() -> None:
    models = {"als": {"rank": 3, "half_life_days": 1.0}, "ease": {"l2": 9.0, "kept": 2}, "blend": {"kept": 5}}
    p = parameters("blend", parameters_of("blend", Recommend(models=models), 5))
    assert (p.rank, p.l2, p.kept, p.half_life_days) == (3, 9.0, 5, 30.0)  # events age alike for all parts
    assert parameters_of("als", Recommend(models=models), 5)["half_life_days"] == 1.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rank=4", "'rank' has moved; write recommend.models.als.rank"),
        ("variety=0.3", "'variety' has moved; write recommend.diversity"),
        ("max_history=4", "'max_history' has moved; write recommend.models.item_knn.max_history"),
        ("validation=random", "'validation' has moved; write recommend.models.blend.validation"),
        ("models.als.rnak=4", "recommend.models.als: model als has no parameter 'rnak'; did you mean 'rank'"),
        ("models.als.rank=0", "recommend.models.als: model als: rank=0: input should be greater than or equal to 1"),
        ("models.asl.rank=4", "recommend.models.asl: no model 'asl'; available: popularity, item_knn"),
        ("models.blend.weights={asl: 1}", "a blend has no part 'asl'; did you mean 'als'"),
        ("model=asl", "recommend.model: no model 'asl'"),
    ],
)
def test_wrong_settings_name_the_key(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check(load("local", overrides=[f"recommend.{override}"])[0].recommend)


class Oldest(Parameters):
    """What has been sold longest."""

    step: float = Field(1.0, gt=0)


def test_a_new_model_is_one_file_and_one_line(spark: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(training: Any, p: Oldest) -> dict[str, Any]:
        return {"oldest_items": training.data.pairs.groupBy("item").agg(F.min("last_s").alias("first_s"))}

    def propose(frames: dict[str, Any], request: Any, p: Oldest) -> Any:
        ages = frames["oldest_items"].join(request.items.select("item"), on="item", how="inner")
        rows = request.users.crossJoin(ages).where("NOT coalesce(array_contains(seen, item), false)")
        return lists_of(rows.select("user_id", "item", (-F.col("first_s") * p.step).alias("score")), request.n)

    monkeypatch.setitem(MODELS, "oldest", Model("oldest", Oldest, {"step": (1.0, 2.0)}, fit, propose))
    bought = [("a", "x", 1), ("a", "y", 3), ("b", "x", 9), ("b", "z", 7), ("c", "y", 5)]
    frame = spark.createDataFrame(bought, "user_id string, item_id string, ts long")
    model = recommend.fit(frame, "oldest", step=2.0)
    model.save(f"{tmp_path}/oldest")
    rows = recommend.Recommender.load(spark, f"{tmp_path}/oldest").recommend(k=2, with_tier=True).collect()
    found = sorted((r.user_id, r.rank, r.item_id, r.score, r.tier) for r in rows)
    assert found == [
        ("a", 1, "z", -14.0, "oldest"),
        ("b", 1, "y", -6.0, "oldest"),
        ("c", 1, "x", -2.0, "oldest"),
        ("c", 2, "z", -14.0, "oldest"),
    ]
    with pytest.raises(UsageError, match="a oldest model cannot be updated; fit it again"):
        model.updated(frame)
    with pytest.raises(UsageError, match="oldest does not look at products; leave them out, or fit content or blend"):
        recommend.fit(frame, "oldest", products=frame)
