"""Campaigns, part by part: moments of sending, control groups, channels, conditions, and plans with a control group."""

from datetime import date, datetime, time, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.config import Campaign, Contacts
from onecart.decide.campaigns import candidates
from onecart.decide.campaigns.plan import planned, used
from onecart.decide.campaigns.sending import delays, is_quiet, zones_of_countries
from onecart.errors import UsageError

HOURS = st.integers(0, 23)
ZONES = sorted({zone for zones in zones_of_countries().values() for zone in zones})


@settings(max_examples=150, deadline=None)
@given(
    day=st.dates(min_value=datetime(2011, 1, 1).date(), max_value=datetime(2030, 12, 31).date()),
    shop=st.sampled_from(ZONES),
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3),
    quiet=st.tuples(HOURS, HOURS),
)
def test_no_contact_falls_into_quiet_hours_on_any_clock_of_the_country(
    day: Any, shop: str, zones: list[str], quiet: tuple[int, int]
) -> None:
    begin = datetime.combine(day, time(), ZoneInfo(shop))
    start = begin.astimezone(timezone.utc).timestamp()
    for wanted, hours in enumerate(delays(begin, zones, quiet)):
        if hours < 0:
            continue
        moment = datetime.fromtimestamp(start + hours * 3600, timezone.utc)
        assert wanted <= hours < wanted + 24
        for zone in zones:
            clock = moment.astimezone(ZoneInfo(zone)).hour
            inside = quiet[0] <= clock < quiet[1] if quiet[0] < quiet[1] else clock >= quiet[0] or clock < quiet[1]
            assert quiet[0] == quiet[1] or not inside


def test_quiet_hours_go_over_midnight_and_a_country_may_be_quiet_somewhere_all_day() -> None:
    assert [is_quiet(time(h), (20, 8)) for h in (7, 8, 19, 20, 23, 0)] == [True, False, False, True, True, True]
    assert not is_quiet(time(3), (5, 5))
    begin = datetime(2011, 6, 1, tzinfo=ZoneInfo("UTC"))
    assert delays(begin, ["Europe/London"], (20, 8))[:8] == [7] * 8  # British summer time
    assert delays(begin, ["Africa/Abidjan", "Pacific/Auckland"], (12, 0))[0] == -1  # twelve hours apart


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 120),
    share=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    budget=st.one_of(st.none(), st.floats(0, 30)),
    cap=st.one_of(st.none(), st.integers(0, 10)),
)
def test_the_treated_keep_budget_and_caps_and_nobody_is_chosen_for_the_group_they_are_in(
    seed: int, n: int, share: float, budget: float | None, cap: int | None
) -> None:
    draw = np.random.default_rng(seed)
    held = draw.random(n) < share
    rows = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(n)], 2),
            "offer": np.tile(["a", "b"], n),
            "value": draw.normal(1, 2, 2 * n),
            "cost": draw.uniform(0, 2, 2 * n),
            "held_back": np.repeat(held, 2),
        }
    )
    plan = planned(rows, budget, {"a": cap, "b": None}, share)
    treated = used(plan.chosen, rows)
    assert budget is None or treated.spent <= budget * (1 + 1e-9)
    assert cap is None or treated.counts.get("a", 0) <= cap
    assert plan.value <= plan.bound + 1e-9
    assert (plan.chosen["value"] > 0).all()
    if (
        budget is None and cap is None
    ):  # nothing to compete for: all with an offer worth making are chosen, in both groups
        assert {*plan.chosen["customer_id"]} == {*rows.loc[rows["value"] > 0, "customer_id"]}


def test_a_budget_is_spent_on_the_treated_not_kept_for_those_held_back() -> None:
    draw = np.random.default_rng(1)
    n = 1000
    rows = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "offer": "a",
            "value": draw.gamma(2, 1, n),
            "cost": 1.0,
            "held_back": draw.random(n) < 0.3,
        }
    )
    plan = planned(rows, 100, {}, 0.3)
    spent = used(plan.chosen, rows).spent
    assert 90 <= spent <= 100
    chosen = rows["customer_id"].isin(plan.chosen["customer_id"])
    assert rows.loc[chosen, "value"].min() >= rows.loc[~chosen, "value"].max()  # one threshold for both groups


