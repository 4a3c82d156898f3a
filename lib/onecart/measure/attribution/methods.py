"""The rules that share a conversion by the place of a touch in its path."""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

from pyspark.sql import Column
from pyspark.sql import functions as F

Method = Literal["first", "last", "linear", "position", "markov", "shapley"]
_ENDS = 0.4  # of the first and of the last touch, by `position`

Share = Callable[[Column], Column]  # place of a touch, from 0 -> its share of the path's conversions


def _first(size: Column) -> Share:
    return lambda n: (n == 0).cast("double")


def _last(size: Column) -> Share:
    return lambda n: (n == size - 1).cast("double")


def _linear(size: Column) -> Share:
    return lambda n: F.lit(1.0) / size


def _position(size: Column) -> Share:
    def share(n: Column) -> Column:
        at_an_end = (n == 0) | (n == size - 1)
        between = F.lit(1 - 2 * _ENDS) / F.greatest(size - 2, F.lit(1))
        long = F.when(at_an_end, _ENDS).otherwise(between)
        return F.when(size == 1, 1.0).when(size == 2, 0.5).otherwise(long)

    return share


BY_PLACE: Mapping[str, Callable[[Column], Share]] = {  # the size of a path -> the share of each of its touches
    "first": _first,
    "last": _last,
    "linear": _linear,
    "position": _position,
}
METHODS: tuple[Method, ...] = get_args(Method)
