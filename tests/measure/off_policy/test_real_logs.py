"""Off-policy evaluation on logs of real shops, whose truth is known: what is near it, and what has to be refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart import measure
from onecart.samples import fetch, load
from onecart.stats.proportions import Z_95

pytestmark = pytest.mark.heavy
PLACES = 3
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")


def thompson(campaign: str, draws: int = 100_000) -> pd.DataFrame:
    """The policy that began with the data set's prior: how often an item is drawn best, second, third; of `draws` rankings."""
    alpha, beta = map(np.array, load.open_bandit_prior(campaign))
    draw = np.random.default_rng(1)
    counts = np.zeros((PLACES, len(alpha)))
    for _ in range(100):
        best = np.argsort(-draw.beta(alpha, beta, (draws // 100, len(alpha))), axis=1)
        for place in range(PLACES):
            counts[place] += np.bincount(best[:, place], minlength=len(alpha))
    return policy_of(counts / draws)


def uniform(items: int) -> pd.DataFrame:
    return policy_of(np.full((PLACES, items), 1 / items))


def policy_of(probability: Any) -> pd.DataFrame:
    places, items = probability.shape
    return pd.DataFrame(
        {
            "context": np.repeat(np.arange(1, places + 1), items),
            "action": np.tile(np.arange(items), places),
            "probability": probability.ravel(),
        }
    )


@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_the_random_log_tells_what_thompson_sampling_earned(spark: Any, campaign: str) -> None:
    clicks = load.open_bandit("bts", campaign)["reward"]
    truth, own_error = clicks.mean(), clicks.sem()  # of 10,000 rows: 42 to 69 clicks, so the truth has an error, too
    found = measure.off_policy(load.open_bandit("random", campaign), thompson(campaign))
    assert found["trusted"]
    for name in ("ips", "snips"):
        assert abs(found[name] - truth) < Z_95 * np.hypot(found[f"se_{name}"], own_error), name
    if campaign == "all":
        assert found["ips"] == pytest.approx(0.004564, rel=0.03)  # their ranking was drawn, as this one is
        assert found["snips"] == pytest.approx(0.004788, rel=0.03)
        assert found["effective_sample"] == pytest.approx(1_644, rel=0.01)


def test_thompsons_log_of_women_says_nothing_about_the_random_policy(spark: Any) -> None:
    log = load.open_bandit("bts", "women")
    random = uniform(log["action"].max() + 1)
    found = measure.off_policy(log, random)
    assert found["effective_sample"] == pytest.approx(2.0778, abs=1e-3)
    assert found["mean_weight"] == pytest.approx(3.1342, abs=1e-3)
    assert found["largest_weight"] == pytest.approx(21_739.13, abs=0.01)
    assert not found["trusted"]
    assert np.isnan([found[name] for name in ("ips", "clipped", "snips", "se_ips")]).all()
    refused = measure.go_live(log, random)
    assert (refused.live, refused.value, refused.lift) == (False, None, None)
    assert "as 2.1 decisions of its own" in refused.why


@pytest.fixture(scope="module")
def hillstrom() -> dict[str, pd.DataFrame]:
    """log: the odd rows; model: visits that a model of each arm, learned on the even rows, expects (a T-learner)."""
    from lightgbm import LGBMClassifier

    (path,) = fetch("hillstrom")
    rows = pd.read_csv(path)
    known = ["recency", "history", "mens", "womens", "newbie", "zip_code", "channel"]
    x, even = pd.get_dummies(rows[known], dtype=float), rows.index % 2 == 0
    params = {"n_estimators": 50, "num_leaves": 7, "min_child_samples": 200, "n_jobs": 1, "verbose": -1}
    model = []
    for arm in ARMS:
        learned = rows.index[even & (rows["segment"] == arm)]
        fitted = LGBMClassifier(**params).fit(x.loc[learned], rows.loc[learned, "visit"])
        expected = fitted.predict_proba(x[~even])[:, 1]
        model.append(pd.DataFrame({"context": rows.index[~even], "action": arm, "reward": expected}))
    log = pd.DataFrame({"context": rows.index, "action": rows["segment"], "propensity": 1 / 3, "reward": rows["visit"]})
    return {"log": log[~even], "model": pd.concat(model, ignore_index=True)}


def always(model: pd.DataFrame, arm: str) -> pd.DataFrame:
    return model[["context", "action"]].assign(probability=(model["action"] == arm).astype(float))


def learned(model: pd.DataFrame) -> pd.DataFrame:
    best = model.groupby("context")["reward"].transform("max") == model["reward"]
    return model[["context", "action"]].assign(
        probability=best.astype(float) / best.groupby(model["context"]).transform("sum")
    )


def test_constant_policies_of_hillstrom(spark: Any, hillstrom: dict[str, pd.DataFrame]) -> None:
    model, found = hillstrom["model"], {}
    for arm in ARMS:
        found[arm] = measure.off_policy(hillstrom["log"], always(model, arm))["snips"]
    even = model[["context", "action"]].assign(probability=1 / 3)
    found["uniform"] = measure.off_policy(hillstrom["log"], even)["snips"]
    wanted = {"Mens E-Mail": 0.182353, "Womens E-Mail": 0.149847, "No E-Mail": 0.104198, "uniform": 0.145250}
    assert found == pytest.approx(wanted, abs=1e-6)


def test_the_gate_refuses_the_learned_policy_that_the_direct_method_praises(
    spark: Any, hillstrom: dict[str, pd.DataFrame]
) -> None:
    log, model = hillstrom["log"], hillstrom["model"]
    policy, mens = learned(model), always(model, "Mens E-Mail")
    found, current = measure.off_policy(log, policy, model), measure.off_policy(log, mens, model)
    assert found["trusted"]
    assert found["dm"] > current["dm"]
    assert found["snips"] < current["snips"]
    assert found["sndr"] < current["sndr"]
    refused = measure.go_live(log, policy, mens, model)
    assert (refused.live, refused.estimator) == (False, "sndr")
    assert refused.lift < 0 < refused.high
    assert refused.why.startswith("not proved better than the current policy")
    # Everybody was mailed at random before: the learned policy beats that.
    assert measure.go_live(log, policy, model=model).live
