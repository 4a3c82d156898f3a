"""The job `intent`: gold.customer_features, customer_orders and customer_profile -> gold.intent_scores, and what is known
of the model: gold.model_registry, gold.model_overview, gold.model_health, gold.fairness."""

from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.errors import DataError, NothingToDo
from onecart.facts import ORDERS, require_current
from onecart.frames import local_time
from onecart.intent import registry
from onecart.intent.evaluation import drift
from onecart.intent.evaluation.fairness import audit
from onecart.intent.evaluation.metrics import metrics
from onecart.intent.model import IntentModel
from onecart.intent.training.labels import LABEL, buys
from onecart.intent.training.train import PROBABILITY, OneOutcome, train

_KEY = ("customer_id", "as_of")


def run(ctx: Context) -> Result:
    """Learns who bought within horizon_days after the earlier feature dates, and scores the features of as_of.

    The last date whose outcome is known by as_of is the holdout; the model learns from the dates before it only. It
    scores if it beats the champion there, else the champion does. DataError (exit code 3) after all is written if the
    features or scores have moved by more than intent.max_psi.
    """
    ctx.require_rows("gold.customer_features")
    require_current(ctx)
    as_of, wanted = ctx.as_of(), ctx.settings.intent
    features = ctx.lake.read("gold.customer_features")
    now = features.where(F.col("as_of") == F.lit(as_of))
    ahead = timedelta(days=wanted.gap_days + wanted.horizon_days)
    dates = sorted(row[0] for row in features.select("as_of").distinct().collect())
    known = [d for d in dates if d + ahead <= as_of]
    if as_of not in dates or len(known) < 2:
        raise NothingToDo(
            f"gold.customer_features holds {', '.join(map(str, dates)) or 'no date'}; needed are {as_of} and two dates "
            f"at least {ahead.days} days before it. Run `onecart run behave`, or set a smaller intent.horizon_days"
        )
    events = purchases(ctx.lake.read(ORDERS), ctx.settings.shop.time_zone)
    past = features.where(F.col("as_of").isin(known))
    labelled = buys(past, events, horizon_days=wanted.horizon_days, gap_days=wanted.gap_days)
    examples = labelled.drop("label_from", "label_until").persist()
    held = examples.where(F.col("as_of") == F.lit(known[-1]))
    try:
        model = _trained(ctx, examples, known[-1], ahead.days)
    except OneOutcome as e:  # a young or a small shop: all of its customers bought again, or none
        raise NothingToDo(str(e)) from e
    recency = metrics(
        held,
        score=-F.coalesce("days_since_order", F.lit(1e6)),  # the simplest rule: who bought last buys next
        label=LABEL,
    )
    choice = registry.choose(ctx, model, held, LABEL, question="intent", kind=f"intent.{model.model}")
    scorer, note = choice.scorer, choice.note
    kind = f"intent.{scorer.model.model}"
    version = {kind: scorer.version}
    scores = with_decile(now, scorer.model, reasons=wanted.reasons)
    scores = scores.withColumns({"horizon_days": F.lit(wanted.horizon_days), "model_version": F.lit(scorer.version)})
    written = ctx.lake.replace_where("gold.intent_scores", scores, f"as_of = '{as_of}'")
    ctx.write_health({kind: choice.figures, "intent.recency": recency}, "holdout", version)
    moved = _moved(ctx, scorer.model, now)
    delay = {"label_delay_days": float((as_of - known[-1]).days)}
    ctx.write_health({kind: {**{f"psi.{c}": v for c, v in moved.items()}, **delay}}, "drift", version)
    note += _audited(ctx, scorer, held)
    result = Result(
        rows_in=features.where(F.col("as_of").isin([*known, as_of])).count(),
        rows_out=written.inserted,
        headline=f"AUC {choice.figures['auc']:.2f} by {scorer.model.model} (recency alone {recency['auc']:.2f}){note}",
    )
    _alarm(moved, wanted.max_psi, result)
    return result


