"""Fitted Q iteration on worlds whose best policy is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart.decide.policies import fitted_q
from onecart.errors import UsageError


def bandit(n: int = 6000, seed: int = 1) -> pd.DataFrame:
    """One decision each: "left" brings 1 more where x > 0, "right" 1 more where it is not, "none" never."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=n)
    action = draw.choice(["left", "right", "none"], n, p=[0.2, 0.3, 0.5])
    right = np.where(x > 0, "left", "right") == action
    return pd.DataFrame(
        {
            "x": x,
            "action": action,
            "propensity": pd.Series(action).map({"left": 0.2, "right": 0.3, "none": 0.5}),
            "reward": right + draw.normal(size=n),
        }
    )


def ends(log: pd.DataFrame) -> pd.Series:
    return pd.Series(np.nan, index=log.index)


def test_where_nothing_follows_it_finds_the_best_action_of_each_state() -> None:
    log = bandit()
    policy = fitted_q(log, ["x"], following=ends(log))
    far = pd.DataFrame({"x": [-1.5, -0.5, 0.5, 1.5]})
    values = policy.values(far)
    assert values.idxmax(axis=1).tolist() == ["right", "right", "left", "left"]
    assert (values["left"] - values["right"]).to_numpy() == pytest.approx([-1, -1, 1, 1], abs=0.35)


def test_it_gives_up_a_reward_today_for_more_tomorrow() -> None:
    """Two steps: "spend" brings 1 at once and leaves a poor state, "save" nothing and a rich one, where "spend" brings 3."""
    draw = np.random.default_rng(2)
    n = 4000
    first = draw.choice(["spend", "save"], n)
    second = draw.choice(["spend", "save"], n)
    rich = first == "save"
    today = pd.DataFrame({"step": 0.0, "rich": 0.0, "action": first, "reward": (first == "spend") * 1.0})
    then = pd.DataFrame(
        {"step": 1.0, "rich": rich * 1.0, "action": second, "reward": np.where(rich, 3.0, 0.0) * (second == "spend")}
    )
    log = pd.concat([today, then], ignore_index=True).assign(propensity=0.5)
    log["reward"] += draw.normal(0, 0.1, 2 * n)
    following = pd.Series([*range(n, 2 * n), *[np.nan] * n])
    start = pd.DataFrame({"step": [0.0], "rich": [0.0]})
    how: dict[str, Any] = {"following": following, "learning_rate": 0.2}
    assert fitted_q(log, ["step", "rich"], discount=0.9, **how).values(start).idxmax(axis=1)[0] == "save"
    assert fitted_q(log, ["step", "rich"], discount=0.1, **how).values(start).idxmax(axis=1)[0] == "spend"
    found = fitted_q(log, ["step", "rich"], discount=0.9, **how).values(start).iloc[0]
    assert found["save"] == pytest.approx(0.9 * 3, abs=0.15)
    assert found["spend"] == pytest.approx(1.0, abs=0.15)
    far = fitted_q(log, ["step", "rich"], discount=0.9, gap=20.0, **how).values(start)
    assert far.idxmax(axis=1)[0] == "spend"  # what comes twenty steps later is worth little


def test_probabilities_add_up_and_leave_every_action_a_chance() -> None:
    log = bandit(2000)
    policy = fitted_q(log, ["x"], following=ends(log))
    chances = policy.probabilities(log, explore=0.06)
    assert chances.sum(axis=1).to_numpy() == pytest.approx(1)
    assert chances.min(axis=1).to_numpy() == pytest.approx(0.02)
    assert (chances.idxmax(axis=1) == policy.values(log).idxmax(axis=1)).all()


def test_the_same_log_teaches_the_same() -> None:
    log = bandit(1500)
    first, again = (fitted_q(log, ["x"], following=ends(log)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda log: log.drop(columns="reward"), "no column 'reward'"),
        (lambda log: log.assign(propensity=0.0), "every propensity must be above 0"),
        (lambda log: log.assign(reward=np.inf), "finite reward"),
        (lambda log: log.iloc[:300], "an action needs 200 decisions at least, '(left|right)' has"),
        (lambda log: log.rename(columns={"x": "xx"}), "no column 'x'"),
    ],
)
def test_a_log_that_teaches_nothing_is_refused(change: Any, says: str) -> None:
    log = change(bandit(3000))
    with pytest.raises(UsageError, match=says):
        fitted_q(log, ["x"], following=ends(log))


def test_what_follows_must_be_in_the_log() -> None:
    log = bandit(3000)
    with pytest.raises(UsageError, match="following names a row"):
        fitted_q(log, ["x"], following=pd.Series(10**6, index=log.index))
