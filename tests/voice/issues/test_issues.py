"""Complaints by product and week: counts, the test, false discoveries, quotes, the effect on sales."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from onecart.errors import UsageError
from onecart.voice.issues.effect import with_sales_effect
from onecart.voice.issues.quotes import issue_quotes
from onecart.voice.issues.trend_test import judged, tails
from onecart.voice.issues.weekly import placed_reviews, product_issues

MONDAY = datetime(2024, 1, 1)


def shop(spark: Any, said: list[tuple[int, str | None, str]]) -> tuple[Any, Any, Any]:
    """(week, sku, polarity of `battery`, or - for nothing said) -> mentions, reviews, products."""
    reviews = [(f"r{i}", MONDAY + timedelta(days=7 * week + i % 7), sku) for i, (week, sku, _) in enumerate(said)]
    mentions = [(f"r{i}", "battery", polarity) for i, (_, _, polarity) in enumerate(said) if polarity != "-"]
    return (
        spark.createDataFrame(mentions, "review_id STRING, aspect STRING, polarity STRING"),
        spark.createDataFrame(reviews, "review_id STRING, review_ts TIMESTAMP, sku STRING"),
        spark.createDataFrame([("a", "lamps"), ("b", "lamps"), ("c", None)], "sku STRING, category STRING"),
    )


def test_counts_by_product_category_and_shop(spark: Any) -> None:
    said = [(0, "a", "negative"), (0, "a", "positive"), (0, "b", "-"), (1, "c", "neutral"), (1, None, "negative")]
    rows = product_issues(*shop(spark, said)).collect()
    columns = ("scope", "item", "week", "reviews", "mentions", "positive", "negative", "negative_share")
    assert sorted(tuple(r[c] for c in columns) for r in rows) == [
        ("category", "lamps", date(2024, 1, 1), 3, 2, 1, 1, 0.5),
        ("shop", "all", date(2024, 1, 1), 3, 2, 1, 1, 0.5),
        ("shop", "all", date(2024, 1, 8), 2, 2, 0, 1, 0.5),
        ("sku", "a", date(2024, 1, 1), 2, 2, 1, 1, 0.5),
        ("sku", "c", date(2024, 1, 8), 1, 1, 0, 0, 0.0),
    ]
    assert {r.owner for r in rows} == {"product and supplier"}
    assert {(r.emerging, r.p_value) for r in rows} == {(False, None)}  # too little past


def test_a_planted_issue_is_found_where_it_is_and_nowhere_else(spark: Any) -> None:
    draw = np.random.default_rng(7)
    said: list[tuple[int, str | None, str]] = []
    for week in range(20):
        for sku in "ab":
            bad = 0.6 if (sku, week) == ("a", 19) else 0.05
            said += [(week, sku, "negative" if x < bad else "positive") for x in draw.uniform(size=12)]
    found = product_issues(*shop(spark, said)).where("emerging").collect()
    assert {(r.scope, r.item, r.week) for r in found} >= {("sku", "a", date(2024, 5, 13))}
    assert {r.week for r in found} == {date(2024, 5, 13)}
    assert ("sku", "b") not in {(r.scope, r.item) for r in found}
    assert all(r.p_value <= r.q_value <= 0.05 and r.recent_share > r.past_share for r in found)


def cells(spark: Any, recent: np.ndarray, past: np.ndarray, now: np.ndarray, before: np.ndarray) -> Any:
    columns = ("recent", "recent_reviews", "past", "past_reviews")
    rows = [*zip(*(x.astype(int).tolist() for x in (recent, now, past, before)), strict=True)]
    frame = spark.createDataFrame(
        [(i, *r) for i, r in enumerate(rows)], "i INT, " + ", ".join(f"{c} LONG" for c in columns)
    )
    return frame.selectExpr("*", "true AS testable")


def test_of_a_thousand_series_without_an_issue_none_is_called_one(spark: Any) -> None:
    draw = np.random.default_rng(3)
    now, before = draw.integers(5, 60, 1000), draw.integers(50, 800, 1000)
    share = draw.uniform(0.01, 0.3, 1000)
    frame = cells(spark, draw.binomial(now, share), draw.binomial(before, share), now, before)
    assert judged(frame, alpha=0.05).where("emerging").count() == 0


def test_discoveries_and_q_values_are_those_of_a_plain_benjamini_hochberg(spark: Any) -> None:
    draw = np.random.default_rng(5)
    now, before = draw.integers(5, 60, 300), draw.integers(50, 800, 300)
    share = draw.uniform(0.01, 0.3, 300)
    worse = np.where(np.arange(300) < 60, 0.5, share)
    recent, past = draw.binomial(now, worse), draw.binomial(before, share)
    rows = judged(cells(spark, recent, past, now, before), alpha=0.05).orderBy("i").collect()
    p, least = tails(recent, now, past, before)
    can = least <= 0.05
    assert [r.p_value is not None for r in rows] == can.tolist()
    order = np.sort(p[can])
    expected = [min((order[k] * can.sum() / (k + 1) for k in range(len(order)) if order[k] >= x), default=1) for x in p]
    for row, q, is_testable in zip(rows, expected, can, strict=True):
        assert row.emerging == bool(is_testable and q <= 0.05)
        if row.emerging:
            assert row.q_value == pytest.approx(q)
    found = {r.i for r in rows if r.emerging}
    assert len(found) > 30
    assert sum(i >= 60 for i in found) <= 0.05 * len(found) + 2


def test_the_false_discovery_rate_holds_over_many_runs() -> None:
    """200 runs of 900 series that did not change and 100 that did; Benjamini-Hochberg by hand on our p-values."""
    draw = np.random.default_rng(11)
    shares = []
    for _ in range(200):
        now, before = draw.integers(5, 60, 1000), draw.integers(50, 800, 1000)
        share = draw.uniform(0.01, 0.3, 1000)
        recent = draw.binomial(now, np.where(np.arange(1000) < 100, 0.5, share))
        p, least = tails(recent, now, draw.binomial(before, share), before)
        p = np.where(least <= 0.05, p, np.nan)
        order = np.argsort(p)[: np.isfinite(p).sum()]
        below = np.flatnonzero(p[order] <= 0.05 * np.arange(1, len(order) + 1) / len(order))
        found = order[: below.max() + 1] if len(below) else order[:0]
        shares.append(float(np.mean(found >= 100)) if len(found) else 0.0)
    assert np.mean(shares) <= 0.05
    assert np.mean(shares) > 0.002  # the runs do discover, also wrongly


def test_p_values_are_fisher_s() -> None:
    from scipy.stats import fisher_exact

    p, _ = tails(*(np.array([x]) for x in (5, 12, 3, 40)))
    assert p[0] == pytest.approx(fisher_exact([[5, 7], [3, 37]], alternative="greater")[1])


def test_quotes_are_the_strongest_masked_and_each_said_once(spark: Any) -> None:
    schema = "review_id STRING, record_id STRING, given STRING, aspect STRING, polarity STRING, evidence STRING, "
    schema += "score DOUBLE, start INT"
    rows = [
        ("r0", "crm:1", "Jane", "battery", "negative", "the battery is awful, says Jane", -3.0, 0),
        ("r1", "crm:2", None, "battery", "negative", "The battery is awful! says jane", -2.9, 0),
        ("r2", "crm:3", None, "battery", "negative", "battery dead, write to me@x.example", -2.0, 0),
        ("r3", "crm:4", None, "battery", "positive", "the battery is lovely indeed", 3.0, 0),
        ("r4", "crm:5", None, "battery", "negative", "bad", -1.0, 0),
    ]
    _, reviews, products = shop(spark, [(0, "a", "negative")] * 5)
    mentions = spark.createDataFrame(rows, schema)
    issues = spark.createDataFrame(
        [("sku", "a", "battery", date(2024, 1, 1))], "scope STRING, item STRING, aspect STRING, week DATE"
    )
    found = issue_quotes(issues, mentions, placed_reviews(reviews, products), names=["given"])
    assert sorted((r.place, r.review_id, r.record_id, r.quote) for r in found.collect()) == [
        (1, "r0", "crm:1", "the battery is awful, says [NAME]"),
        (2, "r1", "crm:2", "The battery is awful! says jane"),
        (3, "r2", "crm:3", "battery dead, write to [EMAIL]"),
    ]
    twice = mentions.replace("The battery is awful! says jane", "THE battery is awful,   says [name]...", "evidence")
    said = issue_quotes(issues, twice, placed_reviews(reviews, products), names=["given"])
    assert sorted(r.review_id for r in said.collect()) == ["r0", "r2"]


def test_the_effect_on_sales_is_relative_to_other_days_and_says_why_there_is_none(spark: Any) -> None:
    monday = date(2024, 3, 4)
    rows = [("sku", "a", monday, True), ("sku", "b", monday, True), ("sku", "a", date(2024, 1, 1), False)]
    rows += [("shop", "all", monday, True)]
    issues = spark.createDataFrame(rows, "scope STRING, item STRING, week DATE, emerging BOOLEAN")
    days = [("a", monday + timedelta(days=d), 10.0, (6.0 if 0 <= d < 14 else 12.0) + d % 2) for d in range(-30, 14)]
    days += [("b", monday + timedelta(days=d), 10.0, 9.0) for d in range(3)]
    frame = spark.createDataFrame(
        [(sku, day, day - timedelta(days=7), yhat, y) for sku, day, yhat, y in days]
        + [("a", monday, date(2023, 1, 1), 99.0, 6.0)],  # an older forecast of a day does not count
        "unique_id STRING, ds DATE, made_on DATE, yhat DOUBLE, y DOUBLE",
    )
    found = {(r.scope, r.item, r.week): r for r in with_sales_effect(issues, frame).collect()}
    assert len(found) == 4
    hit = found["sku", "a", monday]
    assert hit.sales_effect == pytest.approx(6.5 / 12.5 - 1)
    assert hit.sales_effect_low < hit.sales_effect < hit.sales_effect_high < 0
    assert hit.sales_effect_reason is None
    reasons = {key: r.sales_effect_reason for key, r in found.items() if r.sales_effect is None}
    assert reasons == {
        ("sku", "b", monday): "too few days of the weeks were forecast and have come",
        ("sku", "a", date(2024, 1, 1)): "not an emerging issue",
        ("shop", "all", monday): "not about one product",
    }


def test_what_does_not_fit_says_so_and_nothing_gives_nothing(spark: Any) -> None:
    mentions, reviews, products = shop(spark, [(0, "a", "negative")])
    assert product_issues(mentions.limit(0), reviews.limit(0), products).count() == 0
    with pytest.raises(UsageError, match="mentions has no column 'polarity'"):
        product_issues(mentions.drop("polarity"), reviews, products)
    with pytest.raises(UsageError, match="reviews has 2 rows with review_id 'r0'"):
        product_issues(mentions, reviews.union(reviews), products)
