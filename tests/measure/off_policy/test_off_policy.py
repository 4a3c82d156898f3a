"""Off-policy evaluation and the gate: known answers, overlap, and frames that cannot be."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from onecart import measure
from onecart.errors import UsageError

PAIR = ["context", "action"]
LOG = pd.DataFrame(
    [
        *[(0, 0, 0.5, 1), (0, 1, 0.3, 0), (0, 2, 0.2, 1), (0, 0, 0.5, 0), (0, 1, 0.3, 1)],
        *[(1, 0, 0.25, 0), (1, 1, 0.25, 1), (1, 2, 0.5, 1), (1, 2, 0.5, 0), (1, 1, 0.25, 0)],
    ],
    columns=[*PAIR, "propensity", "reward"],
)


def pairs(name: str, *rows: list[float]) -> pd.DataFrame:
    """[context, action, `name`]: context 0's values, then context 1's, ..."""
    found = [(c, a, value) for c, values in enumerate(rows) for a, value in enumerate(values)]
    return pd.DataFrame(found, columns=[*PAIR, name])


TARGET = pairs("probability", [0.1, 0.2, 0.7], [0.6, 0.3, 0.1])
MODEL = pairs("reward", [0.5, 0.4, 0.8], [0.2, 0.6, 0.5])
WANTED = {
    **{"ips": 0.576667, "snips": 0.552716, "dm": 0.52, "dr": 0.531333, "sndr": 0.530863, "clipped": 0.426667},
    **{"se_ips": 0.347835, "se_dr": 0.168528, "effective_sample": 4.961712, "mean_weight": 1.043333},
    "largest_weight": 3.5,
}


def test_the_log_of_ten(spark: Any) -> None:
    found = measure.off_policy(LOG, TARGET, MODEL, clip=2)
    assert {name: found[name] for name in WANTED} == pytest.approx(WANTED, abs=1e-6)
    assert not found["trusted"]
    assert found["why_not"].startswith("the log says as much about the policy as 5.0 decisions of its own")
    no_model = measure.off_policy(LOG, TARGET)
    assert no_model["ips"] == pytest.approx(WANTED["ips"], abs=1e-6)
    assert np.isnan([no_model[name] for name in ("dm", "dr", "sndr", "se_dr")]).all()


def test_the_policy_that_wrote_the_log_has_its_mean_reward(spark: Any) -> None:
    rows = pd.DataFrame({"context": "c", "action": ["a", "b"] * 100, "propensity": 0.5, "reward": [1.0, 0.0] * 100})
    same = pd.DataFrame({"context": "c", "action": ["a", "b"], "probability": 0.5})
    found = measure.off_policy(rows, same)
    wanted = {"ips": 0.5, "snips": 0.5, "effective_sample": 200, "mean_weight": 1, "largest_weight": 1}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)
    assert found["se_snips"] == pytest.approx(rows["reward"].std() / np.sqrt(200))
    assert found["trusted"]
    assert found["why_not"] is None


def test_standard_errors_hold_their_intervals(spark: Any) -> None:
    """Of 200 logs, 95 % intervals of SNIPS and of SNDR hold the truth in 180 to 199 (99 % of a binomial's draws)."""
    from onecart.measure.off_policy.evaluation import estimates, prefix
    from onecart.measure.off_policy.moments import ROWS, Moments
    from onecart.measure.off_policy.weights import weight_names

    draw = np.random.default_rng(5)
    truth, modelled = np.array([0.2, 0.5, 0.3]), np.array([0.3, 0.4, 0.4])
    propensity, target = np.array([0.6, 0.2, 0.2]), np.array([0.1, 0.7, 0.2])
    inside = dict.fromkeys(("ips", "snips", "dr", "sndr"), 0)
    names = weight_names(prefix(0))
    for _ in range(200):
        action = draw.choice(3, 2_000, p=propensity)
        reward = (draw.uniform(size=2_000) < truth[action]).astype(float)
        w = (target / propensity)[action]
        z = np.stack([w, w * reward, w * reward, np.full(2_000, target @ modelled), w * (reward - modelled[action])])
        sums = {ROWS: 2_000, **dict(zip(names, z.sum(1), strict=True))}
        sums |= {f"{a}*{b}": z[i] @ z[j] for i, a in enumerate(names) for j, b in enumerate(names)}
        moments = Moments.of(sums, names)
        for name in inside:
            estimate = estimates(moments)[name]
            error = moments.standard_error(estimate.gradient)
            inside[name] += abs(estimate.value - target @ truth) < 1.96 * error
    assert all(180 <= n <= 199 for n in inside.values()), inside


def weighed(propensity: float, shown: int, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A log of `rows` decisions of which `shown` have the action that the policy always chooses."""
    action = ["rare"] * shown + ["usual"] * (rows - shown)
    usual = 1 - propensity
    log = pd.DataFrame({"context": 0, "action": action, "reward": 1.0})
    log["propensity"] = log["action"].map({"rare": propensity, "usual": usual})
    policy = pd.DataFrame({"context": 0, "action": ["rare", "usual"], "probability": [1.0, 0.0]})
    return log, policy


@pytest.mark.parametrize(
    ("propensity", "shown", "words", "figure"),
    [
        (0.5, 200, None, True),
        (0.3, 200, "weights are 1.67 on average", True),
        (0.1, 200, "weights are 5 on average", False),
        (0.5, 0, "chooses none of the actions in the log", False),
        (0.0025, 1, "as much about the policy as 1.0 decisions", False),
    ],
)
def test_too_little_overlap_is_refused_and_hopeless_overlap_has_no_figure(
    spark: Any, propensity: float, shown: int, words: str | None, figure: bool
) -> None:
    found = measure.off_policy(*weighed(propensity, shown, 400))
    assert found["trusted"] == (words is None)
    assert words is None or words in found["why_not"]
    assert np.isnan(found["snips"]) != figure
    assert np.isnan(found["ips"]) != figure


def with_reward(by_action: dict[str, float], draws: int = 600) -> pd.DataFrame:
    draw = np.random.default_rng(3)
    action = draw.choice([*by_action], draws)
    chance = pd.Series(action).map(by_action)
    reward = (draw.uniform(size=draws) < chance).astype(float)
    return pd.DataFrame({"context": "all", "action": action, "propensity": 1 / len(by_action), "reward": reward})


def always(action: str, others: list[str]) -> pd.DataFrame:
    names = [action, *others]
    return pd.DataFrame({"context": "all", "action": names, "probability": [1.0] + [0.0] * len(others)})


def test_the_gate_lets_the_better_policy_through_and_no_other(spark: Any) -> None:
    log = with_reward({"good": 0.6, "fair": 0.5, "bad": 0.1})
    good, bad = always("good", ["fair", "bad"]), always("bad", ["good", "fair"])
    won = measure.go_live(log, good)
    assert (won.live, won.estimator) == (True, "snips")
    assert won.current == pytest.approx(log["reward"].mean())
    assert won.low > 0
    lost = measure.go_live(log, bad, good)
    assert not lost.live
    assert lost.why.startswith("worse than the current policy by")
    assert lost.lift == pytest.approx(lost.value - won.value)
    same = measure.go_live(log, good, good)
    assert (same.live, same.lift, same.low) == (False, 0.0, 0.0)
    assert (same.lift, same.low, same.high) == (0, 0, 0)
    assert same.why.startswith("all alike")


def test_a_policy_is_compared_decision_by_decision_with_the_current_one(spark: Any) -> None:
    """Two policies that differ seldom: their difference is far surer than each of them."""
    log = with_reward({"a": 0.5, "b": 0.5})
    mixed = [pd.DataFrame({"context": "all", "action": ["a", "b"], "probability": [p, 1 - p]}) for p in (0.51, 0.49)]
    paired = measure.go_live(log, *mixed)
    apart = measure.go_live(log, mixed[0], measure.off_policy(log, mixed[1]))
    assert paired.lift == pytest.approx(apart.lift)
    assert paired.high - paired.low < 0.1 * (apart.high - apart.low)


def test_the_gate_gives_no_figure_without_overlap_and_never_asks_the_direct_method(spark: Any) -> None:
    log, policy = weighed(0.0025, 1, 400)
    praise = pd.DataFrame({"context": 0, "action": ["rare", "usual"], "reward": [9.0, 0.0]})
    refused = measure.go_live(log, policy, model=praise)
    assert (refused.live, refused.value, refused.lift, refused.low) == (False, None, None, None)
    assert "at least 100 are needed" in refused.why


def odd(frame: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    changed = frame.astype({column: type(value) if value is not None else float})
    changed.loc[0, column] = value
    return changed


@pytest.mark.parametrize(
    ("log", "policy", "model", "words"),
    [
        (odd(LOG, "propensity", 0.0), TARGET, None, "1 rows of the log have a propensity that is not above 0"),
        (odd(LOG, "propensity", 1.5), TARGET, None, "1 rows of the log have a propensity"),
        (odd(LOG, "reward", float("nan")), TARGET, None, "1 rows of the log have no finite reward"),
        (LOG.assign(context=7), TARGET, None, "no probability for 10 rows of the log, as for context 7, action 0"),
        (LOG, TARGET[1:], None, "do not add up to 1 in 1 contexts, as in 0: 0.9"),
        (LOG, odd(TARGET, "probability", -0.1), None, "1 probabilities are not between 0 and 1"),
        (LOG, pd.concat([TARGET, TARGET[:1]]), None, "1 pairs of context and action are there again"),
        (LOG, TARGET, MODEL[1:], "the model has no reward for an action that 5 rows need, as for context 0"),
        (LOG, TARGET, pd.concat([MODEL, MODEL[:1]]), "a pair of context and action is there twice"),
        (LOG[:0], TARGET, None, "the log has no rows"),
        (LOG.drop(columns="reward"), TARGET, None, "log has no column 'reward'"),
    ],
)
def test_what_is_wrong_with_a_frame_is_said_in_one_sentence(
    spark: Any, log: pd.DataFrame, policy: pd.DataFrame, model: pd.DataFrame | None, words: str
) -> None:
    with pytest.raises(UsageError, match=r"measure\.off_policy") as error:
        measure.off_policy(log, policy, model)
    assert words in str(error.value)


@pytest.mark.parametrize(("current", "words"), [("mens", "found str"), ({"snips": 0.5}, "current has no 'se_snips'")])
def test_what_is_no_current_policy(spark: Any, current: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        measure.go_live(LOG, TARGET, current)