def _trained(ctx: Context, examples: DataFrame, holdout_from: date, ahead: int) -> IntentModel:
    """Never refitted on its holdout: a later run compares it on rows that it has not seen."""
    wanted = ctx.settings.intent
    params: dict[str, Any] = dict(wanted.params)
    return train(
        examples.drop("customer_id"),
        LABEL,
        "as_of",
        wanted.model,
        holdout_from=holdout_from,
        gap=ahead,
        search=wanted.search,
        refit=False,
        seed=ctx.settings.seed,
        **params,
    )


def _audited(ctx: Context, scorer: registry.Champion, held: DataFrame) -> str:
    """Writes gold.fairness of the model that scores, on its holdout; a word on groups to be warned of. What groups the
    customers comes from the profile, after the scores are made."""
    wanted, profiles = ctx.settings.intent, ctx.lake.read_if_exists("gold.customer_profile")
    groups = [F.expr(sql).alias(f"audit_{name}") for name, sql in wanted.audit.items()]
    people = profiles.select("customer_id", *groups)
    scores = scorer.model.score(held).select("customer_id", LABEL, PROBABILITY)
    scored = scores.join(people, "customer_id", how="left").persist()
    by, limit = people.columns[1:], wanted.min_parity
    rows = audit(scored, LABEL, by, share=wanted.audit_share, min_parity=limit, seed=ctx.settings.seed)
    about = {"model": f"intent.{scorer.model.model}", "model_version": scorer.version, "as_of": ctx.as_of()}
    plain = [{**r, **about, "attribute": r["attribute"].removeprefix("audit_")} for r in rows]
    ctx.lake.upsert("gold.fairness", ctx.lake.frame("gold.fairness", plain), update_if=None)
    warned = [f"{r['attribute']} {r['value']} ({r['parity']:.2f})" for r in plain if r["warned"]]
    return f"; selected less than {limit:g} of others: {', '.join(warned)}" if warned else ""


def _moved(ctx: Context, model: IntentModel, now: DataFrame) -> dict[str, float]:
    """Column -> PSI of today's features and scores against those of training."""
    scores = ctx.lake.read("gold.intent_scores").where(F.col("as_of") == F.lit(ctx.as_of())).select(PROBABILITY)
    own = {c: p for c, p in model.profile.items() if c == PROBABILITY}
    rest = {c: p for c, p in model.profile.items() if c != PROBABILITY}
    return {**drift.psi(rest, now), **drift.psi(own, scores)}


def _alarm(moved: dict[str, float], limit: float | None, result: Result) -> None:
    over = sorted((c for c in moved if limit is not None and moved[c] > limit), key=lambda c: -moved[c])
    if not over:
        return
    named = ", ".join(f"{c} ({moved[c]:.2f})" for c in over[:5])
    error = DataError(
        f"{len(over)} columns have moved since training by more than intent.max_psi={limit:g}: {named}. Scores are "
        "written, and may be wrong: look at gold.model_health (dataset drift), or allow more with --set intent.max_psi=..."
    )
    error.result = result  # type: ignore[attr-defined]
    raise error


def purchases(orders: DataFrame, zone: str) -> DataFrame:
    """One row per order line of gold.customer_orders that is no return: customer_id, ts (of clocks in the time zone `zone`); lines of nobody
    are left out."""
    sold = orders.where("quantity > 0 AND customer_id IS NOT NULL")
    return sold.select("customer_id", local_time("order_ts", zone).alias("ts"))


def with_decile(features: DataFrame, model: IntentModel, *, reasons: int = 3) -> DataFrame:
    """One row per row of `features`: customer_id, as_of, probability, reasons (sentences, the strongest first), and
    decile, 1 for the most likely tenth.

    Equal probabilities get the same decile. The borders are approximate quantiles, to 0.1 % of the rows.
    """
    borders = model.score(features).approxQuantile("probability", [i / 10 for i in range(1, 10)], 0.001)
    said = F.transform("reasons", lambda r: r["sentence"])
    scored = model.explain(features, top=reasons).select(*_KEY, "probability", said.alias("reasons"))
    return scored.withColumn("decile", sum(((F.col("probability") < b).cast("int") for b in borders), F.lit(1)))
