"""Whether complaints have become more frequent: an exact test for each cell, false discoveries held over all of them."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.functions import pandas_udf

from onecart.frames import break_lineage
from onecart.stats.multiple_testing import with_q_value

_TAILS = T.StructType([T.StructField("p_value", T.DoubleType()), T.StructField("least", T.DoubleType())])


def judged(cells: DataFrame, *, alpha: float) -> DataFrame:
    """`cells`[recent, recent_reviews, past, past_reviews, testable, ...] with p_value, q_value and emerging.

    recent of recent_reviews reviews complain now, past of past_reviews did before. p_value: of Fisher's exact test, one-sided:
    how often chance puts as many of all the complaints among the recent reviews. It is null where the cell is not testable,
    and where no number of complaints could have made it `alpha` or less (Tarone 1990): this depends on the totals alone, so
    leaving those tests out is fair, and `cells` must have a row also where nobody complained.
    q_value: see `with_q_value`. emerging: q_value <= alpha; of these cells chance made a share of `alpha` at most, in the long run.
    """
    columns = ("recent", "recent_reviews", "past", "past_reviews")
    tails = _tails()(*[F.col(c).cast("double") for c in columns])
    found = cells.withColumn("tails", F.when(F.col("testable"), tails))
    found = found.withColumn("p_value", F.when(F.col("tails.least") <= alpha, F.col("tails.p_value"))).drop("tails")
    tested = break_lineage(found).transform(with_q_value, alpha=alpha)
    return tested.withColumn("emerging", F.col("q_value").isNotNull())


def tails(
    recent: np.ndarray, recent_reviews: np.ndarray, past: np.ndarray, past_reviews: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One-sided p-values of Fisher's exact test, and the least they could have been with the same totals."""
    from scipy.stats import hypergeom

    complaints, reviews = recent + past, recent_reviews + past_reviews
    most = np.minimum(complaints, recent_reviews)
    p = hypergeom.sf(recent - 1, reviews, complaints, recent_reviews)
    return p, hypergeom.sf(most - 1, reviews, complaints, recent_reviews)


def _tails() -> Callable[..., Column]:
    @pandas_udf(_TAILS)  # type: ignore[call-overload, untyped-decorator]
    def both(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            p, least = tails(*[series.to_numpy() for series in batch])
            yield pd.DataFrame({"p_value": p, "least": least})

    return both


def over_time(rows: DataFrame, keys: list[str], *, weeks: int, past_weeks: int, sums: dict[str, str]) -> DataFrame:
    """`rows`[*keys, week, ...] with recent_NAME and past_NAME for each column -> NAME of `sums`: its sum over the row's week and
    the `weeks` - 1 before it, and over the `past_weeks` before those."""
    by_week = Window.partitionBy(*keys).orderBy(_days(F.col("week")))
    recent, past = (
        by_week.rangeBetween(-7 * (weeks - 1), 0),
        by_week.rangeBetween(-7 * (weeks + past_weeks - 1), -7 * weeks),
    )
    return rows.withColumns(
        {
            f"{when}{name}": F.coalesce(F.sum(column).over(window), F.lit(0))
            for column, name in sums.items()
            for when, window in (("recent", recent), ("past", past))
        }
    )


def _days(week: Column) -> Column:
    return F.datediff(week, F.lit("1970-01-01").cast("date"))