@pytest.mark.job
def test_control_groups_follow_from_key_family_and_customer_alone(spark: Any) -> None:
    from pyspark.sql import functions as F

    from onecart.decide.campaigns.people import is_held_back

    rows = spark.range(4000).select(F.concat(F.lit("c"), "id").alias("customer_id"))
    found = rows.select(
        is_held_back("spring", 0.1, b"k").alias("a"),
        is_held_back("spring", 0.3, b"k").alias("more"),
        is_held_back("winter", 0.1, b"k").alias("other"),
        is_held_back("spring", 0.1, b"other").alias("key"),
        is_held_back("spring", 0.0, b"k").alias("none"),
    ).toPandas()
    assert found["a"].mean() == pytest.approx(0.1, abs=0.02)
    assert found["more"].mean() == pytest.approx(0.3, abs=0.03)
    assert (found["a"] <= found["more"]).all()  # a larger share holds the same ones back, and more
    assert not found["none"].any()
    for independent in ("other", "key"):
        assert (found["a"] & found[independent]).mean() == pytest.approx(0.01, abs=0.006)


@pytest.mark.job
def test_the_channel_near_to_where_the_customer_buys_comes_first_if_it_is_allowed(spark: Any) -> None:
    from onecart.decide.campaigns.people import channel_of

    rows = spark.createDataFrame(
        [("a", "app", True, True), ("b", "app", True, False), ("c", "web", True, True), ("d", None, False, True),
         ("e", "app", False, False)],
        "customer_id string, preferred_channel string, may_sms boolean, may_push boolean",
    )  # fmt: skip
    found = rows.select("customer_id", channel_of(["sms", "push"], {"app": "app", "web": "online"}).alias("channel"))
    assert dict(map(tuple, found.collect())) == {"a": "push", "b": "sms", "c": "sms", "d": "push", "e": None}


@pytest.mark.job
def test_an_offer_brings_what_the_contact_adds_less_what_is_given_to_those_who_buy_anyway(spark: Any) -> None:
    from pyspark.sql import functions as F

    campaign = Campaign.model_validate(
        {"offers": {"plain": {"lift": 0.5}, "ten": {"discount": 0.1, "lift": 0.5, "cost": 1}}}
    )
    rows = spark.createDataFrame(
        [("a", 0.2, 100.0, "email", {"ten": 0.3}), ("b", 0.9, None, None, None)],
        "customer_id string, probability double, average_basket double, channel string, uplift map<string,double>",
    )
    worth = candidates.Worth(F.lit(50.0), F.lit(0.4))
    found = rows.transform(candidates.with_offers, campaign, Contacts(costs={"email": 0.5}), worth, True)
    values = {r["customer_id"]: [o["value"] for o in r["offers"]] for r in found.collect()}
    assert values["a"] == pytest.approx([100 * 0.1 * 0.4 - 0.5, 100 * (0.3 * 0.3 - 0.2 * 0.1) - 1.5])
    # Nobody becomes more than certain to buy; who never bought is taken to buy as much as others.
    assert values["b"] == pytest.approx([50 * 0.1 * 0.4 - 0.5, 50 * (0.1 * 0.3 - 0.9 * 0.1) - 1.5])


@pytest.mark.job
@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("ordres > 0", "decide.campaigns: 'spring': .* names a column 'ordres'"),
        ("orders", "needs true or false where 'orders' is a number"),
        ("rfm_r > 3", "names a column 'rfm_r'"),  # conditions have one name for it
    ],
)
def test_a_condition_that_is_none_is_named(where: str, says: str, spark: Any) -> None:
    from onecart.decide.campaigns.people import considered

    rows = spark.createDataFrame([("a", 1, 4, 2)], "customer_id string, orders long, rfm_r int, decile int")
    with pytest.raises(UsageError, match=says):
        considered(rows, "spring", Campaign.model_validate({"where": where, "offers": {"a": {}}}))
    same = "orders > 0 AND recency_score >= 4 AND intent_decile <= 3"  # as decide.segments has it
    assert considered(rows, "x", Campaign.model_validate({"where": same, "offers": {"a": {}}})).columns == rows.columns
    assert considered(rows, "x", Campaign.model_validate({"where": same, "offers": {"a": {}}})).count() == 1


