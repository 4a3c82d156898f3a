"""Batch reinforcement learning: fitted Q iteration on a log of decisions (Ernst, Geurts & Wehenkel, JMLR 2005)."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from onecart.decide.uplift.learners import Engine, Trees
from onecart.errors import UsageError
from onecart.frames import require_columns
from onecart.stats import boosting

MIN_ROWS = 200  # decisions for an action, below which nothing is learned of it
_LARGEST_WEIGHT = 20.0  # of a decision: rarer ones count no more than this
_MIN_LEAF, _LEAVES = 200, 40  # a leaf holds a fortieth of the rows, or 200
# Small trees: what an action changes is far smaller than the noise of purchases. Not tuned on any sample.
_DEFAULTS: dict[str, Any] = {"n_estimators": 60, "learning_rate": 0.05, "num_leaves": 8}
_WHO = "decide.policies.fitted_q"


@dataclass(frozen=True)
class Policy:
    """What a decision is worth in a state, from now on: `state`, the value of being in it, and for each action what it adds."""

    columns: tuple[str, ...]
    state: Trees
    actions: dict[str, Trees]

    def values(self, states: pd.DataFrame) -> pd.DataFrame:
        """One row per row of `states`, one column per action: the discounted reward to be expected. UsageError: a column of the
        state is missing."""
        x = _matrix(states, self.columns)
        base = self.state(x)
        return pd.DataFrame({a: base + trees(x) for a, trees in self.actions.items()}, index=states.index)

    def probabilities(self, states: pd.DataFrame, explore: float = 0.05) -> pd.DataFrame:
        """The same shape: the best action, and with the probability `explore` any one, all alike."""
        return mostly_best(self.values(states), explore)

    def to_json(self) -> str:
        """The policy as text."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Policy":
        """The policy that `to_json` wrote."""
        tree = json.loads(text)
        actions = {action: Trees(**trees) for action, trees in tree["actions"].items()}
        return Policy(tuple(tree["columns"]), Trees(**tree["state"]), actions)


def mostly_best(values: pd.DataFrame, explore: float) -> pd.DataFrame:
    """[row, action]: the probabilities of a policy that takes the action of the highest value, and with the probability `explore`
    any one, all alike."""
    even = np.full(values.shape, explore / values.shape[1])
    even[np.arange(len(values)), values.to_numpy().argmax(axis=1)] += 1 - explore
    return pd.DataFrame(even, columns=values.columns, index=values.index)


def fitted_q(
    log: pd.DataFrame,
    columns: Sequence[str],
    *,
    following: pd.Series,
    gap: pd.Series | float = 1.0,
    discount: float = 0.9,
    iterations: int = 4,
    seed: int = 42,
    **params: Any,
) -> Policy:
    """Learns from one row per decision: the state (`columns`, numbers), action, propensity (with which it was chosen) and reward
    (until the next decision about the same customer).

    following: for each row the index label in `log` of that next decision; null: the log ends there, and so does the reward.
    gap: how many steps lie between the two. discount: what a reward one step later is worth. Rows count by 1 / propensity, so
    that each action's are like all decisions. What is learned of an action is its distance from the mean of all: an action
    that changes nothing adds nothing.

    UsageError: a column is missing, a propensity is none, or an action has fewer than 200 decisions.
    """
    _checked(log, columns)
    boosting.checked(params)
    x, reward = _matrix(log, columns), log["reward"].to_numpy(float)
    actions = log["action"].to_numpy()
    weight = np.minimum(1 / log["propensity"].to_numpy(float), _LARGEST_WEIGHT)
    goes_on = following.notna().to_numpy()
    then = pd.Index(log.index).get_indexer(following[goes_on])
    if (then < 0).any():
        raise UsageError(f"{_WHO}: following names a row that the log has not")
    decay = np.broadcast_to(discount ** np.asarray(gap, float), len(log))
    names, later = sorted({*actions}), np.zeros(len(log))
    for _ in range(max(1, iterations)):
        target = reward + decay * later
        state = _trees(x, target, weight, params, seed)
        base = state(x)
        rest = target - base
        learned = {a: _trees(x[actions == a], rest[actions == a], weight[actions == a], params, seed) for a in names}
        best = base + np.max([trees(x) for trees in learned.values()], axis=0)
        later[goes_on] = best[then]
    return Policy(tuple(columns), state, learned)


def _checked(log: pd.DataFrame, columns: Sequence[str]) -> None:
    require_columns(log, (*columns, "action", "propensity", "reward"), f"{_WHO}: the log")
    if not log["propensity"].between(0, 1, inclusive="right").all():
        raise UsageError(
            f"{_WHO}: every propensity must be above 0 and at most 1; it is the chance of the action taken"
        )
    if not np.isfinite(log["reward"].to_numpy(float)).all():
        raise UsageError(f"{_WHO}: every decision needs a finite reward; one without has 0")
    counts = log["action"].value_counts()
    if counts.empty or counts.min() < MIN_ROWS:
        few = f"'{counts.idxmin()}' has {counts.min():,}" if len(counts) else "there is none"
        raise UsageError(f"{_WHO}: an action needs {MIN_ROWS} decisions at least, {few}: leave it out")


def _matrix(frame: pd.DataFrame, columns: Sequence[str]) -> Any:
    require_columns(frame, columns, f"{_WHO}: the states")
    return frame[[*columns]].to_numpy(float)


def _trees(x: Any, y: Any, w: Any, params: dict[str, Any], seed: int) -> Trees:
    leaf = max(_MIN_LEAF, len(y) // _LEAVES)
    return Engine({**_DEFAULTS, "min_child_samples": leaf, **params}, seed).fit_mean(x, y, w)
