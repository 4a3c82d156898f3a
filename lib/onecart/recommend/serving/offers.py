"""Who is offered what: the rows of gold.recommendations, of everybody or of those whose list has to change."""

import json
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart import models
from onecart.config import Recommend, Settings
from onecart.context import Context
from onecart.facts.shop import are_goods
from onecart.frames import break_lineage, local_time
from onecart.recommend.events import interactions
from onecart.recommend.recommender import Recommender
from onecart.recommend.serving.rerank import reranked

TABLE, MODEL = "gold.recommendations", "recommend"
_CHOICE = 5  # so many times longer than k is the list that a varied one is chosen from
_UNKNOWN = -1  # the age of whoever did not tell it


@dataclass(frozen=True)
class Kept:
    """A saved model, and the version that the rows it makes name."""

    model: Recommender
    version: str


def describes(goods: DataFrame) -> DataFrame | None:
    """Rows of silver.products that are goods -> what `fit` takes as products, [item_id, text, category]; None: nothing is described."""
    described = goods.where(F.coalesce("description", "category").isNotNull())
    text = F.concat_ws(" ", "description", "brand")
    found = described.select(F.col("sku").alias("item_id"), text.alias("text"), "category")
    return None if found.isEmpty() else found


def newest(ctx: Context, read: Kept | None = None) -> Kept | None:
    """The model of the last personal offers; `read` again if it is that one. None: there is none, or it was erased with a
    person it was made from."""
    row = ctx.lake.read_if_exists(TABLE).where(~_general()).select("model_version").first()
    if row is None:
        return None
    if read and row[0] == read.version:
        return read
    try:
        return Kept(models.load(ctx, row[0], lambda path: Recommender.load(ctx.spark, path)), row[0])
    except models.Gone:
        return None


def kept(ctx: Context, settings: dict[str, Any]) -> Kept | None:
    """The newest model, if it is younger than recommend.retrain_days and was made by the same `settings`."""
    found = newest(ctx) if ctx.settings.recommend.retrain_days else None
    if found is None or not found.model.updatable:
        return None
    age = (ctx.as_of() - date.fromisoformat(found.model.notes["as_of"])).days
    same = found.model.notes["settings"] == json.loads(json.dumps(settings))
    return found if same and 0 <= age < ctx.settings.recommend.retrain_days else None


def customers_of(ctx: Context) -> DataFrame:
    """[user_id, consent_profiling, age: see `age_of`], key user_id, of every customer. No word is no consent."""
    return ctx.lake.read("gold.customer_profile").select(
        F.col("customer_id").alias("user_id"),
        F.coalesce("consent_profiling", F.lit(False)).alias("consent_profiling"),
        age_of("date_of_birth", ctx.as_of()).alias("age"),
    )


def happened(
    settings: Settings,
    orders: DataFrame,
    events: DataFrame,
    *,
    before: date | None = None,
    had: DataFrame | None = None,
) -> DataFrame:
    """`interactions` with goods by the settings, at times of the shop's clocks."""
    values = {str(kind): value for kind, value in settings.recommend.event_values.items()}
    goods, zone = are_goods(settings.shop), settings.shop.time_zone
    orders, events = (
        rows.where(goods).withColumn(moment, local_time(moment, zone))
        for rows, moment in ((orders, "order_ts"), (events, "event_ts"))
    )
    return interactions(orders, events, values=values, before=before, had=had)


def offers(made: Kept, customers: DataFrame, goods: DataFrame, ctx: Context) -> DataFrame:
    """Rows of gold.recommendations for those of `customers`[user_id, consent_profiling, age] who agreed, by `made`, of
    `goods` (of `allowed`); what somebody has bought `made` hides."""
    conf, products = ctx.settings.recommend, ctx.lake.read_if_exists("silver.products")
    agreed, depth = customers.where("consent_profiling"), conf.k * (_CHOICE if conf.reranks else 1)
    lists = _lists(made.model, agreed, goods, depth, filter_seen=True)
    if conf.reranks:
        kinds = products.select(F.col("sku").alias("item_id"), "category")
        varied: dict[str, Any] = {
            "per_category": conf.per_category,
            "diversity": conf.diversity,
            "exploration": conf.exploration,
        }
        lists = reranked(lists, conf.k, kinds, seed=ctx.settings.seed, **varied)
    explained = "item_knn_items" in made.model.frames
    return _rows(made.model.because(lists) if explained else _unexplained(lists), made, ctx)


def same_for_all(anybody: Kept, customers: DataFrame, goods: DataFrame, ctx: Context) -> DataFrame:
    """Rows of gold.recommendations for those of `customers` who did not agree: the first of `anybody` and `goods`."""
    others = customers.where(~F.col("consent_profiling"))
    lists = _lists(anybody.model, others, goods, ctx.settings.recommend.k, filter_seen=False)
    return _rows(_unexplained(lists), anybody, ctx)


