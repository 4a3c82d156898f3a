"""Ranks the recipients of coupon campaigns by who will redeem: the lists that shops make, and a model, held back in time.

The Complete Journey is simulated on real shopping patterns, by its package's own notice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from onecart.bench.coupons.lift import figures, intervals, resampled
from onecart.bench.coupons.recipients import LABEL, PEER, journey, recipients
from onecart.stats import boosting

TABLE: tuple[tuple[str, str], ...] = (
    ("ranking", "{}"),
    ("campaigns", "{}"),
    ("recipients", "{:,}"),
    ("redeemers", "{:,}"),
    *[(f"lift_10{end}", "{:.2f}") for end in ("", "_low", "_high")],
    *[(f"more_lift_10{end}", "{:.2f}") for end in ("_low", "_high")],
    *[(f"lift_30{end}", "{:.2f}") for end in ("", "_low", "_high")],
    *[(f"more_lift_30{end}", "{:.2f}") for end in ("_low", "_high")],
    *[(f"auc{end}", "{:.3f}") for end in ("", "_low", "_high")],
    *[(f"more_auc{end}", "{:.3f}") for end in ("_low", "_high")],
)
HELD = 13  # the last campaigns are measured, those before them choose how the model learns
LIST, MODEL, BOTH = "earlier redemptions, then coupon use", "LightGBM", "LightGBM and the list"
_LEAST = 10  # redeemers of a campaign that is measured
_LEAST_CHOOSING = 5
_RUNNING = 21  # days after which a campaign that still runs teaches by what was redeemed so far
_SEEDS = 3  # boosters whose scores are averaged
_SMALL = {"learning_rate": 0.05, "subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.3}
_HOW: tuple[dict[str, Any], ...] = (
    {**_SMALL, "n_estimators": 80, "num_leaves": 2, "min_child_samples": 20},
    {**_SMALL, "n_estimators": 60, "num_leaves": 4, "min_child_samples": 20},
    {**_SMALL, "n_estimators": 80, "num_leaves": 8, "min_child_samples": 30, "reg_lambda": 10.0},
)
_SHARES = (1 / 3, 1 / 2, 1.0)  # of the model in the mean of ranks; the rest is the list's


def measure(seed: int) -> Iterator[dict[str, Any]]:
    """One row per ranking, the columns of TABLE: of the last campaigns with _LEAST redeemers or more. more_: the figure
    less that of LIST, on the same resamples."""
    tables = journey()
    about = tables["campaign_descriptions"].sort_values(["start_date", "campaign_id"])
    known = about[about["start_date"] >= tables["transactions"]["day"].min()]
    order = [int(c) for c in known["campaign_id"]]
    rows = {campaign: recipients(tables, campaign) for campaign in order}
    how, share = chosen(tables, rows, order[:-HELD], seed)
    held = [c for c in order[-HELD:] if rows[c][LABEL].sum() >= _LEAST]
    rankings = {name: {c: _scored(rows[c], score(rows[c], seed)) for c in held} for name, score in LISTS.items()}
    models = {c: score_of(taught(tables, rows, c), rows[c], how, seed) for c in held}
    rankings[MODEL] = {c: _scored(rows[c], models[c]) for c in held}
    rankings[BOTH] = {c: _scored(rows[c], blended(rows[c], models[c], share)) for c in held}
    again = resampled(rankings, seed)
    for name, scored in rankings.items():
        sizes = {
            "recipients": sum(len(rows[c]) for c in held),
            "redeemers": int(sum(rows[c][LABEL].sum() for c in held)),
        }
        more = intervals(again[name], again[LIST])
        yield {
            "ranking": name,
            "campaigns": len(held),
            **sizes,
            **figures(scored),
            **more,
            "model": how,
            "share": share,
        }


def chosen(
    tables: Mapping[str, pd.DataFrame], rows: Mapping[int, pd.DataFrame], earlier: Sequence[int], seed: int
) -> tuple[dict[str, Any], float]:
    """(parameters, share of the model) with the highest lifts on the `earlier` campaigns, each foretold from those before it."""
    lessons = {c: taught(tables, rows, c) for c in earlier if rows[c][LABEL].sum() >= _LEAST_CHOOSING}
    targets = [c for c, (_, redeemed) in lessons.items() if redeemed.sum() >= _LEAST]
    learned = {(i, c): score_of(lessons[c], rows[c], how, seed) for i, how in enumerate(_HOW) for c in targets}

    def lifts(at: tuple[int, float]) -> float:
        found = figures({c: _scored(rows[c], blended(rows[c], learned[at[0], c], at[1])) for c in targets})
        return found["lift_10"] + found["lift_30"]

    best = max(product(range(len(_HOW)), _SHARES), key=lifts)
    return _HOW[best[0]], best[1]


def taught(tables: Mapping[str, pd.DataFrame], rows: Mapping[int, pd.DataFrame], campaign: int) -> tuple[Any, Any]:
    """(features, redeemed) of the recipients of campaigns that ended before `campaign` began, or had run for _RUNNING days;
    redeemed: before that day."""
    about: Any = tables["campaign_descriptions"].set_index("campaign_id")
    start, redemptions = about.loc[campaign, "start_date"], tables["coupon_redemptions"]
    before = redemptions[redemptions["redemption_date"] < start]
    parts = []
    for one, frame in rows.items():
        ended, begun = about.loc[one, "end_date"] < start, about.loc[one, "start_date"]
        if begun < start and (ended or (start - begun).days >= _RUNNING):
            hits = before.loc[before["campaign_id"] == one, "household_id"]
            parts.append((frame[[*_features(frame)]].to_numpy(float), frame.index.isin(hits).astype(float)))
    if not parts:
        return np.empty((0, 0)), np.empty(0)
    x, y = zip(*parts, strict=True)
    return np.concatenate(x), np.concatenate(y)


def score_of(lesson: tuple[Any, Any], rows: pd.DataFrame, how: dict[str, Any], seed: int) -> Any:
    """One score per recipient (`rows`) of a campaign, learned from what was known before its start (`lesson`, of `taught`)."""
    import lightgbm

    (x, y), mine, total = lesson, rows[[*_features(rows)]].to_numpy(float), 0.0
    for n in range(_SEEDS):
        settings = boosting.same_every_time(boosting.checked(dict(how)), "binary", seed + n)
        text, _ = boosting.trained(settings, x, y, np.ones(len(y)))
        total = total + lightgbm.Booster(model_str=text).predict(mine, raw_score=True)
    return total / _SEEDS


def blended(rows: pd.DataFrame, score: Any, share: float) -> Any:
    """The mean of the ranks by the model and by the list."""
    return share * pd.Series(score).rank().to_numpy() + (1 - share) * rows[PEER].rank().to_numpy()


def _features(rows: pd.DataFrame) -> list[str]:
    return [name for name in rows.columns if name not in (LABEL, PEER)]


def _scored(rows: pd.DataFrame, score: Any) -> tuple[Any, Any]:
    return rows[LABEL].to_numpy(float), np.asarray(score, float)


def _recency_frequency(rows: pd.DataFrame, seed: int) -> Any:
    return rows["baskets"].rank() - rows["last_recency"].fillna(np.inf).rank()


LISTS: dict[str, Callable[[pd.DataFrame, int], Any]] = {
    "random": lambda rows, seed: np.random.default_rng(seed).random(len(rows)),
    "recency-frequency": _recency_frequency,
    "spend": lambda rows, seed: rows["spend"],
    LIST: lambda rows, seed: rows[PEER],
}
RANKINGS = (*LISTS, MODEL, BOTH)
