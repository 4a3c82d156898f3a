"""Few labelled texts: which terms count, how strongly to regularise and where to draw the line between the labels, by
cross-validation on the driver. Plain numpy; the model itself is then fitted by MLlib."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import cholesky
from scipy.optimize import minimize

MOST_TEXTS, MOST_TERMS = 2_000, 2_000_000  # more say enough by themselves
_FOLDS, _ROUNDS = 5, 60
_GRID = tuple((c, at_least) for c in (10.0, 1.0, 100.0) for at_least in (1, 2))


@dataclass(frozen=True)
class Choice:
    """c: inverse of the regularisation. at_least: texts that a term must stand in. thresholds: of each label; the answer is the
    label whose probability, divided by its threshold, is the highest."""

    c: float
    at_least: int = 1
    thresholds: tuple[float, ...] = ()


def choose(
    texts: Sequence[Sequence[str]], labels: np.ndarray, weights: np.ndarray, *, count: int, seed: int, c: float | None = None
) -> Choice:  # fmt: skip
    """From the terms of each text, its label 0, 1, ... and how often it counts (balancing repeats texts); `count` labels.

    The usual setting (C of 10, every term) stays unless another gets more of the texts right that were left out, by more than two
    standard errors of the difference; there are thresholds where these get more right by one. `c`: only settings with it. Fewer
    than five texts of a label choose nothing.
    """
    usual = c or _GRID[0][0]
    if np.bincount(labels, minlength=count).min() < _FOLDS:
        return Choice(usual)
    grid = [(usual, n) for n in (1, 2)] if c else [*_GRID]
    fold = _folds(labels, seed)
    kernels = {at_least: _rows(texts, weights, at_least) for _, at_least in grid}
    odds = {(s, n): _left_out(kernels[n], labels, weights, fold, c=s, count=count) for s, n in grid}
    lines = {g: _thresholds(odds[g], labels, weights) for g in grid}
    drawn = {g: odds[g] - np.log(lines[g]) for g in grid}
    best = grid[0]
    for other in grid[1:]:
        if _better(drawn[other], drawn[best], labels, weights, errors=2):
            best = other
    worth = _better(drawn[best], odds[best], labels, weights, errors=1)
    return Choice(best[0], best[1], lines[best] if worth else ())


def _folds(labels: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each text, each label spread over all of them."""
    fold, draw = np.empty(len(labels), int), np.random.default_rng(seed)
    for label in np.unique(labels):
        at = draw.permutation(np.flatnonzero(labels == label))
        fold[at] = np.arange(len(at)) % _FOLDS
    return fold


def _rows(texts: Sequence[Sequence[str]], weights: np.ndarray, at_least: int) -> np.ndarray:
    """A row per text with the inner products of their TF-IDF vectors of length 1: as many numbers as texts, not as terms."""
    place: dict[str, int] = {}
    columns = [place.setdefault(term, len(place)) for text in texts for term in text]
    rows = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    counts = sparse.csr_matrix((np.ones(len(columns)), (rows, columns)), (len(texts), len(place)))
    inside = np.asarray((counts > 0).T @ weights)
    idf = np.log((weights.sum() + 1) / (inside + 1)) * (inside >= at_least)
    found = counts @ sparse.diags(idf)
    length = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    found = sparse.diags(1 / np.maximum(length, 1e-12)) @ found
    products = np.asarray((found @ found.T).todense())
    return np.asarray(cholesky(products + 1e-8 * np.eye(len(texts)), lower=True))


def _left_out(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, fold: np.ndarray, *, c: float, count: int
) -> np.ndarray:  # fmt: skip
    """Log odds of each label for each text, by a regression that learned from the other folds."""
    odds = np.zeros((len(labels), count))
    for k in range(_FOLDS):
        inside = fold != k
        odds[~inside] = _regression(rows[inside], labels[inside], weights[inside], c=c, count=count)(rows[~inside])
    return odds


def _regression(x: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, c: float, count: int):  # type: ignore[no-untyped-def]
    """rows -> log odds. Multinomial; of two labels as a binomial one, whose penalty is twice as strong."""
    total, width = weights.sum(), x.shape[1]
    penalty = (2 if count == 2 else 1) / (c * total)
    right = np.eye(count)[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w, b = flat[:-count].reshape(width, count), flat[-count:]
        said = x @ w + b
        said -= np.logaddexp.reduce(said, axis=1, keepdims=True)
        wrong = weights[:, None] * (np.exp(said) - right) / total
        value = -(weights * (said * right).sum(axis=1)).sum() / total + penalty / 2 * (w**2).sum()
        return float(value), np.r_[(x.T @ wrong + penalty * w).ravel(), wrong.sum(axis=0)]

    found = minimize(loss, np.zeros((width + 1) * count), jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS}).x
    w, b = found[:-count].reshape(width, count), found[-count:]
    return lambda rows: rows @ w + b


def _better(ours: np.ndarray, theirs: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, errors: int) -> bool:
    """More texts right, by more than so many standard errors of the difference."""
    ahead = weights * ((ours.argmax(axis=1) == labels) * 1.0 - (theirs.argmax(axis=1) == labels))
    return bool(ahead.sum() > errors * np.sqrt((ahead**2).sum()))


def _thresholds(odds: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[float, ...]:
    """By a slope and a shift per label (Platt 1999); a penalty as strong as one text holds slope at 1 and shifts at 0."""
    count, right = odds.shape[1], np.eye(odds.shape[1])[labels]

    def loss(x: np.ndarray) -> float:
        said = x[0] * odds + x[1:]
        likely = (weights * ((said - np.logaddexp.reduce(said, axis=1, keepdims=True)) * right).sum(axis=1)).sum()
        return float(-likely + (x[0] - 1) ** 2 + (x[1:] ** 2).sum())

    found = minimize(loss, np.array([1.0] + [0.0] * count), bounds=[(0.1, 100.0)] + [(-10.0, 10.0)] * count).x
    shifts = found[1:] / found[0]
    return tuple(float(t) for t in np.exp(shifts.mean() - shifts))