@pytest.mark.job
def test_only_who_agreed_has_an_address_and_was_not_contacted_too_often_may_be_contacted(spark: Any) -> None:
    from pyspark.sql import functions as F

    from onecart.decide.campaigns.people import channel_of

    draw = np.random.default_rng(11)
    n = 600
    flags = pd.DataFrame(draw.random((n, 3)) < 0.7, columns=["profiled", "may_email", "may_sms"])
    people = flags.assign(
        customer_id=[f"c{i}" for i in range(n)],
        contacts=draw.integers(0, 4, n),
        probability=np.where(draw.random(n) < 0.9, draw.random(n), np.nan),
        average_basket=draw.gamma(2, 20, n),
        preferred_channel=draw.choice(["web", "app"], n),
        hour=draw.random(n) < 0.9,
    )
    rows = spark.createDataFrame(people).withColumns(
        {
            "probability": F.nanvl("probability", F.lit(None).cast("double")),
            "send_ts": F.when(F.col("hour"), F.lit(datetime(2011, 6, 1, 12))),
            "channel": channel_of(["email", "sms"], {"web": "online", "app": "app"}),
        }
    )
    campaign = Campaign.model_validate({"channels": ["email", "sms"], "offers": {"a": {}, "b": {"cost": 2}}})
    contacts = Contacts(max_per_week=2)
    worth = candidates.Worth(F.lit(40.0), F.lit(0.4))
    made = rows.transform(candidates.with_offers, campaign, contacts, worth, False)
    found = made.transform(candidates.with_refusal, contacts).drop("offers").toPandas()
    free = found[found["refusal"].isna()]
    assert 50 < len(free) < 400
    assert free["profiled"].all()
    assert (free["contacts"] < 2).all()
    assert free["probability"].notna().all()
    assert free["send_ts"].notna().all()
    assert all(row[f"may_{row['channel']}"] for _, row in free.iterrows())
    refused = found[found["refusal"].notna()]
    assert not (
        refused["profiled"] & refused["channel"].notna() & (refused["contacts"] < 2) & refused["send_ts"].notna()
        & refused["probability"].notna() & (refused["refusal"] != candidates.NOT_WORTH)
    ).any()  # fmt: skip


@pytest.mark.job
def test_contacts_of_the_last_seven_days_count_whatever_the_campaign(spark: Any) -> None:
    from onecart.decide.campaigns.people import contacted, with_contacts

    day = date(2011, 6, 10)
    log = [
        ("in", date(2011, 6, 9), "treated", datetime(2011, 6, 9, 12), "campaign"),
        ("held long ago", date(2011, 6, 2), "control", None, "campaign"),
        ("first moment", date(2011, 6, 2), "treated", datetime(2011, 6, 3), "campaign"),
        ("too old", date(2011, 6, 2), "treated", datetime(2011, 6, 2, 23), "campaign"),
        ("made anew", day, "treated", datetime(2011, 6, 10, 12), "campaign"),
        ("held", date(2011, 6, 9), "control", None, "campaign"),
        ("shown", date(2011, 6, 9), "chosen", datetime(2011, 6, 9, 12), "content"),
    ]
    rows = spark.createDataFrame(log, "customer_id string, as_of date, decision string, send_ts timestamp, kind string")
    rows = rows.selectExpr("*", "cast(as_of AS timestamp) AS decided_ts", "'june' AS subject")
    found = contacted(rows, day, "UTC")
    assert {r["customer_id"] for r in found.collect()} == {"in", "first moment", "held"}
    people = spark.createDataFrame([("in",), ("free",)], "customer_id string")
    both = found.unionByName(found.selectExpr("customer_id", "'may' AS campaign"))
    counted = {r["customer_id"]: (r["contacts"], r["contacted_by"]) for r in with_contacts(people, both).collect()}
    assert counted == {"in": (2, "june, may"), "free": (None, None)}


def test_two_offers_of_one_campaign_share_no_stock() -> None:
    mugs = {"free": {"sku": "MUG"}, "half": {"sku": "MUG", "discount": 0.5}}
    with pytest.raises(ValueError, match="two offers are of the product 'MUG', whose stock is one"):
        Campaign.model_validate({"offers": mugs})
