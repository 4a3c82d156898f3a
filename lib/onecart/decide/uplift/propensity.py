"""Who was treated: is it chance, and where it is not, how likely was it for each row."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onecart.decide.uplift.learners import Engine, Trees
from onecart.stats.proportions import Z_999
from onecart.stats.ranking import auc

TRIM = 0.1  # rows with less or more than this and 1 - this are left out (Crump et al., Biometrika 2009)
CANNOT = (
    "who was treated can be told from the features, so this is no random experiment: the figures are corrected for the features "
    "given, and for nothing else; what else made somebody treated may be the whole effect, and only a control group shows it"
)


@dataclass(frozen=True)
class Overlap:
    """How treated rows and controls lie beside each other. auc: of telling them apart on held-out rows (.5: not at all);
    random: whether chance would do that. rows, trimmed: all, and those left out because one arm is too rare among their like;
    lowest, highest: of the propensities of all rows; effective: rows of even weight that the weighted ones are worth."""

    auc: float
    random: bool
    rows: int
    trimmed: int
    lowest: float
    highest: float
    effective: float


@dataclass(frozen=True)
class Assignment:
    """The propensity of each row, which rows are used, and how to tell it of others: by `trees`, or `constant`."""

    propensity: Any
    used: Any
    constant: float
    trees: Trees | None
    overlap: Overlap


def known(t: Any, e: Any) -> Assignment:
    """An experiment whose propensities are given."""
    return Assignment(e, np.ones(len(t), bool), float(t.mean()), None, _overlap(t, e, np.ones(len(t), bool), 0.5, True))


def found(engine: Engine, x: Any, t: Any, fold: Any) -> Assignment:
    """Learns each row's propensity without the row's fold, and asks `tested`."""
    held = np.empty(len(t))
    for k in np.unique(fold):
        out = fold == k
        held[out] = engine.fit(x[~out], t[~out].astype(float))(x[out])
    who = tested(t, held)
    return who if who.overlap.random else replace(who, trees=engine.fit(x, t.astype(float)))


def tested(t: Any, held: Any) -> Assignment:
    """Tests on held-out rows whether the features tell who was treated. They do not: the arms' shares are the propensity. They
    do: it is what was learned without the row (`held`), and rows that only one arm has are left out."""
    told, share = auc(held, t), float(t.mean())
    n, m = t.sum(), (~t).sum()
    noise = np.sqrt((n + m + 1) / (12 * n * m))  # of the AUC of a score that tells nothing (Mann & Whitney 1947)
    everybody = np.ones(len(t), bool)
    if told <= 0.5 + Z_999 * noise:
        even = np.full(len(t), share)
        return Assignment(even, everybody, share, None, _overlap(t, even, everybody, told, True))
    used = (held >= TRIM) & (held <= 1 - TRIM)
    e = np.clip(held, TRIM, 1 - TRIM)
    return Assignment(e, used, share, None, _overlap(t, held, used, told, False))


def weights(t: Any, e: Any) -> Any:
    """1 over the propensity of what happened to each row, so that either arm stands for all rows."""
    return np.where(t, 1 / e, 1 / (1 - e))


def _overlap(t: Any, e: Any, used: Any, auc: float, random: bool) -> Overlap:
    w = weights(t, np.clip(e, 1e-6, 1 - 1e-6))[used]
    effective = float(w.sum() ** 2 / (w * w).sum()) if len(w) else 0.0
    return Overlap(auc, random, len(t), int((~used).sum()), float(e.min()), float(e.max()), effective)
