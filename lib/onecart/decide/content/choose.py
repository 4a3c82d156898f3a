"""Which item a customer is shown: the policies' probabilities, and a draw that is the same whenever it is made."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from onecart.config.sections.decide.content import Placement
from onecart.decide.content.state import Known
from onecart.stats.bandits import explored, greedy, linucb_scores, thompson_propensities

_DRAWS = 2**53  # numbers that a double tells apart between 0 and 1


def chosen(people: DataFrame, name: str, placement: Placement, known: Known, *, seed: int) -> DataFrame:
    """One row per customer of `people`: placement, customer_id, as_of, item, propensity, expected_reward, policy, context.

    people: customer_id, as_of, and of linucb the columns of its context.
    """
    arms = len(placement.items)
    if placement.policy == "thompson":
        won, lost = 1 + known.rewards, 1 + known.trials - known.rewards
        even = explored(thompson_propensities(won, lost), placement.exploration, placement.floor)
        rows = people.withColumns(
            {
                "context": F.lit(None).cast("array<double>"),
                "p": F.array(*map(F.lit, even.tolist())),
                "r": F.array(*map(F.lit, (won / (won + lost)).tolist())),
            }
        )
    else:
        rows = people.withColumn("context", scaled(placement.context)).transform(_with_linucb, placement, known)
    answered = F.array(*[F.lit(bool(shown > 0)) for shown in known.trials])[F.col("at")]
    place = F.pmod(F.xxhash64("customer_id", F.lit(name), F.col("as_of").cast("string"), F.lit(seed)), F.lit(_DRAWS))
    running = [sum((F.col("p")[j] for j in range(i)), F.col("p")[i]) for i in range(arms - 1)]
    at = sum(((place / F.lit(float(_DRAWS)) >= edge).cast("int") for edge in running), F.lit(0))
    rows = rows.withColumn("at", at)
    return rows.select(
        F.lit(name).alias("placement"),
        "customer_id",
        "as_of",
        F.array(*map(F.lit, placement.items))[F.col("at")].alias("item"),
        F.col("p")[F.col("at")].alias("propensity"),
        F.when(answered, F.col("r")[F.col("at")]).alias("expected_reward"),
        F.lit(placement.policy).alias("policy"),
        "context",
    )


def scaled(columns: Sequence[str]) -> Column:
    """The context x: 1, then each column as sign(v) log(1 + |v|), 0 where nothing is known; the same for ever, so that sums of
    different days belong together."""
    values = [F.coalesce(F.col(c).cast("double"), F.lit(0.0)) for c in columns]
    return F.array(F.lit(1.0), *[F.signum(v) * F.log1p(F.abs(v)) for v in values])


def _with_linucb(rows: DataFrame, placement: Placement, known: Known) -> DataFrame:
    @pandas_udf("p array<double>, r array<double>")  # type: ignore[call-overload, untyped-decorator]
    def scores(contexts: pd.Series) -> pd.DataFrame:
        x = np.array(contexts.tolist()) if len(contexts) else np.empty((0, known.xr.shape[1]))
        p, mean = linucb_propensities(x, placement, known)
        return pd.DataFrame({"p": list(p), "r": list(mean)}, index=contexts.index)

    return rows.withColumn("s", scores("context")).withColumns({"p": F.col("s.p"), "r": F.col("s.r")})


def linucb_propensities(x: Any, placement: Placement, known: Known) -> tuple[Any, Any]:
    """([row, item] the probability of each item, [row, item] the reward expected) for contexts x[row, number]."""
    how = {"ridge": placement.ridge}
    best = greedy(linucb_scores(x, known.xx, known.xr, alpha=placement.alpha, **how))
    mean = linucb_scores(x, known.xx, known.xr, alpha=0.0, **how)
    return explored(best, placement.exploration, placement.floor), np.clip(mean, 0, 1)
