"""The job `intent`: gold.customer_features, silver.orders -> gold.intent_scores, gold.model_health, a saved model."""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.errors import OneCartError
from onecart.intent.fit import train
from onecart.intent.metrics import metrics
from onecart.intent.model import IntentModel

LABEL = "bought"
_KEY = ("customer_id", "as_of")


def run(ctx: Context) -> Result:
    """Learns who bought within horizon_days after the earlier feature dates, and scores the features of as_of.

    The last date whose outcome is known by as_of is the holdout; the model learns from the dates before it only.
    """
    as_of, horizon = ctx.as_of(), ctx.settings.intent.horizon_days
    features = ctx.lake.read("gold.customer_features")
    now = features.where(F.col("as_of") == F.lit(as_of))
    dates = sorted(row[0] for row in features.select("as_of").distinct().collect())
    known = [d for d in dates if d + timedelta(days=horizon) <= as_of]
    if as_of not in dates or len(known) < 2:
        raise OneCartError(
            f"gold.customer_features holds {', '.join(map(str, dates)) or 'no date'}; needed are {as_of} and two dates "
            f"at least {horizon} days before it. Run `onecart run behave`, or set a smaller intent.horizon_days"
        )
    buyers = bought(ctx.lake.read("silver.orders"), ctx.lake.read("gold.identity_links"), known, horizon_days=horizon)
    examples = features.where(F.col("as_of").isin(known)).transform(with_label, buyers)
    kind = ctx.settings.intent.model
    model = train(examples.drop("customer_id"), LABEL, "as_of", kind, holdout_from=known[-1], seed=ctx.settings.seed)
    recency = metrics(
        examples.where(F.col("as_of") == F.lit(known[-1])),
        score=-F.coalesce("days_since_order", F.lit(1e6)),  # the simplest rule: who bought last buys next
        label=LABEL,
    )
    model.save(ctx.model_path(f"intent.{kind}"))
    version = ctx.model_version(f"intent.{kind}")
    scores = now.transform(with_decile, model).withColumn("horizon_days", F.lit(horizon))
    scores = scores.withColumn("model_version", F.lit(version))
    written = ctx.lake.replace_where("gold.intent_scores", scores, f"as_of = '{as_of}'")
    ctx.write_health({f"intent.{kind}": model.metrics, "intent.recency": recency}, "holdout")
    return Result(
        rows_in=features.where(F.col("as_of").isin([*known, as_of])).count(),
        rows_out=written.inserted,
        headline=f"AUC {model.metrics['auc']:.2f} (recency alone {recency['auc']:.2f})",
    )


def bought(orders: DataFrame, links: DataFrame, dates: Sequence[date], *, horizon_days: int) -> DataFrame:
    """One row per customer and date, its key, where the customer ordered on the date or in the horizon_days - 1 after.

    orders: silver.orders (returns do not count); links: gold.identity_links.
    """
    days = orders.sparkSession.createDataFrame([(d,) for d in dates], "as_of DATE")
    day = F.to_date("order_ts")
    inside = (day >= F.col("as_of")) & (day < F.date_add("as_of", horizon_days))
    return (
        orders.where("quantity > 0")
        .join(F.broadcast(days), inside, how="inner")
        .join(links, "record_id", how="inner")
        .select(*_KEY)
        .distinct()
    )


def with_label(features: DataFrame, buyers: DataFrame) -> DataFrame:
    """Adds the 0/1 column `bought`: whether the row's key is among `buyers`."""
    marked = features.join(buyers.withColumn(LABEL, F.lit(1)), [*_KEY], how="left")
    return marked.withColumn(LABEL, F.coalesce(LABEL, F.lit(0)))


def with_decile(features: DataFrame, model: IntentModel) -> DataFrame:
    """One row per row of `features`: customer_id, as_of, probability, and decile, 1 for the most likely tenth.

    Equal probabilities get the same decile. The borders are approximate quantiles, to 0.1 % of the rows.
    """
    scored = model.score(features).select(*_KEY, "probability")
    borders = scored.approxQuantile("probability", [i / 10 for i in range(1, 10)], 0.001)
    return scored.withColumn("decile", sum(((F.col("probability") < b).cast("int") for b in borders), F.lit(1)))
