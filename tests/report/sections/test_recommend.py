"""What to offer: scores of the run that made the offers, and reasons of those who agreed."""

from datetime import date

import pandas as pd
import pytest

from onecart.report import page
from onecart.report.sections import recommend

pytestmark = pytest.mark.job


def html_of(ctx):
    return page.cards(*recommend.SECTION.cards(ctx))


def _measured(**metrics):
    rows = {"ndcg": 0.2, "ndcg_low": 0.1, "ndcg_high": 0.3, "coverage": 0.5}
    rows |= {"diversity": 0.9, "popularity_share": 0.25, "novelty": 7.5, **metrics}
    return rows


GROUPS = {"activity.10-19": 40, "activity.2-4": 30, "age.55 and over": 35, "age.under 35": 35, "country.France": 70}


OFFERED = {
    "recommend.popularity": _measured(ndcg=0.1),
    "recommend.als": _measured(
        ndcg_over_popularity=0.1,
        ndcg_over_popularity_low=0.05,
        ndcg_over_popularity_high=0.15,
        **{
            f"{name}.{group}": value
            for group, users in GROUPS.items()
            for name, value in (("users", users), ("ndcg", 0.2), ("ndcg_low", 0.1), ("ndcg_high", 0.3))
        },
    ),
}


def test_scores_are_those_of_the_run_that_made_the_offers(spark):
    rows = [
        (model, f"{model}@{run}", metric, float(value + (run == "b")))
        for run in "ab"
        for model, found in OFFERED.items()
        for metric, value in found.items()
    ]
    rows.append(("intent.gbt", "intent.gbt@a", "ndcg", 9.0))
    health = spark.createDataFrame(rows, "model string, model_version string, metric string, value double")
    offers = spark.createDataFrame([("recommend.als@a", "2011-12-10")], "model_version string, as_of string")
    found = recommend.of_offers(health, offers)
    models = recommend.model_scores(found).toPandas()
    assert models[["model", "ndcg", "ndcg_over_popularity"]].fillna(0).to_numpy().tolist() == [
        ["als", 0.2, 0.1],
        ["popularity", 0.1, 0],
    ]
    assert recommend.group_scores(found).toPandas().to_numpy().tolist() == [
        ["als", "activity", "2-4", 30, 0.2, 0.1, 0.3],
        ["als", "activity", "10-19", 40, 0.2, 0.1, 0.3],
        ["als", "age", "under 35", 35, 0.2, 0.1, 0.3],
        ["als", "age", "55 and over", 35, 0.2, 0.1, 0.3],
        ["als", "country", "France", 70, 0.2, 0.1, 0.3],
    ]
    assert recommend.model_scores(health.limit(0)).count() == 0


def test_each_measure_of_the_lists_has_a_chart_of_its_own():
    table = pd.DataFrame([{"model": model, **found} for model, found in OFFERED.items()])
    charts = recommend.plot_make_up(table).data
    assert [c.x[0] for c in charts] == [0.5, 0.25, 0.9, 7.5]
    assert [c.text[0] for c in charts] == ["50.0%", "25%", "90%", "7.5"]


def test_what_is_offered_shows_scores_sources_and_reasons_of_those_who_agreed(context, fill, rows_of):
    assert html_of(context()) == ""
    ctx = context(as_of=date(2011, 12, 10))
    ctx.write_health(OFFERED, "holdout")
    products = [{"sku": "1", "description": "red <mug>"}, {"sku": "2", "description": "blue bowl"}, {"sku": "3"}]
    fill("silver.products", rows_of("silver.products", *products))
    people = [{"customer_id": c, "consent_profiling": c != "c-no"} for c in ("c-yes", "c-no")]
    fill("gold.customer_profile", rows_of("gold.customer_profile", *people))
    mine = {"customer_id": "c-yes", "model_version": "recommend.als@testrun"}
    offers = [
        {**mine, "rank": 1, "sku": "2", "tier": "als", "because": ["1", "3"]},
        {**mine, "rank": 2, "sku": "3", "tier": "popularity"},
        {
            "customer_id": "c-no",
            "rank": 1,
            "sku": "1",
            "tier": "popularity",
            "model_version": "recommend.popularity@testrun",
        },
    ]
    fill("gold.recommendations", rows_of("gold.recommendations", *offers))
    html = html_of(ctx)
    assert html.count('class="card') == 6
    assert "als +0.100 (+0.050 to +0.150) beside popularity" in html
    assert "2-4 (30 customers)" in html
    assert "age: 55 and over (35 customers)" in html
    assert "France" not in html  # one group alone compares nothing
    assert "because you bought or looked at red &lt;mug&gt; and 3" in html
    assert "because many buy it now" in html
    assert "c-no" not in html
    shares = recommend.offers_by_source(ctx.lake.read("gold.recommendations")).toPandas()
    assert shares.set_index("source")["share"].round(3).to_dict() == {
        "als": 0.333,
        "popularity": 0.333,
        "popularity, no personal model": 0.333,
    }
