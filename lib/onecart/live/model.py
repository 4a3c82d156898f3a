"""The model of visits: will this visit, as far as it has gone, end in a purchase?"""

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart import models
from onecart.context import Context
from onecart.errors import UsageError
from onecart.facts import EVENTS
from onecart.intent import registry
from onecart.intent.registry import Champion
from onecart.intent.training.split import HOLDOUT
from onecart.intent.training.train import train
from onecart.live.snapshots import BOUGHT, FEATURES, STARTED, snapshots

QUESTION, KIND = "visit", "intent.visit"
_WORDS = {
    "channel": "by {}",
    "device_type": "{} device",
    "campaign": "{} campaign",
    "landing": "began with {}",
    "duration_s": "{} s so far",
    "events": "{} events so far",
    "page_views": "{} other pages",
    "product_views": "{} product views",
    "searches": "{} searches",
    "cart_adds": "{} adds to cart",
    "checkouts": "{} checkouts begun",
    "pages": "{} distinct pages",
    "products": "{} distinct products",
    "product_dwell_s": "{} s on products",
    "dwell_per_view_s": "{} s a product view",
}


def current(ctx: Context) -> tuple[Champion | None, str]:
    """The model to score visits with, and a word on it for a headline. Where there is none, or the newest is
    live.retrain_days old, one is trained first. None: there is none and none could be trained; the word says why."""
    (old, _), newest = registry.champion(ctx, QUESTION), models.newest_as_of(ctx, QUESTION)
    if old and newest and (ctx.as_of() - newest).days < ctx.settings.live.retrain_days:
        return old, ""
    try:
        return _trained(ctx)
    except UsageError as e:
        return old, f"; no model of visits was trained: {e}"


def _trained(ctx: Context) -> tuple[Champion, str]:
    """Learns from all past visits; the latest are the holdout."""
    if not ctx.lake.exists(EVENTS):
        raise UsageError(f"{EVENTS} is not there yet; run `onecart run unify` first")
    wanted, seed = ctx.settings.intent, ctx.settings.seed
    params: dict[str, Any] = dict(wanted.params)
    rows = ctx.lake.read(EVENTS).transform(snapshots, seed=seed).drop("session_id").persist()
    try:
        found = rows.agg(F.percentile_approx(STARTED, 1 - HOLDOUT)).first()
        start = found[0] if found else None
        model = train(
            rows,
            BOUGHT,
            STARTED,
            wanted.model,
            columns=FEATURES,
            holdout_from=start,
            search=wanted.search,
            refit=False,  # a later model is compared with this one on the holdout of its own
            seed=seed,
            **params,
        )
        held = rows.where(F.col(STARTED) >= F.lit(start))
        choice = registry.choose(ctx, model, held, BOUGHT, question=QUESTION, kind=KIND)
    finally:
        rows.unpersist()
    ctx.write_health({KIND: choice.figures}, "holdout", {KIND: choice.scorer.version})
    return choice.scorer, f"; AUC {choice.figures['auc']:.2f} on later visits{choice.note}"


def scored(sessions: DataFrame, scorer: Champion, *, reasons: int) -> DataFrame:
    """Rows like gold.sessions -> rows of gold.live_scores."""
    going = ~F.col("purchased")
    said = F.transform("reasons", lambda r: r["sentence"])
    return scorer.model.explain(sessions, top=reasons, words=_WORDS).select(
        *("session_id", "visitor_id", "customer_id", "channel", STARTED, "ended_ts", "purchased"),
        F.when(going, F.col("probability")).alias("probability"),
        F.when(going, said).alias("reasons"),
        F.lit(scorer.version).alias("model_version"),
    )
