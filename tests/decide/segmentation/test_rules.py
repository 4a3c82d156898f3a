"""RFM scores and segments by rules; what the job writes."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.job

PROFILE = (
    "customer_id STRING, currency STRING, recency_days INT, orders LONG, revenue DECIMAL(18,4), consent_email BOOLEAN, "
    "consent_sms BOOLEAN, email STRING, phone STRING"
)
SCORES = "customer_id STRING, decile INT"


def customer(name: str, recency: int | None, orders: int, revenue: int, **more: Any) -> tuple[Any, ...]:
    row = {"consent_email": False, "consent_sms": False, "email": None, "phone": None, "currency": "GBP", **more}
    currency = row.pop("currency")
    return (name, currency, recency, orders, Decimal(revenue), *row.values())


def segments(
    spark: Any, rows: list[tuple[Any, ...]], deciles: list[tuple[str, int]], rules: Any = None
) -> dict[str, Any]:
    from onecart.config.sections.decide.segments import default_rules
    from onecart.decide.segmentation.rules import segments as build
    from onecart.profile.rfm import with_rfm

    profile, scores = with_rfm(spark.createDataFrame(rows, PROFILE)), spark.createDataFrame(deciles, SCORES)
    found = build(profile, scores, rules or default_rules())
    return {r["customer_id"]: r for r in found.collect()}


def test_fifths_of_buyers_are_scored_5_best_and_equal_values_alike(spark: Any) -> None:
    rows = [customer(f"c{i}", 10 * i, 11 - i, 100) for i in range(1, 11)]
    found = segments(spark, [*rows, customer("none", None, 0, 0)], [])
    scores = [tuple(found[f"c{i}"][s] for s in ("recency_score", "frequency_score")) for i in range(1, 11)]
    assert [r for r, _ in scores] == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert [f for _, f in scores] == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert {found[f"c{i}"]["monetary_score"] for i in range(1, 11)} == {1}
    assert found["none"][2:5] == (None, None, None)


def test_spending_is_compared_within_one_currency_as_in_the_profile(spark: Any) -> None:
    rows = [customer(f"{c}{i}", i, 1, i * n, currency=c) for c, n in (("GBP", 1), ("JPY", 200)) for i in range(1, 6)]
    found = segments(spark, rows, [])
    scores = {c: [found[f"{c}{i}"]["monetary_score"] for i in range(1, 6)] for c in ("GBP", "JPY")}
    assert scores == {currency: [1, 2, 3, 4, 5] for currency in ("GBP", "JPY")}


def test_each_customer_gets_the_first_segment_whose_rule_holds(spark: Any) -> None:
    rows = [
        customer("champion", 1, 9, 900),
        customer("loyal", 5, 8, 20),
        customer("new", 2, 1, 10),
        customer("new, too", 3, 1, 10),
        customer("promising", 6, 1, 20),
        customer("likely", 81, 1, 15),
        customer("at_risk", 70, 7, 70),
        customer("lapsed", 80, 1, 15),
        customer("browser", None, 0, 0),
    ]
    found = segments(spark, rows, [("likely", 2), ("lapsed", 9)])
    assert {name: row["segment"] for name, row in found.items()} == {
        **{n: n for n in ("champion", "loyal", "new", "promising", "at_risk", "lapsed", "browser")},
        "new, too": "new",
        "likely": "promising",
    }
    assert (found["likely"]["intent_decile"], found["champion"]["intent_decile"]) == (2, None)


def test_reachable_needs_the_consent_and_the_address_for_it(spark: Any) -> None:
    rows = [
        customer("both", 1, 1, 1, consent_email=True, email="a@b.c"),
        customer("no_address", 1, 1, 1, consent_email=True, phone="+44"),
        customer("no_consent", 1, 1, 1, email="a@b.c", phone="+44"),
        customer("text", 1, 1, 1, consent_sms=True, phone="+44"),
    ]
    found = segments(spark, rows, [])
    assert sorted(n for n, row in found.items() if row["reachable"]) == ["both", "text"]


def test_the_shops_own_rules_are_taken_and_nobodys_is_other(spark: Any) -> None:
    from onecart.config.sections.decide.segments import SegmentRule

    rules = (
        SegmentRule(name="pounds", where="currency = 'GBP' AND revenue BETWEEN 50 AND 100"),
        SegmentRule(name="post", where="email IS NOT NULL AND NOT consent_email"),
    )
    rows = [customer("a", 1, 1, 60), customer("b", 1, 1, 60, currency="JPY", email="a@b.c"), customer("c", 1, 1, 10)]
    found = segments(spark, rows, [], rules)
    assert {name: row["segment"] for name, row in found.items()} == {"a": "pounds", "b": "post", "c": "other"}


def test_a_rule_that_is_none_is_named_before_anything_runs(spark: Any) -> None:
    from onecart.config.sections.decide.segments import SegmentRule
    from onecart.errors import UsageError

    rule = SegmentRule(name="many", where="ordrs > 3")
    with pytest.raises(UsageError, match=r"the segment 'many'.*names a column 'ordrs'.*did you mean 'orders'"):
        segments(spark, [customer("a", 1, 1, 1)], [], (rule,))


def test_decide_writes_segments_movements_and_a_summary(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any], caplog: Any
) -> None:
    """Of customers who refused profiling nothing is asked that profiling found out."""
    from onecart.decide.job import run

    caplog.set_level("INFO")

    day, later, after = date(2011, 6, 1), date(2011, 6, 8), date(2011, 6, 9)
    likely = {"orders": 2, "rfm_r": 1, "rfm_f": 1, "rfm_m": 1, "currency": "GBP", "revenue": 20, "as_of": after}
    profile = [
        {"customer_id": "agreed", **likely, "consent_profiling": True, "lifetime_value_12m": 7},
        {"customer_id": "refused", **likely},
        {"customer_id": "new", "orders": 0, "as_of": after},
    ]
    fill("gold.customer_profile", rows_of("gold.customer_profile", *profile))
    scores = [{"customer_id": c, "as_of": later, "decile": 1} for c in ("agreed", "refused")]
    fill("gold.intent_scores", rows_of("gold.intent_scores", *scores))
    before = [{"customer_id": c, "segment": "lapsed", "as_of": day} for c in ("agreed", "refused", "gone")]
    fill("gold.segments", rows_of("gold.segments", *before))
    result = run(context(as_of=later, decide={"campaigns": {}, "placements": {}}))
    assert (result.rows_in, result.rows_out) == (3, 3)
    assert (
        result.headline == "3 customers in 3 segments, none learned, 1 moved; profiles are of 2011-06-09, after as_of"
    )
    assert "0 customers with consent are too few" in caplog.text
    found = {r["customer_id"]: r for r in lake.read("gold.segments").collect()}
    assert {c: r["segment"] for c, r in found.items()} == {"agreed": "promising", "refused": "lapsed", "new": "browser"}
    assert found["refused"]["intent_decile"] is None
    summary = {r["segment"]: r for r in lake.read("gold.segment_summary").collect()}
    assert (summary["promising"]["customers"], summary["promising"]["revenue"]) == (1, Decimal(20))
    assert (summary["promising"]["value_12m"], summary["lapsed"]["value_12m"]) == (7.0, None)
    assert summary["browser"]["meaning"] == "never bought"
    again = run(context(as_of=later, decide={"campaigns": {}}))
    assert "moved" not in again.headline  # the same day again changes nothing
    moved = {(r["from_segment"], r["to_segment"]): r for r in lake.read("gold.segment_movements").collect()}
    assert {pair: (r["customers"], r["since"]) for pair, r in moved.items()} == {
        ("lapsed", "promising"): (1, day),
        ("lapsed", "lapsed"): (1, day),
        ("lapsed", None): (1, day),
        (None, "browser"): (1, day),
    }
