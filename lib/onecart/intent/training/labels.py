"""Labels: did it happen in the days after a cut date. No label window touches the days that features look at."""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import library_function

LABEL = "label"


def cut_dates(last: date, *, horizon_days: int, gap_days: int = 0, cuts: int = 4) -> list[date]:
    """`cuts` days, oldest first, whose label windows end by `last`, do not overlap, and lie a window and a gap apart."""
    _positive(horizon_days, gap_days)
    step = timedelta(days=horizon_days + gap_days)
    return [last - (i + 1) * step for i in reversed(range(cuts))]


@library_function("keys")
def buys(
    population: DataFrame,
    events: DataFrame,
    *,
    horizon_days: int,
    gap_days: int = 0,
    keys: Sequence[str] = ("customer_id",),
    known_until: date | None = None,
) -> DataFrame:
    """One row per row of `population`; adds label (0/1), label_from and label_until, days, the second not included.

    population: `keys` and as_of (date), unique together: customers, or customer x category with keys=("customer_id",
    "category"); several as_of are several rows. events: `keys` and ts (date or timestamp); label 1: one at
    label_from <= ts < label_until, where label_from = as_of + gap_days. Features may look at moments before as_of only,
    so the windows never touch. known_until: rows whose window ends after this day are left out: their outcome is open.
    UsageError: a missing column, or a window without days.
    """
    _positive(horizon_days, gap_days)
    _require(population, [*keys, "as_of"], "population")
    _require(events, [*keys, "ts"], "events")
    start = F.date_add("as_of", gap_days)
    windows = population.withColumns({"label_from": start, "label_until": F.date_add(start, horizon_days)})
    if known_until is not None:
        windows = windows.where(F.col("label_until") <= F.lit(known_until))
    day = F.to_date("ts")
    happened = events.select(*keys, day.alias("__day")).distinct()
    hits = (
        windows.select(*keys, "as_of", "label_from", "label_until")
        .join(happened, [*keys], how="inner")
        .where((F.col("__day") >= F.col("label_from")) & (F.col("__day") < F.col("label_until")))
        .select(*keys, "as_of")
        .distinct()
        .withColumn(LABEL, F.lit(1))
    )
    return windows.join(hits, [*keys, "as_of"], how="left").withColumn(LABEL, F.coalesce(LABEL, F.lit(0)))


@library_function()
def session_buys(
    sessions: DataFrame, orders: DataFrame, *, horizon_hours: float, gap_minutes: float = 0.0
) -> DataFrame:
    """One row per row of `sessions` with a customer; adds label: an order of the customer after the session.

    sessions: session_id (unique), customer_id, ended_ts; orders: customer_id, ts. label 1: an order at
    ended_ts + gap < ts <= ended_ts + gap + horizon; features may look at moments up to ended_ts.
    """
    _positive(horizon_hours, gap_minutes)
    _require(sessions, ["session_id", "customer_id", "ended_ts"], "sessions")
    _require(orders, ["customer_id", "ts"], "orders")
    known = sessions.where(F.col("customer_id").isNotNull())
    after = _seconds("ts") - _seconds("ended_ts") - gap_minutes * 60
    hits = (
        known.select("session_id", "customer_id", "ended_ts")
        .join(orders.select("customer_id", "ts"), "customer_id", how="inner")
        .where((after > 0) & (after <= horizon_hours * 3600))
        .select("session_id")
        .distinct()
        .withColumn(LABEL, F.lit(1))
    )
    return known.join(hits, "session_id", how="left").withColumn(LABEL, F.coalesce(LABEL, F.lit(0)))


def pairs(customers: DataFrame, categories: DataFrame) -> DataFrame:
    """Every customer (customer_id, as_of) x every category: the population of a label per category."""
    return customers.select("customer_id", "as_of").crossJoin(F.broadcast(categories.select("category").distinct()))


def _seconds(column: str) -> Column:
    return F.col(column).cast("timestamp").cast("double")


def _positive(horizon: float, gap: float) -> None:
    if horizon <= 0 or gap < 0:
        raise UsageError(
            f"a label window of {horizon:g} after a gap of {gap:g}: it must have a length, and begin after as_of"
        )


def _require(df: DataFrame, columns: Sequence[str], what: str) -> None:
    missing = [c for c in columns if c not in df.columns]
    if missing:
        raise UsageError(f"the {what} lack the column '{missing[0]}'; there are {', '.join(df.columns)}")
