"""Job `recommend`: measures the models on the last weeks, then offers every customer products by the configured one."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart import models
from onecart.config import Recommend
from onecart.context import Context, Result
from onecart.errors import NothingToDo
from onecart.facts import EVENTS, ORDERS, require_current
from onecart.facts.shop import are_goods
from onecart.frames import break_lineage
from onecart.recommend.evaluation.scoreboard import Board, scoreboard
from onecart.recommend.events import pairs, purchases, split
from onecart.recommend.fitting import fit
from onecart.recommend.models.registry import MODELS
from onecart.recommend.serving.offers import (
    MODEL,
    TABLE,
    Kept,
    allowed,
    customers_of,
    describes,
    happened,
    kept,
    news,
    offers,
    same_for_all,
    to_change,
)
from onecart.recommend.settings import check, parameters_of
from onecart.recommend.split import refuse_leakage


def run(ctx: Context) -> Result:
    """Writes gold.recommendations for every customer by the configured model, and in gold.model_health how good each model
    was on the days held out (`scoreboard`). A model younger than recommend.retrain_days is kept: then only those get new
    lists who did something since, or whose old list will not do.

    Only customers who agreed to profiling are in the data of the models and of their measures. All others get the
    same most popular products: nothing about one of them decides what that one sees.
    """
    ctx.require_rows(ORDERS, EVENTS)
    require_current(ctx)
    check(ctx.settings.recommend)
    conf, customers = ctx.settings.recommend, customers_of(ctx)
    rows = (
        happened(ctx.settings, ctx.lake.read(ORDERS), ctx.lake.read(EVENTS), before=ctx.as_of())
        .join(customers.drop("age"), on="user_id", how="inner")
        .transform(break_lineage)
    )
    total = rows.count()
    if not total:
        raise NothingToDo("no customer has bought goods or looked at any")
    profiled = rows.where("consent_profiling").drop("consent_profiling")
    popular = fit(rows, "popularity", as_of=ctx.as_of(), **parameters_of("popularity", conf, ctx.settings.seed))
    anybody = Kept(popular, ctx.model_version(f"{MODEL}.popularity"))
    old = kept(ctx, _learned_by(ctx))
    if old:
        written, headline = _refreshed(ctx, old, anybody, profiled, customers)
    else:
        written, headline = _anew(ctx, anybody, profiled, customers)
    return Result(rows_in=total, rows_out=written, headline=headline)


def _learned_by(ctx: Context) -> dict[str, Any]:
    """The settings that a model depends on."""
    return {**ctx.settings.recommend.model_dump(), "goods": ctx.settings.shop.goods}


def _anew(ctx: Context, anybody: Kept, rows: DataFrame, customers: DataFrame) -> tuple[int, str]:
    """(rows written, headline): the models measured, the configured one fitted and saved, a list for everybody."""
    conf, seed = ctx.settings.recommend, ctx.settings.seed
    about = ctx.lake.read_if_exists("silver.products")
    products = describes(about.where(are_goods(ctx.settings.shop)))
    groups = segments(ctx.lake.read("gold.customer_profile"), ctx.settings.intent.audit)
    cut = ctx.as_of() - timedelta(days=conf.holdout_days)
    measures, weights = measure(rows, cut, conf, seed, products=products, groups=groups)
    ctx.write_health({f"{MODEL}.{model}": values for model, values in measures.items()}, "holdout")
    if rows.isEmpty():
        made = anybody
    else:
        given, kind = parameters_of(conf.model, conf, seed), MODELS[conf.model]
        if kind.needs_products:
            given["products"] = products
        if kind.mixture and weights:
            given["weights"] = {part: weight for part, weight in weights.items() if weight > 0}
        model = fit(rows, conf.model, as_of=ctx.as_of(), **given).hiding(purchases(rows))
        model.notes.update(
            as_of=str(ctx.as_of()), settings=_learned_by(ctx), metrics=measures, inputs=dict(ctx.lake.reads)
        )
        made = Kept(model, models.save(ctx, f"{MODEL}.{conf.model}", model.save))
    goods = allowed(made.model.frames["items"], about, conf)
    rows = offers(made, customers, goods, ctx).unionByName(same_for_all(anybody, customers, goods, ctx))
    written = ctx.lake.replace(TABLE, rows)
    if made is not anybody:
        record = models.Record({"model": conf.model, **made.model.params.model_dump()}, measures.get(conf.model, {}))
        models.register(ctx, MODEL, made.version, reason="the newest", record=record)
    return written.inserted, "nobody agreed to profiling" if made is anybody else _headline(measures, conf)


def _refreshed(ctx: Context, old: Kept, anybody: Kept, rows: DataFrame, customers: DataFrame) -> tuple[int, str]:
    """(rows written, headline): the model as it is, told of the news, and lists for those whose lists have to change."""
    before = ctx.lake.read(TABLE)
    events = break_lineage(news(rows, before, old.model))
    goods = allowed(old.model.frames["items"], ctx.lake.read_if_exists("silver.products"), ctx.settings.recommend)
    changed = to_change(customers, events, before, goods)
    model = old.model.for_users(changed)
    model = model if events.isEmpty() else model.updated(events, seen=purchases(events))
    stay = customers.join(changed, on="user_id", how="left_anti").select(F.col("user_id").alias("customer_id"))
    left = before.join(stay, on="customer_id", how="left_semi")
    anew = offers(Kept(model, old.version), changed, goods, ctx)
    anew = anew.unionByName(same_for_all(anybody, changed, goods, ctx))
    written = ctx.lake.replace(TABLE, left.select(*anew.columns).unionByName(anew))
    return written.inserted, f"{changed.count():,} of {customers.count():,} customers anew by {old.version}"


def measure(
    rows: DataFrame,
    cut: date,
    conf: Recommend,
    seed: int,
    *,
    products: DataFrame | None = None,
    groups: DataFrame | None = None,
) -> tuple[Board, dict[str, float] | None]:
    """(model -> metric -> value, the blend's weights): fitted on `rows` before `cut`, the weights too, and asked for what
    was newly bought from `cut` on, see `scoreboard`. products: see `fit`. groups: see `segments`.

    Items bought before are not offered again; items only looked at are. Empty and None where one side of `cut` has no rows.
    """
    train, held_out = split(rows, cut)
    held_out = break_lineage(held_out)
    refuse_leakage(train, cut)
    if train.isEmpty() or held_out.isEmpty():
        return {}, None
    blend = fit(train, "blend", products=products, as_of=cut, **parameters_of("blend", conf, seed))
    users, seen, known = (
        held_out.select("user_id").distinct(),
        break_lineage(purchases(train)),
        break_lineage(pairs(train)),
    )
    asked = break_lineage(blend.by_part(users, conf.k, seen=seen))
    lists = {model: asked.where(F.col("model") == model) for model in blend.parts}
    if conf.model not in lists:
        alone = fit(train, conf.model, as_of=cut, **parameters_of(conf.model, conf, seed))
        lists[conf.model] = alone.recommend(users, conf.k, seen=seen)
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


def _headline(measures: Board, conf: Recommend) -> str:
    if not measures:
        return f"too little history to hold out {conf.holdout_days} days"
    shown = dict.fromkeys((conf.model, "als", "popularity"))
    return f"nDCG@{conf.k} " + ", ".join(f"{m} {measures[m]['ndcg']:.3f}" for m in shown if m in measures)
