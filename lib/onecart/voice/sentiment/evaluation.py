"""Which texts are held out of training, and figures of what two models say about them."""

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F


def held_out(text: Column, *, share: float, seed: int) -> Column:
    """True for about `share` of the texts; texts that differ only in case, punctuation or spaces get the same answer."""
    words = F.trim(F.regexp_replace(F.lower(text), r"[^\p{L}\p{N}]+", " "))
    return uniform(words, seed=seed) < share


def uniform(*values: Column, seed: int) -> Column:
    """A number from 0 up to 1 that depends on the values and the seed only, so it is the same in every run."""
    return F.pmod(F.xxhash64(*values, F.lit(seed)), F.lit(1_000_003)) / 1_000_003


def metrics(outcomes: Iterable[tuple[str, str | None, int]]) -> dict[str, float]:
    """Figures from (true label, answer, rows): accuracy and macro_f1, the mean of both labels' F1 (0 where undefined).

    Rows without an answer (texts without words) count as wrong.
    """
    table = list(outcomes)
    total = sum(n for _, _, n in table)
    scores = []
    for label in sorted({true for true, _, _ in table}):
        hits = sum(n for true, answer, n in table if true == answer == label)
        ends = sum(n * ((true == label) + (answer == label)) for true, answer, n in table)
        scores.append(2 * hits / ends)
    return {
        "accuracy": sum(n for true, answer, n in table if true == answer) / total,
        "macro_f1": sum(scores) / len(scores),
    }
