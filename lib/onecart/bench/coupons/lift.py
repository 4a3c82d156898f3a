"""How many of the redeemers stand at the top of a ranking, over several campaigns, with bootstrap intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from onecart.stats.bootstrap import interval
from onecart.stats.ranking import auc

TOPS = {"lift_10": 0.1, "lift_30": 0.3}
_RESAMPLES = 500
Scored = Mapping[int, tuple[Any, Any]]  # campaign -> (redeemed 0 or 1, score), one value per recipient


def figures(scored: Scored) -> dict[str, float]:
    """lift_10, lift_30: redeemers among the top 10 and 30 % of each campaign's recipients, beside as many drawn blindly; together
    over the campaigns, so that one counts as its redeemers do. auc: of the pairs within campaigns."""
    ordered = [y[np.argsort(-score, kind="stable")] for y, score in scored.values()]
    found = {}
    for name, top in TOPS.items():
        hits = sum(y[: round(top * len(y))].sum() for y in ordered)
        found[name] = float(hits / sum(round(top * len(y)) * y.mean() for y in ordered))
    pairs = {c: y.sum() * (len(y) - y.sum()) for c, (y, _) in scored.items()}
    aucs = {c: auc(score, y == 1) for c, (y, score) in scored.items() if pairs[c]}
    return found | {"auc": float(np.average([*aucs.values()], weights=[pairs[c] for c in aucs]))}


def resampled(rankings: Mapping[str, Scored], seed: int) -> dict[str, dict[str, Any]]:
    """Ranking -> `figures` as arrays, one value per resample, the same resamples for all: recipients are drawn again within each
    campaign."""
    draw = np.random.default_rng(seed)
    sizes = {campaign: len(y) for campaign, (y, _) in next(iter(rankings.values())).items()}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in rankings}
    for _ in range(_RESAMPLES):
        rows = {campaign: np.sort(draw.integers(n, size=n)) for campaign, n in sizes.items()}
        for name, scored in rankings.items():
            found[name].append(figures({c: (y[rows[c]], score[rows[c]]) for c, (y, score) in scored.items()}))
    return {name: {key: np.array([one[key] for one in some]) for key in some[0]} for name, some in found.items()}


def intervals(mine: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, float]:
    """<figure>_low, <figure>_high, and of the difference to `beside` on the same resamples more_<figure>_low, _high."""
    found = {}
    for key, values in mine.items():
        found[f"{key}_low"], found[f"{key}_high"] = interval(values)
        found[f"more_{key}_low"], found[f"more_{key}_high"] = interval(values - beside[key])
    return found
