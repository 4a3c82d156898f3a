"""What an issue may have cost: sales beside their forecast in the weeks of the issue and in the others."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

_DAYS = 14  # the week of the issue and the one after it
_LEAST_IN, _LEAST_OUT = 5, 14  # days that must be known
_Z = 1.96


def with_sales_effect(issues: DataFrame, accuracy: DataFrame) -> DataFrame:
    """`issues`[scope, item, week, emerging, ...] with sales_effect, sales_effect_low, sales_effect_high, sales_effect_reason.

    accuracy: unique_id (sku), ds, made_on, yhat, y, as in gold.forecast_accuracy; of a day forecast more than once the newest
    counts. sales_effect: units sold / units expected in the 14 days from the week's Monday on, relative to the same ratio on
    the product's days outside all its emerging weeks, less 1: -.2 are a fifth fewer. low, high: its 95 % interval, with the
    outside days' errors taken as independent. It is what went together, not proof of a cause.
    Null, and the reason says why, for rows that are not emerging or not of one product, and where too few days are known.
    """
    newest = accuracy.where("y IS NOT NULL").groupBy(F.col("unique_id").alias("item"), "ds")
    days = newest.agg(*[F.max_by(c, "made_on").alias(c) for c in ("y", "yhat")])
    hit = issues.where("emerging AND scope = 'sku'").select("item", "week").distinct()
    near = (F.col("ds") >= F.col("week")) & (F.col("ds") < F.date_add("week", _DAYS))
    inside = days.join(F.broadcast(hit), "item", how="inner").where(near)
    outside = days.join(hit.select("item").distinct(), "item", how="left_semi")
    outside = outside.join(inside.select("item", "ds").distinct(), ["item", "ds"], how="left_anti")
    ratio = F.sum("y").over(Window.partitionBy("item")) / F.sum("yhat").over(Window.partitionBy("item"))
    usual = outside.withColumn("ratio", ratio).withColumn("off", F.col("y") - F.col("ratio") * F.col("yhat"))
    usual = usual.groupBy("item").agg(
        F.first("ratio").alias("ratio"), F.stddev("off").alias("sd"), F.count("*").alias("days_out")
    )
    now = inside.groupBy("item", "week").agg(
        F.sum("y").alias("sold"), F.sum("yhat").alias("expected"), F.count("*").alias("days_in")
    )
    found = hit.join(now, ["item", "week"], how="left").join(usual, "item", how="left")
    enough = (F.col("days_in") >= _LEAST_IN) & (F.col("days_out") >= _LEAST_OUT)
    sound = enough & (F.col("expected") > 0) & (F.col("ratio") > 0)
    base = F.col("ratio") * F.col("expected")
    effect, wide = F.col("sold") / base - 1, _Z * F.col("sd") * F.sqrt("days_in") / base
    reason = (
        F.when(F.coalesce("days_in", F.lit(0)) < _LEAST_IN, "too few days of the weeks were forecast and have come")
        .when(F.coalesce("days_out", F.lit(0)) < _LEAST_OUT, "too few other days were forecast and have come")
        .when(~sound, "nothing was expected or sold")
    )
    effects = found.select(
        F.lit("sku").alias("scope"),
        "item",
        "week",
        F.when(sound, effect).alias("sales_effect"),
        F.when(sound, effect - wide).alias("sales_effect_low"),
        F.when(sound, effect + wide).alias("sales_effect_high"),
        reason.alias("why"),
    )
    joined = issues.join(effects, ["scope", "item", "week"], how="left")
    none = F.when(~F.col("emerging"), "not an emerging issue").when(F.col("scope") != "sku", "not about one product")
    estimated = F.when(F.col("emerging"), F.col("sales_effect"))
    return joined.withColumns(
        {
            "sales_effect_reason": F.coalesce(none, "why"),
            **{c: F.when(F.col("emerging"), F.col(c)) for c in ("sales_effect_low", "sales_effect_high")},
            "sales_effect": estimated,
        }
    ).drop("why")