def _lists(model: Recommender, customers: DataFrame, goods: DataFrame, k: int, *, filter_seen: bool) -> DataFrame:
    parts = [model.recommend(some, k, filter_seen, items, with_tier=True) for some, items in by_age(customers, goods)]
    return reduce(DataFrame.unionByName, parts)


def _unexplained(lists: DataFrame) -> DataFrame:
    return lists.withColumn("because", F.lit(None).cast("array<string>"))


def _rows(lists: DataFrame, made: Kept, ctx: Context) -> DataFrame:
    return lists.select(
        F.col("user_id").alias("customer_id"),
        "rank",
        F.col("item_id").alias("sku"),
        "score",
        "tier",
        "because",
        F.lit(ctx.as_of()).alias("as_of"),
        F.lit(made.version).alias("model_version"),
    )


def allowed(items: DataFrame, products: DataFrame, conf: Recommend) -> DataFrame:
    """[item_id, min_age] of `items` that may be offered: in stock (recommend.in_stock), with a margin, (list price - cost) /
    list price, of recommend.min_margin. What is not known of a product does not keep it out. min_age: years; 0: for all."""
    out: Column = F.lit(False)
    if conf.in_stock:
        out = out | (F.col("stock_on_hand") <= 0)
    if conf.min_margin is not None:
        out = out | ((F.col("list_price") - F.col("unit_cost")) / F.col("list_price") < conf.min_margin)
    about = products.select(
        F.col("sku").alias("item_id"),
        F.coalesce(out, F.lit(False)).alias("out"),
        F.coalesce("min_age", F.lit(0)).alias("min_age"),
    )
    known = items.select("item_id").join(F.broadcast(about), on="item_id", how="left")
    found = known.where(~F.coalesce("out", F.lit(False)))
    return break_lineage(found.select("item_id", F.coalesce("min_age", F.lit(0)).alias("min_age")))


def by_age(customers: DataFrame, goods: DataFrame) -> list[tuple[DataFrame, DataFrame]]:
    """(customers, the `goods`[item_id, min_age] they may be offered): one pair for each age from which more is allowed.
    Whoever did not tell an age is offered what is for all."""
    ages = sorted(row[0] for row in goods.select("min_age").where("min_age > 0").distinct().collect())
    parts = []
    for low, high in zip([_UNKNOWN, *ages], [*ages, None], strict=True):
        old = F.col("age") >= low
        some = customers.where(old if high is None else old & (F.col("age") < high))
        parts.append((some, goods.where(F.col("min_age") <= max(low, 0)).select("item_id")))
    return parts


def age_of(born: str, as_of: date) -> Column:
    """Whole years from the date in the column `born` to `as_of`; -1: not known, nor where that date is still to come."""
    years = F.floor(F.months_between(F.lit(as_of), F.col(born)) / 12).cast("int")
    return F.when(years >= 0, years).otherwise(F.lit(_UNKNOWN))


def news(rows: DataFrame, before: DataFrame, model: Recommender) -> DataFrame:
    """Of the interactions `rows` what `model` has not learnt: those since, and all of customers without a personal row in
    `before` (of gold.recommendations)."""
    since = F.col("ts") >= F.lit(date.fromisoformat(model.notes["as_of"]))
    known = (
        before.where(~_general()).select(F.col("customer_id").alias("user_id"), F.lit(True).alias("known")).distinct()
    )
    return rows.join(known, on="user_id", how="left").where(since | F.col("known").isNull()).drop("known")


def to_change(customers: DataFrame, events: DataFrame, before: DataFrame, goods: DataFrame) -> DataFrame:
    """Of `customers` those whose rows in `before` are missing, of another consent, or offer something that is not among
    `goods`[item_id] any more, and the users of `events`."""
    told = before.groupBy(F.col("customer_id").alias("user_id")).agg(F.bool_and(~_general()).alias("personal"))
    wrong = before.join(goods.select(F.col("item_id").alias("sku")), on="sku", how="left_anti")
    active = events.select("user_id").union(wrong.select("customer_id")).distinct().withColumn("active", F.lit(True))
    known = customers.join(told, on="user_id", how="left").join(active, on="user_id", how="left")
    stays = F.col("active").isNull() & (F.col("personal") == F.col("consent_profiling"))
    return break_lineage(known.where(~F.coalesce(stays, F.lit(False))).select(*customers.columns))


def _general() -> Column:
    return F.col("model_version").startswith(f"{MODEL}.popularity@")
