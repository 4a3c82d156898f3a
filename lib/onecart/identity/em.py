"""Fellegi-Sunter weights by expectation maximisation, on counts of agreement patterns instead of pairs."""

from dataclasses import dataclass

import numpy as np

_ROUNDS, _CONVERGED = 200, 1e-5
_M_STRENGTH = 200.0  # pseudo-matches that hold a rule's own m near the m of all rules
_U_STRENGTH = 20.0  # pseudo-non-matches that hold a rule's own u near the u of all rules
_LAMBDA_STRENGTH = 2.0
_PRIOR_PAIRS = 10.0
_FLOOR = 1e-6


@dataclass(frozen=True)
class Estimates:
    """What EM found. `m[f][r, l]`: P(level l of comparison f | match, found by rule r); `u`: the same of non-matches;
    `match_share[r]`: the part of rule r's pairs that match. Level 0 (missing) says nothing: m = u = 1."""

    m: list[np.ndarray]
    u: list[np.ndarray]
    match_share: np.ndarray


@dataclass(frozen=True)
class Usual:
    """A comparison in data of this kind: `m`, `u` of each level (0 of missing), worth a few pairs; `shared`: families
    agree on it; `by_sound`: keys hold its sound, and most strangers of one sound have one name."""

    m: np.ndarray
    u: np.ndarray
    shared: bool
    by_sound: bool = False


def estimate(
    levels: np.ndarray,
    rule: np.ndarray,
    count: np.ndarray,
    once: np.ndarray,
    prior_share: np.ndarray,
    own: np.ndarray,
    usual: list[Usual],
    home: np.ndarray | None = None,
    most_share: np.ndarray | None = None,
) -> Estimates:
    """Fits two classes of pairs, matches and non-matches, to `count` pairs a pattern.

    levels: patterns x comparisons. rule: of each pattern, a blocking rule that finds its pairs; a pair that several
    rules find is counted under each, and in `once` by its part of one, so that it counts as one pair for all rules
    together. (Counted under its first rule only, the others would hold the pairs that failed it: what is a match there
    looks like none elsewhere.) prior_share: of each rule, the matches expected among its pairs (weak prior, start).
    own: rules x comparisons, true where the rule's key is made of the comparison's field. usual: of each comparison.
    home: rules whose key a household shares. most_share: of each rule, a bound on the matches among its pairs, whatever
    the pairs say.

    Non-matches are modelled per rule in what families share, because a rule decides how strangers met: those with one
    street are mostly households, who have surname and postcode in common as well, but not the birth date. Matches are
    alike whatever finds them, but for the fields of the rule's own key. Both are shrunk to what all rules together say.
    After Fellegi & Sunter (1969), A Theory for Record Linkage; EM as in Winkler (1988); on patterns as in Enamorado,
    Fifield & Imai (2019).
    """
    rules, fields = len(prior_share), len(usual)
    home = np.zeros(rules, bool) if home is None else home
    most_share = np.ones(rules) if most_share is None else most_share
    posterior = _start(levels, rule, np.array([len(c.m) for c in usual]), prior_share)
    share = prior_share
    for _ in range(_ROUNDS):
        m, u = _levels_given(levels, rule, count, once, posterior, own, home, usual)
        matched = np.bincount(rule, count * posterior, rules) + _LAMBDA_STRENGTH * prior_share
        share = matched / (np.bincount(rule, count, rules) + _LAMBDA_STRENGTH)
        share = np.clip(np.minimum(share, most_share), _FLOOR, 1 - _FLOOR)
        logit = np.log(share / (1 - share))[rule]
        for f in range(fields):
            logit = logit + np.log(m[f] / u[f])[rule, levels[:, f]]
        updated = 1 / (1 + np.exp(-np.clip(logit, -60, 60)))
        moved = float((np.abs(updated - posterior) * count).sum())
        posterior = updated
        if moved <= _CONVERGED * count.sum():
            break
    return Estimates(m, u, share)


def _start(levels: np.ndarray, rule: np.ndarray, sizes: np.ndarray, prior_share: np.ndarray) -> np.ndarray:
    """A first guess: the more of the fields that both have agree, the likelier the match."""
    known = levels > 0
    agreement = np.where(known, (levels - 1) / np.maximum(sizes - 2, 1), 0.0).sum(1) / np.maximum(known.sum(1), 1)
    evidence = np.where(known.any(1), 12 * (agreement - 0.65) * np.sqrt(known.sum(1) / 4), 0.0)
    start: np.ndarray = 1 / (1 + np.exp(-(evidence + 0.3 * np.log(prior_share / (1 - prior_share))[rule])))
    return start


def _levels_given(
    levels: np.ndarray,
    rule: np.ndarray,
    count: np.ndarray,
    once: np.ndarray,
    posterior: np.ndarray,
    own: np.ndarray,
    home: np.ndarray,
    usual: list[Usual],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rules = len(own)
    m, u = [], []
    for f, expected in enumerate(usual):
        size = len(expected.m)
        cell = rule * size + levels[:, f]
        matches = np.bincount(cell, count * posterior, rules * size).reshape(rules, size)
        strangers = np.bincount(cell, count * (1 - posterior), rules * size).reshape(rules, size)
        matches[:, 0] = strangers[:, 0] = 0
        seen = (matches + strangers) > 0
        free = ~own[rule, f] & (levels[:, f] > 0)
        all_m = _normal(np.bincount(levels[free, f], (once * posterior)[free], size) + _PRIOR_PAIRS * expected.m)
        all_u = _normal(np.bincount(levels[free, f], (once * (1 - posterior))[free], size) + _PRIOR_PAIRS * expected.u)
        # A rule's own field can only take the levels that its key allows: the shared m is cut to those.
        allowed = np.where(own[:, f, None], all_m * np.maximum(seen, _FLOOR), all_m)
        m.append(_normal(matches + _M_STRENGTH * _normal(allowed)))
        # Who shares a phone or a street and is not one person is mostly family, until the pairs themselves say more.
        expected_u = np.where(home[:, None], (all_m + all_u) / 2, all_u) if expected.shared else all_u
        # Namesakes: two who met by the sound of a name agree on the name as matches do, so it tells them nothing.
        of_key = all_m if expected.by_sound else expected_u
        allowed_u = _normal(np.where(own[:, f, None], of_key * np.maximum(seen, _FLOOR), expected_u))
        fitted_u = _normal(strangers + _U_STRENGTH * allowed_u)
        u.append(fitted_u if expected.shared else np.where(own[:, f, None], fitted_u, allowed_u))
        m[f][:, 0] = u[f][:, 0] = 1.0
    return m, u


def _normal(counts: np.ndarray) -> np.ndarray:
    shares: np.ndarray = counts / np.maximum(counts.sum(-1, keepdims=True), 1e-300)
    return shares
