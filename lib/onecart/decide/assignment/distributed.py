"""`decide.assign` on Spark: a pass over the customers for each set of prices that is tried, in numpy on their partitions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.decide.assignment.in_memory import COLUMNS, assign_pandas, plan_of, refuse
from onecart.decide.assignment.plan import Limits, Plan, Prices, checked_limits
from onecart.decide.assignment.pricing import (
    Block,
    Scarce,
    Use,
    choice_at,
    doubt,
    use,
)
from onecart.decide.assignment.search import Found, search
from onecart.errors import UsageError
from onecart.frames import NUMBERS, break_lineage, library_function, require_columns, require_type

HERE = 25_000  # offers that are rather decided in this process
MOST_OFFERS = 200  # different ones
_COLUMNS_OF_BLOCK = ("values", "costs", "key")


@library_function()
def assign(
    offers: DataFrame, budget: float | None, caps: Mapping[Any, float | None] | None = None, per_customer: int = 1
) -> Plan:
    """See `assign.assign`."""
    require_columns(offers, COLUMNS, "decide.assign: offers")
    for name in ("value", "cost"):
        require_type(offers, name, NUMBERS, "decide.assign: offers")
    rows = offers.select(
        "customer_id", "offer", *[F.col(name).cast("double").alias(name) for name in ("value", "cost")]
    )
    first = rows.limit(HERE + 1).toPandas()
    schema = T.StructType([rows.schema[name] for name in COLUMNS])
    if len(first) <= HERE:
        plan = assign_pandas(first, budget, caps, per_customer)
        return replace(plan, chosen=offers.sparkSession.createDataFrame(plan.chosen, schema))
    figures = rows.groupBy("offer").agg(
        F.count_if(_not_finite()).alias("unknown"),
        F.count_if(F.col("cost") < 0).alias("negative"),
        F.count_if(F.col("customer_id").isNull()).alias("nameless"),
    )
    found = figures.limit(MOST_OFFERS + 1).collect()
    if len(found) > MOST_OFFERS:
        raise UsageError(
            f"decide.assign: there are more than {MOST_OFFERS} different offers; give the best of each customer"
        )
    refuse(sum(r["unknown"] for r in found), sum(r["negative"] for r in found))
    if nameless := sum(r["nameless"] if r["offer"] is not None else 1 for r in found):
        raise UsageError(f"decide.assign: {nameless:,} rows have no customer_id or offer; leave them out")
    names = sorted(r["offer"] for r in found)
    limits = checked_limits(budget, caps, per_customer, names)
    customers = Spread(rows, names, limits)
    best = search(customers, limits)
    return replace(plan_of(best, names, exact=False), chosen=customers.chosen(best, limits.per_customer, schema))


def _not_finite() -> Any:
    unknown = F.lit(False)
    for name in ("value", "cost"):
        column = F.col(name)
        unknown = unknown | column.isNull() | F.isnan(column) | (F.abs(column) == F.lit(float("inf")))
    return unknown


class Spread:
    """Customers of a Spark frame, see `search.Customers`: one row each, with an array of values and one of costs."""

    def __init__(self, rows: DataFrame, names: list[Any], limits: Limits) -> None:
        self._names = names
        can_be = (F.col("value") > 0) & (F.col("cost") <= limits.budget)
        worth, costs = (
            [
                F.when((F.col("offer") == F.lit(n)) & can_be & F.lit(bool(cap > 0)), F.col(c))
                for n, cap in zip(names, limits.caps, strict=True)
            ]
            for c in ("value", "cost")
        )
        self._rows = (
            rows.groupBy("customer_id")
            .agg(
                F.array(*[F.coalesce(F.max(c), F.lit(0.0)) for c in worth]).alias("values"),
                F.array(*[F.coalesce(F.max(c), F.lit(0.0)) for c in costs]).alias("costs"),
                (F.count("*") - F.count_distinct("offer")).alias("twice"),
            )
            .withColumn("key", F.shiftrightunsigned(F.xxhash64(F.col("customer_id").cast("string")), 1))
            .transform(break_lineage)
        )
        self.size, twice, total, positive = self._rows.agg(
            F.count("*"),
            F.sum("twice"),
            F.sum(F.aggregate("values", F.lit(0.0), lambda a, v: a + v)),
            F.sum(F.size(F.filter("values", lambda v: v > 0))),
        ).first()  # type: ignore[misc]
        if twice:
            raise UsageError(
                f"decide.assign: {twice:,} rows are of a customer and offer that another row has; keep one row of each"
            )
        self.scale = float(total / positive) if positive else 1.0

    def sample(self, n: int) -> Block:
        found = self._rows.orderBy("key").limit(n).select(*_COLUMNS_OF_BLOCK).toPandas()
        return _block(found)

    def use(self, prices: Prices, per_customer: int) -> Use:
        scale, width = self.scale, len(self._names)

        def sums(block: Block) -> pd.DataFrame:
            found = use(block, prices, per_customer, scale)
            return pd.DataFrame([(found.value, found.spent, found.surplus, found.counts.tolist())])

        schema = "value double, spent double, surplus double, counts array<double>"
        parts = self._rows.select(*_COLUMNS_OF_BLOCK).mapInPandas(_by_block(sums, schema), schema).toPandas()
        counts = np.stack([np.asarray(c) for c in parts["counts"]]) if len(parts) else np.zeros((1, width))
        return Use(parts["value"].sum(), parts["spent"].sum(), counts.sum(0), parts["surplus"].sum())

    def in_doubt(self, prices: Prices, per_customer: int, n: int, scarce: Scarce) -> tuple[Any, Block]:
        scale = self.scale
        schema = "key long, values array<double>, costs array<double>, doubt double"

        def doubts(block: Block) -> pd.DataFrame:
            all_doubt = doubt(block, prices, per_customer, scale, scarce)
            few = np.argsort(all_doubt, kind="stable")[:n]
            part, found = block[few], all_doubt[few]
            return pd.DataFrame(
                {"key": part.keys, "values": part.values.tolist(), "costs": part.costs.tolist(), "doubt": found}
            )

        rows = self._rows.select(*_COLUMNS_OF_BLOCK).mapInPandas(_by_block(doubts, schema), schema)
        found = rows.orderBy("doubt", "key").limit(n).toPandas()
        return found["key"].to_numpy(), _block(found)

    def chosen(self, found: Found, per_customer: int, schema: T.StructType) -> DataFrame:
        """[customer_id, offer, value, cost] at the prices found, those in doubt as they were settled."""
        scale, prices = self.scale, found.prices
        settled = dict(zip(found.ids.tolist(), found.choice, strict=True))

        def choose(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
            for batch in batches:
                block = _block(batch)
                choice = choice_at(block, prices, per_customer, scale)
                for at in np.flatnonzero(batch["key"].isin(settled.keys())):
                    choice[at] = settled[int(batch["key"].iloc[at])]
                rows, columns = np.nonzero(choice)
                yield pd.DataFrame(
                    {
                        "customer_id": batch["customer_id"].to_numpy()[rows],
                        "at": columns.astype("int32"),
                        "value": block.values[choice],
                        "cost": block.costs[choice],
                    }
                )

        made = T.StructType(
            [schema["customer_id"], T.StructField("at", T.IntegerType()), schema["value"], schema["cost"]]
        )
        names = F.array(*[F.lit(name) for name in self._names])
        rows = self._rows.select("customer_id", *_COLUMNS_OF_BLOCK).mapInPandas(choose, made)
        return rows.select(
            "customer_id", names[F.col("at")].cast(schema["offer"].dataType).alias("offer"), "value", "cost"
        )


def _by_block(work: Callable[[Block], pd.DataFrame], schema: str) -> Any:
    names = [column.split()[0] for column in schema.split(", ")]

    def worked(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            if len(batch):
                yield work(_block(batch)).set_axis(names, axis="columns")

    return worked


def _block(batch: pd.DataFrame) -> Block:
    if not len(batch):
        return Block(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0, dtype=np.int64))
    values, costs = (np.stack([np.asarray(v, dtype=float) for v in batch[name]]) for name in ("values", "costs"))
    return Block(values, costs, batch["key"].to_numpy())
