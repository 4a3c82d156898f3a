"""RFM scores and segments."""

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


def segments(spark: Any, rows: list[tuple[Any, ...]], deciles: list[tuple[str, int]]) -> dict[str, Any]:
    from onecart.decide.segments import segments as build
    from onecart.profile.rfm import with_rfm

    found = build(with_rfm(spark.createDataFrame(rows, PROFILE)), spark.createDataFrame(deciles, SCORES))
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


def test_decide_writes_segments_before_any_intent_is_known(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any]
) -> None:
    from onecart.decide.job import run

    zeros = dict.fromkeys(("records", "orders", "units", "visits", "tickets", "reviews"), 0)
    consents = {f"consent_{n}": False for n in ("email", "sms", "profiling")}
    row = {"revenue": Decimal(0), "as_of": date(2011, 6, 1), **zeros, **consents}
    fill("gold.customer_profile", [{"customer_id": "c1", **row}])
    result = run(context(as_of=date(2011, 6, 1), decide={"campaigns": {}}))
    assert (result.rows_in, result.rows_out, result.headline) == (1, 1, "0 champions, 0 at risk of 1")
    assert [(r["segment"], r["as_of"]) for r in lake.read("gold.segments").collect()] == [("browser", date(2011, 6, 1))]
