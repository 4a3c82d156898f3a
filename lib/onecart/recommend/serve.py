"""Job `recommend`: measures the models on the last weeks, then offers every customer products by the configured one."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.config import Recommend
from onecart.context import Context, Result
from onecart.recommend.events import interactions, pairs, purchases, split
from onecart.recommend.pairs import settled
from onecart.recommend.parameters import MODELS, PARTS
from onecart.recommend.recommender import fit
from onecart.recommend.rerank import reranked
from onecart.recommend.scoreboard import Board, scoreboard
from onecart.recommend.split import refuse_leakage

_CHOICE = 5  # so many times longer than k is the list that a varied one is chosen from


def run(ctx: Context) -> Result:
    """Writes gold.model_health (`scoreboard` of the days held out) and gold.recommendations (the configured model).

    Only customers who agreed to profiling are in the data of the models and of their measures. All others get the
    same most popular products: nothing about one of them decides what that one sees.
    """
    conf, as_of = ctx.settings.recommend, ctx.as_of()
    profiles = ctx.lake.read("gold.customer_profile")
    customers = profiles.select(F.col("customer_id").alias("user_id"), "consent_profiling")
    rows = interactions(
        ctx.lake.read("silver.orders"),
        ctx.lake.read_if_exists("silver.interactions"),
        ctx.lake.read("gold.identity_links"),
        ctx.lake.read_if_exists("gold.identity_stitches"),
        values={str(kind): value for kind, value in conf.event_values.items()},
        sku_pattern=conf.sku_pattern,
        before=as_of,
    )
    rows = rows.join(customers, on="user_id", how="inner").transform(settled)
    profiled = rows.where("consent_profiling").drop("consent_profiling")
    cut = as_of - timedelta(days=conf.holdout_days)
    groups = segments(profiles, ctx.settings.intent.audit)
    measures, weights = measure(profiled, cut, conf, ctx.settings.seed, groups)
    ctx.write_health({f"recommend.{model}": values for model, values in measures.items()}, "holdout")
    written = ctx.lake.replace("gold.recommendations", offers(rows, customers, ctx, weights))
    return Result(rows_in=rows.count(), rows_out=written.inserted, headline=_headline(measures, conf))


def measure(
    rows: DataFrame, cut: date, conf: Recommend, seed: int, groups: DataFrame | None = None
) -> tuple[Board, dict[str, float] | None]:
    """(model -> metric -> value, the blend's weights): fitted on `rows` before `cut`, the weights too, and asked for what
    was newly bought from `cut` on, see `scoreboard`. `groups`: see `segments`.

    Items bought before are not offered again; items only looked at are. Empty and None where one side of `cut` has no rows.
    """
    train, held_out = split(rows, cut)
    held_out = settled(held_out)
    refuse_leakage(train, cut)
    if train.isEmpty() or held_out.isEmpty():
        return {}, None
    blend = fit(train, "blend", **parameters("blend", conf, seed))
    models = {name: blend.using(name) for name in (*PARTS, "blend") if name in blend.parts}
    if conf.model not in models:
        models[conf.model] = fit(train, conf.model, **parameters(conf.model, conf, seed))
    users, seen, known = held_out.select("user_id").distinct(), settled(purchases(train)), settled(pairs(train))
    lists = {name: model.recommend(users, conf.k, seen=seen) for name, model in models.items()}
    return scoreboard(lists, held_out, known, conf.k, conf.model, groups), blend.params.weights


def segments(profiles: DataFrame, attributes: Mapping[str, str]) -> DataFrame | None:
    """[user_id, group], key both: of each customer who agreed to profiling, `attribute.value` for each of `attributes`,
    name -> SQL over gold.customer_profile, that is known. None: no attributes."""
    if not attributes:
        return None
    named = [F.concat(F.lit(f"{name}."), F.expr(sql).cast("string")) for name, sql in attributes.items()]
    agreed = profiles.where("consent_profiling")
    groups = agreed.select(F.col("customer_id").alias("user_id"), F.explode(F.array(*named)).alias("group"))
    return groups.where("group IS NOT NULL")


def offers(rows: DataFrame, customers: DataFrame, ctx: Context, weights: dict[str, float] | None) -> DataFrame:
    """gold.recommendations: for each of `customers`, by the configured model or, without consent, by popularity."""
    conf, seed = ctx.settings.recommend, ctx.settings.seed
    profiled = rows.where("consent_profiling")
    model = "popularity" if profiled.isEmpty() else conf.model
    given = parameters(model, conf, seed)
    if model == "blend" and weights:
        given["weights"] = {part: weight for part, weight in weights.items() if weight > 0}
    personal = fit(rows if profiled.isEmpty() else profiled, model, **given)
    personal.save(ctx.model_path("recommend"))
    anybody = fit(rows, "popularity", **parameters("popularity", conf, seed))
    products, agreed = ctx.lake.read_if_exists("silver.products"), F.col("consent_profiling")
    worth, depth = worthwhile(products, rows, conf.min_margin), conf.k * (_CHOICE if conf.reranks else 1)
    mine = personal.recommend(customers.where(agreed), depth, items=worth, seen=purchases(rows), with_tier=True)
    if conf.reranks:
        kinds = products.select(F.col("sku").alias("item_id"), "category")
        mine = reranked(
            mine,
            conf.k,
            kinds,
            per_category=conf.per_category,
            variety=conf.variety,
            trials=conf.trials,
            seed=seed,
        )
    explained = "item_knn_items" in personal.frames
    mine = personal.because(mine) if explained else mine.withColumn("because", F.lit(None).cast("array<string>"))
    same = anybody.recommend(customers.where(~agreed), conf.k, filter_seen=False, items=worth, with_tier=True)
    same = same.withColumn("because", F.lit(None).cast("array<string>"))
    versions = (ctx.model_version(f"recommend.{name}") for name in (model, "popularity"))
    mine, same = (f.withColumn("model_version", F.lit(v)) for f, v in zip((mine, same), versions, strict=True))
    return mine.unionByName(same).select(
        F.col("user_id").alias("customer_id"),
        "rank",
        F.col("item_id").alias("sku"),
        "score",
        "tier",
        "because",
        F.lit(ctx.as_of()).alias("as_of"),
        "model_version",
    )


def worthwhile(products: DataFrame, rows: DataFrame, min_margin: float | None) -> DataFrame | None:
    """[item_id] of `rows` whose margin, (list price - cost) / list price, is at least this or not known; None: all are."""
    if min_margin is None:
        return None
    thin = (F.col("list_price") - F.col("unit_cost")) / F.col("list_price") < min_margin
    left_out = products.where(thin).select(F.col("sku").alias("item_id"))
    return rows.select("item_id").distinct().join(left_out, on="item_id", how="left_anti")


def parameters(model: str, conf: Recommend, seed: int) -> dict[str, Any]:
    """The settings that `model` has a parameter for."""
    given = {**conf.model_dump(), "seed": seed, "validation_value": conf.event_values.get("purchase", 0.0)}
    return {name: given[name] for name in MODELS[model].model_fields if name in given}


def _headline(measures: Board, conf: Recommend) -> str:
    if not measures:
        return f"too little history to hold out {conf.holdout_days} days"
    shown = dict.fromkeys((conf.model, "als", "popularity"))
    return f"nDCG@{conf.k} " + ", ".join(f"{m} {measures[m]['ndcg']:.3f}" for m in shown if m in measures)
