"""Paths over all channels: what ends one, which touches may have led to a purchase, and who is followed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from onecart.measure.attribution.paths import conversion_paths, touches
from onecart.measure.attribution.table import _month_before, monthly, with_proof

SESSION = "session_id string, visitor_id string, customer_id string, channel string, campaign string, started_ts timestamp, purchased boolean"
TICKET = "ticket_id string, customer_id string, contact_channel string, opened_ts timestamp"
SEND = "decision_id string, customer_id string, channel string, subject string, send_ts timestamp"
TOUCH = "owner string, ts timestamp, id string, channel string, campaign string, purchased boolean"
DAY = timedelta(days=1)
T0 = datetime(2011, 5, 10, 12)


def paths(spark: Any, *rows: tuple[Any, ...], lookback: int = 30, zone: str = "UTC") -> list[tuple[Any, ...]]:
    """[(month, path, conversions, nulls)] of touches (owner, day, channel, purchased)."""
    frame = [(o, T0 + d * DAY, f"{n}", channel, None, bought) for n, (o, d, channel, bought) in enumerate(rows)]
    found = conversion_paths(spark.createDataFrame(frame, TOUCH), lookback_days=lookback, zone=zone)
    return sorted((r["month"], tuple(r["path"]), r["conversions"], r["nulls"]) for r in found.collect())


MAY, JUNE = date(2011, 5, 1), date(2011, 6, 1)


def test_a_purchase_ends_a_path_and_the_next_begins_after_it(spark: Any) -> None:
    rows = [("a", 0, "web", False), ("a", 1, "app", True), ("a", 2, "web", False), ("b", 0, "store", True)]
    assert paths(spark, *rows) == [
        (MAY, ("store",), 1.0, 0.0),
        (MAY, ("web",), 0.0, 1.0),
        (MAY, ("web", "app"), 1.0, 0.0),
    ]


def test_silence_longer_than_the_look_back_ends_a_path_in_nothing(spark: Any) -> None:
    rows = [("a", 0, "web", False), ("a", 30, "web", False), ("a", 61, "app", True)]
    assert paths(spark, *rows) == [(JUNE, ("web", "web"), 0.0, 1.0), (date(2011, 7, 1), ("app",), 1.0, 0.0)]


def test_touches_before_the_look_back_led_to_nothing_though_the_path_goes_on(spark: Any) -> None:
    rows = [("a", 0, "social", False), ("a", 20, "web", False), ("a", 40, "app", True)]
    assert paths(spark, *rows) == [(MAY, ("social",), 0.0, 1.0), (JUNE, ("web", "app"), 1.0, 0.0)]


def test_a_month_is_the_shops(spark: Any) -> None:
    row = ("a", 21, "web", True)  # the 31st, noon UTC
    assert paths(spark, row, zone="UTC")[0][0] == MAY
    assert paths(spark, row, zone="Pacific/Kiritimati")[0][0] == JUNE


def test_who_did_not_agree_is_not_followed_and_strangers_count(spark: Any) -> None:
    sessions = [
        ("s1", "c1", "c1", "web", "sale", T0, False),
        ("s2", "c2", "c2", "web", None, T0, False),
        ("s3", "c2", "c2", "app", None, T0, True),
        ("s4", "cookie", None, "web", None, T0, False),
    ]
    found = touches(
        spark.createDataFrame(sessions, SESSION),
        spark.createDataFrame([("t1", "c1", "phone", T0), ("t2", "c2", "phone", T0), ("t3", None, "chat", T0)], TICKET),
        spark.createDataFrame([("d1", "c1", "email", "spring", T0), ("d2", "c2", "email", "spring", T0)], SEND),
        spark.createDataFrame([("c1",)], "customer_id string"),
    )
    assert sorted((r["owner"], r["id"], r["channel"], r["campaign"], r["purchased"]) for r in found.collect()) == [
        ("c1", "d1", "email", "spring", False),
        ("c1", "s1", "web", "sale", False),
        ("c1", "t1", "support", "phone", False),
        ("cookie", "s4", "web", None, False),
        ("visit:s2", "s2", "web", None, False),
        ("visit:s3", "s3", "app", None, True),
    ]


def test_months_before() -> None:
    assert _month_before(date(2011, 12, 9), 11) == date(2011, 1, 1)
    assert _month_before(date(2011, 1, 31), 1) == date(2010, 12, 1)


def test_each_months_credit_adds_up_and_months_without_a_purchase_are_left_out() -> None:
    columns = ["month", "method", "origin", "target", "weight", "converted"]
    rows = [
        (MAY, "shapley", "web / sale", None, 5.0, 2.0),
        (MAY, "markov", None, "web / sale", 5.0, 0.0),
        (MAY, "markov", "web / sale", None, 5.0, 2.0),
        (JUNE, "shapley", "web", None, 5.0, 0.0),
        (JUNE, "markov", None, "web", 5.0, 0.0),
        (JUNE, "markov", "web", None, 5.0, 0.0),
    ]
    found = monthly(pd.DataFrame(rows, columns=columns)).set_index("method")
    assert set(found["month"]) == {MAY}
    assert found.loc["markov", ["touch", "channel", "credit", "conversions", "paths"]].tolist() == [
        "web / sale", "web", 2.0, 2.0, 5.0,
    ]  # fmt: skip
    assert found["removal_effect"].to_dict() == {"markov": 1.0, "shapley": None}


def test_what_control_groups_prove_stands_beside_the_credit_of_their_campaign() -> None:
    touched = [(MAY, "email / spring"), (MAY, "email"), (MAY, "web / sale"), (JUNE, "email / spring")]
    proved = [(MAY, "spring", 12.0, -3.0, 27.0), (MAY, "autumn", 1.0, 0.0, 2.0)]
    found = with_proof(
        pd.DataFrame(touched, columns=["month", "touch"]),
        pd.DataFrame(proved, columns=["month", "campaign", "proved_orders", "proved_low", "proved_high"]),
    )
    assert found["proved_orders"].tolist() == [12.0, None, None, None]
    assert found.loc[0, ["proved_low", "proved_high"]].tolist() == [-3.0, 27.0]


@pytest.mark.job
def test_the_table_holds_all_methods_of_the_last_months(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    from onecart.measure.attribution.table import write_attribution

    assert write_attribution(context(as_of=date(2011, 6, 1))) == ""
    visit = {"customer_id": "c1", "visitor_id": "c1", "channel": "web"}
    visits = [
        {**visit, "session_id": "s1", "started_ts": T0, "campaign": "sale"},
        {**visit, "session_id": "s2", "started_ts": T0 + 2 * DAY, "channel": "store", "purchased": True},
        {**visit, "session_id": "s3", "started_ts": T0 - 100 * DAY, "purchased": True},  # before the months asked for
        {**visit, "session_id": "s4", "started_ts": T0 + 60 * DAY, "purchased": True},  # after as_of
    ]
    fill("gold.sessions", rows_of("gold.sessions", *visits))
    consent = {"customer_id": "c1", "purpose": "profiling", "channel": "any", "granted": True}
    fill("gold.customer_consent", rows_of("gold.customer_consent", consent))
    fill("gold.identity_links", rows_of("gold.identity_links", {"record_id": "r1", "customer_id": "c1"}))
    tickets = [{"ticket_id": "t1", "record_id": "r1", "contact_channel": "chat", "opened_ts": T0 + DAY}]
    fill("silver.tickets", rows_of("silver.tickets", *tickets))
    sent = {"kind": "campaign", "decision": "treated", "customer_id": "c1", "channel": "email", "subject": "spring"}
    fill("gold.decision_log", rows_of("gold.decision_log", {**sent, "send_ts": T0 + DAY / 2, "versions": {}}))
    result = {"campaign": "spring", "segment": "all", "metric": "orders", "first_day": date(2011, 5, 10)}
    brought = {"trusted": True, "treated": 100, "incremental": 30.0, "lo": 0.1, "hi": 0.5}
    fill("gold.experiment_results", rows_of("gold.experiment_results", {**result, **brought}))
    write_attribution(context(as_of=date(2011, 6, 1), measure={"attribution": {"months": 2}}))
    rows = lake.read("gold.attribution").toPandas()
    assert set(rows["month"]) == {MAY}
    credit = rows.pivot(index="touch", columns="method", values="credit")
    touched = ["web / sale", "email / spring", "support / chat", "store"]
    assert credit.loc[touched].to_dict("list") == {
        "first": [1, 0, 0, 0],
        "last": [0, 0, 0, 1],
        "linear": [0.25] * 4,
        "position": pytest.approx([0.4, 0.1, 0.1, 0.4]),
        "shapley": [0.25] * 4,
        "markov": pytest.approx([0.25] * 4),
    }
    assert set(rows["channel"]) == {"web", "email", "support", "store"}
    assert set(rows["conversions"]) == {1.0}
    beside = rows[rows["proved_orders"].notna()]
    assert set(beside["touch"]) == {"email / spring"}
    assert set(zip(beside["proved_orders"], beside["proved_low"], beside["proved_high"], strict=True)) == {
        (30.0, 10.0, 50.0)
    }
