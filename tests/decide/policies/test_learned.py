"""A campaign's learned policy: from the log to the verdict to the next decision, and that it decides about nobody before."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

DAY = date(2011, 6, 8)
SENT = DAY - timedelta(days=14)
CAMPAIGN = {
    "policy": "learned",
    "offers": {"mail": {"cost": 3, "discount": 0.1}},
    "margin_share": 0.5,
    "horizon_days": 10,
}


def test_an_example_has_the_profit_of_its_horizon_and_of_the_days_until_the_next_decision(spark: Any) -> None:
    from pyspark.sql import functions as F

    from onecart.config import Campaign, Contacts
    from onecart.contracts.base.features import FEATURE_NAMES
    from onecart.decide.policies.examples import examples

    log = spark.createDataFrame(
        [
            ("1", "a", SENT, "mail", "treated", "email", 0.8),
            ("2", "a", SENT + timedelta(days=5), "mail", "control", "email", 0.2),
            ("3", "b", SENT, "mail", "treated", None, 0.8),
            ("4", "b", SENT, "gone", "treated", None, 0.8),
            ("5", "c", SENT, "mail", "treated", None, 0.8),
        ],
        "decision_id STRING, customer_id STRING, as_of DATE, action STRING, decision STRING, channel STRING, propensity DOUBLE",
    )
    known = [(c, SENT + timedelta(days=n), *[1.0] * len(FEATURE_NAMES)) for c, n in (("a", 0), ("a", 5), ("b", 0))]
    columns = ", ".join(f"{name} DOUBLE" for name in FEATURE_NAMES)
    features = spark.createDataFrame(known, f"customer_id STRING, as_of DATE, {columns}")
    days = ((-1, 100.0), (0, 10.0), (6, 20.0), (10, 40.0), (15, 80.0))
    orders = spark.createDataFrame(
        [("a", SENT + timedelta(days=n), amount) for n, amount in days], "customer_id STRING, day DATE, amount DOUBLE"
    )
    campaign = Campaign.model_validate(CAMPAIGN)
    rows = examples(log, features, orders, campaign, Contacts(costs={"email": 0.25}), 10, F.lit(0.5))
    found = {r["decision_id"]: r for r in rows.collect()}
    assert {*found} == {"1", "2", "3"}
    told = {k: (r["action"], r["profit"], r["reward"], r["following"], r["gap"]) for k, r in found.items()}
    assert told["1"] == ("contact", pytest.approx(0.4 * 30 - 3.25), pytest.approx(0.4 * 10 - 3.25), "2", 0.5)
    assert told["2"] == ("nothing", pytest.approx(0.5 * 60), pytest.approx(0.5 * 60), None, None)
    assert told["3"] == ("contact", -3, -3, None, None)


@pytest.mark.job
def test_it_passes_from_the_log_over_the_verdict_to_the_next_decision(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any], spark: Any
) -> None:
    """A mail brings 16 more of those who buy often, nothing of the others, and costs 3: the log's policy writes to both."""
    from onecart.decide.policies.acting import NOT_WANTED, standing, with_wanted
    from onecart.decide.policies.candidate import write_policy_candidates
    from onecart.measure.off_policy.table import write_policy_value

    ctx = context(as_of=DAY, shop={"currency": "GBP"}, decide={"campaigns": {"june": CAMPAIGN}})
    campaign = ctx.settings.decide.running["june"]
    assert write_policy_candidates(ctx).words == ""
    draw, n = np.random.default_rng(3), 2_000
    often, treated = draw.random(n) < 0.5, draw.random(n) < 0.5
    amount = np.where(treated & often, 48.0, 8.0) + draw.integers(0, 4, n)
    who = [f"c{i}" for i in range(n)]
    fill("gold.customer_consent", rows_of("gold.customer_consent", *[
        {"customer_id": c, "purpose": "profiling", "channel": "any", "granted": True} for c in who
    ]))  # fmt: skip
    of_all = {"kind": "campaign", "subject": "june", "as_of": SENT, "action": "mail", "propensity": 0.5,
              "policy": "expected profit under budget and caps, see decide.assign"}  # fmt: skip
    arms = np.where(treated, "treated", "control")
    log = [{**of_all, "decision_id": c, "customer_id": c, "decision": str(a)} for c, a in zip(who, arms, strict=True)]
    young = {**log[0], "decision_id": "young", "as_of": DAY - timedelta(days=9)}
    its_own = {**log[0], "decision_id": "its own", "policy": "learned (x) says whom to leave alone"}
    fill("gold.decision_log", rows_of("gold.decision_log", *log, young, its_own))
    seen = [
        {"customer_id": c, "as_of": d, "orders_28d": float(o)}
        for d in (SENT, DAY)
        for c, o in zip(who, often, strict=True)
    ]
    fill("gold.customer_features", rows_of("gold.customer_features", *seen))
    sales = [
        {"order_line_id": c, "customer_id": c, "order_ts": datetime(2011, 5, 28), "amount": int(a), "currency": "GBP"}
        for c, a in zip(who, amount, strict=True)
    ]
    fill("gold.customer_orders", rows_of("gold.customer_orders", *sales))

    assert write_policy_candidates(ctx).words == ""
    rows = lake.read("gold.policy_candidate").toPandas().set_index("decision_id")
    assert 900 < len(rows) < 1_100  # the half not learned from
    assert not {"young", "its own"} & {*rows.index}
    index = [who.index(c) for c in rows.index]
    expected = np.where(often[index], 0.5, ~treated[index])  # as it was, or left alone for certain
    assert (rows["probability"] == expected).mean() > 0.99
    assert standing(ctx, "june", campaign).words == "the learned policy does not decide: it has not been judged yet"

    write_policy_value(ctx)
    verdict = lake.read("gold.policy_value").where("policy = 'learned'").collect()
    assert [(v["outcome"], v["live"], v["model_version"]) for v in verdict] == [("profit", True, "policy.june@testrun")]
    assert verdict[0]["lift"] == pytest.approx(0.5 * 0.5 * 4, abs=0.5)  # 3, and a tenth of 10 given away
    now = standing(ctx, "june", campaign)
    assert now.words.startswith("the learned policy decides: policy.june@testrun, better than the current policy by")
    offer = "array<struct<offer:string,value:double>>"
    both = [("mail", 1.0), ("new", 0.5)]  # of which the log knows nothing yet
    people = [(c, [both[0]], None) for c in who[:9]] + [(who[9], both, "busy"), ("stranger", both, None)]
    frame = spark.createDataFrame(people, f"customer_id string, offers {offer}, refusal string")
    kept = {r["customer_id"]: r for r in with_wanted(ctx, frame, now).collect()}
    for c, buys in zip(who[:9], often, strict=False):
        assert (len(kept[c]["offers"]), kept[c]["refusal"]) == ((1, None) if buys else (0, NOT_WANTED))
    assert kept[who[9]]["refusal"] == "busy"
    assert kept["stranger"]["offers"][1]["offer"] == "new"
    assert kept["stranger"]["policy_version"] == "policy.june@testrun"


@pytest.mark.job
def test_what_the_gate_refused_or_an_erasure_took_does_not_decide(
    fill: Callable[..., None], context: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    from onecart.decide.policies.acting import standing

    ctx = context(as_of=DAY, shop={"currency": "GBP"}, decide={"campaigns": {"june": CAMPAIGN, "may": CAMPAIGN}})
    verdict = {"kind": "campaign", "policy": "learned", "outcome": "profit", "model_version": "policy.june@gone"}
    fill(
        "gold.policy_value",
        rows_of(
            "gold.policy_value",
            {**verdict, "subject": "june", "live": False, "why": "not proved better"},
            {**verdict, "subject": "may", "live": True, "trusted": True},
        ),
    )
    for name, why in (
        ("june", "refused by the gate, not proved better"),
        ("may", "the files of the model policy.june@gone are gone"),
    ):
        stands = standing(ctx, name, ctx.settings.decide.running[name])
        assert stands.learned is None
        assert stands.words == f"the learned policy does not decide: {why}"
        assert stands.policy.startswith("expected profit under budget and caps, see decide.assign; not the learned one")
