"""The bench of policies, small: limits are kept, control groups stay, and the gate says no where the log is silent."""

from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart.bench.market import gate, month
from onecart.bench.market.past import NOTHING, RANDOM, lived
from onecart.bench.market.policies import POLICIES, in_turn, learn, reinforced
from onecart.bench.market.referee import Referee
from onecart.bench.market.shop import ANSWERS, EVERY, FEATURES, Rules, asked, features
from onecart.samples.market import Market


def market(rules: Rules, seed: int = 3) -> Market:
    return Market(rules.customers, seed, rules.campaign.offers, rules.contacts)


def test_the_referee_sees_every_breach() -> None:
    rules = Rules(40)
    one = market(rules)
    known = one.observed()
    yes = known[known["profiled"] & known["may_email"]]
    no = known[~(known["profiled"] & known["may_email"])]
    british = yes[yes["country"] == "United Kingdom"]
    row = british.iloc[:1][["customer_id"]].assign(offer="news", channel="email", hour=10)
    held = {str(british["customer_id"].iloc[1])}

    def found(*days: pd.DataFrame, rules: Rules = rules) -> dict[str, int]:
        referee = Referee(rules, held)
        for decisions in days:
            referee.see(one, decisions)
        return {name: n for name, n in referee.breaches.items() if n}

    assert found(row) == {}
    assert found(row, row.iloc[:0], row) == {}
    assert found(row, row, row) == {"pressure": 1}
    assert found(row, *[row.iloc[:0]] * 3, row, *[row.iloc[:0]] * 2, row) == {}
    assert found(row.assign(hour=19)) == {"quiet_hours": 1}  # 20 o'clock in London in June
    assert found(row.assign(hour=18)) == {}
    assert found(no.iloc[:1][["customer_id"]].assign(offer="news", channel="email", hour=10)) == {"consent": 1}
    assert found(row.assign(customer_id=british["customer_id"].iloc[1])) == {"control": 1}
    assert found(row.assign(offer="gift"), rules=Rules(100)) == {}
    assert found(row.assign(offer="gift")) == {"budget": 1, "caps": 1}  # .82 of .80, one of none


@pytest.mark.parametrize("seed", range(5))
def test_contacts_in_turn_keep_budget_caps_consent_and_control(seed: int) -> None:
    rules, draw = Rules(300), np.random.default_rng(seed)
    known = features(market(rules, seed).observed())
    n = len(known)
    said = pd.DataFrame(
        {
            "customer_id": known["customer_id"],
            "held_back": draw.random(n) < 0.1,
            "may_contact": known["profiled"] & (draw.random(n) < 0.9),
            "hour": 9.0,
        }
    )
    offer, channel = draw.choice([*rules.caps], n), draw.choice(["email", "sms", "push"], n)
    sent = in_turn(said, known, rules, draw.permutation(n), offer, channel)
    referee = Referee(rules, {*said.loc[said["held_back"], "customer_id"]})
    referee.see(market(rules, seed), sent)
    assert len(sent) > 5
    assert sum(referee.breaches.values()) == 0


def test_a_learned_policy_has_the_months_that_the_gate_let_it_have() -> None:
    def lived_through(seed: int, profit: float) -> month.Month:
        each = pd.DataFrame({"profit": [profit, profit + 1], "bought": 0.0, "contacts": 1.0, "left": 0.0})
        return month.Month(each, 0.5, {}, seed)

    of_all = {"nobody": [lived_through(1, 5.0), lived_through(2, 50.0)]}
    refused = {"reinforcement, not live": [lived_through(2, 51.0)]}
    passed = {"reinforcement": [lived_through(1, 7.0)]}
    rows = {row["policy"]: row for row in month.rows_of({**of_all, **passed, **refused})}
    assert (rows["reinforcement"]["more"], rows["reinforcement"]["gate"]) == (2.0, "let through in 1 of 3")
    assert (rows["reinforcement, not live"]["more"], rows["reinforcement, not live"]["profit"]) == (1.0, 51.5)
    first, *others = month.rows_of({**of_all, **refused})
    assert (first["policy"], first["gate"], first["profit"]) == ("reinforcement", "refused by the gate", None)
    assert [row["policy"] for row in others] == ["nobody", "reinforcement, not live"]
    assert all({*dict(month.TABLE)} <= {*row} for row in (first, *others))


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules(1600)


@pytest.fixture(scope="module")
def past(spark_session: Any, rules: Rules) -> tuple[Market, pd.DataFrame]:
    one = market(rules)
    return one, lived(spark_session, one, rules, rounds=8)


@pytest.mark.job
@pytest.mark.heavy
def test_the_past_is_an_experiment_with_the_chances_that_it_says(past: Any, rules: Rules) -> None:
    _, log = past
    shares = log["action"].value_counts(normalize=True)
    assert [shares[a] for a in (NOTHING, *rules.caps)] == pytest.approx(RANDOM, abs=0.03)
    assert not log.duplicated(["customer_id", "round"]).any()
    later = log["following"].dropna().astype(int)
    assert (log.loc[later, "customer_id"].to_numpy() == log.loc[later.index, "customer_id"].to_numpy()).all()
    assert (
        log.loc[later, "round"].to_numpy() - log.loc[later.index, "round"].to_numpy() == log["gap"][later.index]
    ).all()
    # What a customer brought in six days is that of two rounds, where the next one is in the log.
    pairs = log.loc[later.index][log.loc[later.index, "gap"] == 1]
    then = log.loc[pairs["following"].astype(int), "reward"].to_numpy()
    assert ANSWERS == 2 * EVERY
    assert pairs["profit"].to_numpy() == pytest.approx(pairs["reward"].to_numpy() + then)


@pytest.mark.job
@pytest.mark.heavy
def test_no_policy_breaks_a_limit_and_the_control_group_stays(spark: Any, past: Any, rules: Rules) -> None:
    one, log = past
    learned = learn(log, 1)
    found = {name: [month.month(spark, deepcopy(one), name, rules, learned, days=7)] for name in POLICIES}
    for name, (of,) in found.items():
        assert sum(of.broken.values()) == 0, (name, of.broken)
        assert 0 <= of.spent <= 1, name
        assert (of.each["contacts"].sum() > 0) == (name != "nobody"), name
    rows = [month.figures(name, found) for name in POLICIES]
    assert all({*dict(month.TABLE)} - {"gate"} <= {*row} for row in rows)
    assert rows[0]["more"] is None
    assert all(row["more_low"] < row["more"] < row["more_high"] for row in rows[1:])


@pytest.mark.job
@pytest.mark.slow
def test_groups_are_drawn_as_campaigns_draw_them_whatever_day_and_policy(spark: Any, rules: Rules) -> None:
    one = market(rules)
    first = asked(spark, one.observed().assign(probability=0.05), rules, 0)
    for _ in range(4):
        one.step()
    later = asked(spark, one.observed().assign(probability=0.5, preferred_hour=3.0), rules, 4)
    assert (first["held_back"] == later["held_back"]).all()
    assert first["held_back"].mean() == pytest.approx(rules.control_share, abs=0.025)
    assert (first["customer_id"] == one.observed()["customer_id"]).all()


@pytest.mark.job
@pytest.mark.slow
def test_the_gate_refuses_where_the_log_is_silent_and_passes_what_is_proved(spark: Any) -> None:
    """Logs whose truth is known: a gift moves those who open much by 4 of profit, and does nothing for others but cost 1."""
    draw, n = np.random.default_rng(5), 6000
    known = pd.DataFrame(draw.random((n, len(FEATURES))), columns=[*FEATURES])
    reads = (known["open_share"] > 0.5).to_numpy()

    def log(chance: np.ndarray) -> pd.DataFrame:
        gift = draw.random(n) < chance
        profit = 2 + np.where(gift, 5.0 * reads - 1, 0) + draw.normal(0, 3, n)
        learns = np.arange(n) % 2 == 0
        return known.assign(
            customer_id=[f"c{i}" for i in range(n)],
            action=np.where(gift, "gift", NOTHING),
            propensity=np.where(gift, chance, 1 - chance),
            reward=profit,
            profit=profit,
            following=np.nan,
            gap=1.0,
            learn=learns,
        )

    random = log(np.full(n, 0.5))
    policy = reinforced(random, 1)
    passed = gate.judged(spark, random, policy)
    assert passed["live"]
    assert (
        passed["low"] < 1.19 < passed["high"]
    )  # 4 for half of them, less .06 of exploring, less what half of all gifts bring
    habit = gate.judged(spark, log(np.where(reads, 0.0002, 0.9998)), policy)  # always to the wrong ones
    assert not habit["live"]
    assert habit["lift"] is None
    assert "at least 100" in habit["why"] or "on average" in habit["why"] or "chooses none" in habit["why"]
    worse = gate.judged(spark, random.assign(profit=-random["profit"]), policy)
    assert not worse["live"]
    assert worse["why"].startswith("worse than the current policy")
