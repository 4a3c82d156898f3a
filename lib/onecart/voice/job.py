"""The job `voice`: silver.reviews and silver.tickets -> sentiment, aspects, issues with quotes, intents of tickets."""

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from onecart import models
from onecart.context import Context, Result
from onecart.errors import DataError
from onecart.frames import break_lineage, local_time
from onecart.voice.aspects.extraction import aspects
from onecart.voice.aspects.mining import mine_terms
from onecart.voice.aspects.tagger import tag_terms
from onecart.voice.issues.effect import with_sales_effect
from onecart.voice.issues.quotes import issue_quotes
from onecart.voice.issues.weekly import placed_reviews, product_issues
from onecart.voice.sentiment.evaluation import held_out
from onecart.voice.sentiment.labels import of_stars
from onecart.voice.sentiment.training import train_sentiment
from onecart.voice.text.masking import masked
from onecart.voice.tickets.intents import learn_intents

MODEL = "voice.sentiment"
ASPECTS = "voice.aspects"
_BASELINE = "voice.baseline"
_NAMES = ("given_name", "surname")
_KNOWN = ("email", "street", "handle")
_OWN_COLUMNS = ("aspect", "polarity", "score", "term", "evidence", "start", "end")


def run(ctx: Context) -> Result:
    """silver.reviews -> gold.review_sentiment and a saved model; gold.review_aspects, product_issues, issue_quotes;
    silver.tickets -> gold.ticket_intent; figures to gold.model_health. Each part does without the others."""
    reviews, tickets = (ctx.lake.read_if_exists(f"silver.{name}") for name in ("reviews", "tickets"))
    parts: list[tuple[int, str]] = []
    if not reviews.isEmpty():
        parts += [_sentiment(ctx, reviews), _aspects(ctx, reviews), _issues(ctx, reviews)]
    if not tickets.isEmpty():
        parts.append(_intents(ctx, tickets))
    return Result(
        rows_in=reviews.count() + tickets.count(),
        rows_out=sum(rows for rows, _ in parts),
        headline="; ".join(words for _, words in parts) or "no reviews and no tickets",
    )


def _sentiment(ctx: Context, reviews: DataFrame) -> tuple[int, str]:
    """Learns positive (4 and 5 stars) from negative (1 and 2), and scores every review, 3 stars and none too.

    With fewer than voice.min_rows such reviews, or too few of one kind, it trains no model and writes nothing.
    """
    settings, seed = ctx.settings.voice, ctx.settings.seed
    reviews = reviews.withColumn("label", of_stars(F.col("rating"), between=None))
    try:
        # gold.review_sentiment says which reviews the model has not learned from.
        asked = {"holdout_share": settings.holdout_share, "min_rows": settings.min_rows, "seed": seed, "refit": False}
        model = train_sentiment(reviews.select("text", "label"), **{**settings.params, **asked})
    except DataError as e:  # a shop with few reviews has all its other jobs to run
        return 0, f"no model: {e}"
    version = models.save(ctx, MODEL, model.save)
    kept = held_out(F.col("text"), share=settings.holdout_share, seed=seed)
    split = F.when(F.col("label").isNull(), "unlabelled").when(kept, "test").otherwise("train")
    scored = model.score(reviews.withColumn("split", split)).withColumn("model_version", F.lit(version))
    columns = ("review_id", "sku", "sentiment", "confidence", "reason", "split", "model_version")
    written = ctx.lake.replace("gold.review_sentiment", scored.select(*columns))
    record = models.Record(settings.params, model.metrics)
    models.register(ctx, "sentiment", version, reason="the newest", record=record)
    found = model.metrics
    kinds = ("accuracy", "macro_f1")
    ours = {m: found[m] for m in (*kinds, "ece")}
    ctx.write_health({MODEL: ours, _BASELINE: {m: found[f"baseline_{m}"] for m in kinds}}, "holdout")
    words = f"accuracy {found['accuracy']:.2f} on {found['n']:.0f} held-out reviews (TF-IDF baseline {found['baseline_accuracy']:.2f})"
    return written.inserted, words


def _aspects(ctx: Context, reviews: DataFrame) -> tuple[int, str]:
    """gold.review_aspects, and how often aspects and stars agree: of the reviews whose aspects are all praised or all
    criticised, as dataset `stars`."""
    terms = _learnt(ctx, reviews)
    contacts = ctx.lake.read_if_exists("silver.contacts").select("record_id", *_NAMES, *_KNOWN)
    who = reviews.select("review_id", "record_id", "rating").join(contacts, "record_id", how="left")
    found = aspects(reviews.select("review_id", "sku", "text"), terms=terms).join(who, "review_id", how="inner")
    names, known = ([F.col(c) for c in columns] for columns in (_NAMES, _KNOWN))
    evidence = masked(F.col("evidence"), names=names, known=known, country=ctx.settings.shop.country)
    version = F.lit(ctx.model_version(ASPECTS)).alias("model_version")
    found = break_lineage(found.withColumn("evidence", evidence))
    rows = found.select("review_id", "record_id", "sku", *_OWN_COLUMNS, version)
    written = ctx.lake.replace("gold.review_aspects", rows)
    of_review = found.groupBy("review_id", of_stars(F.col("rating"), between=None).alias("stars"))
    sides = of_review.agg(*[F.max(F.col("polarity") == side).alias(side) for side in ("positive", "negative")])
    one_sided = sides.where("positive <> negative AND stars IS NOT NULL")
    right = F.count_if(F.col("positive") == (F.col("stars") == "positive"))
    judged = one_sided.agg(F.count("*"), right).first()
    spoken = sides.count()
    if judged[0]:
        figures = {"agreement": judged[1] / judged[0], "n": judged[0], "reviews_with_aspects": spoken}
        ctx.write_health({ASPECTS: figures}, "stars")
    return written.inserted, f"{written.inserted:,} mentions of aspects in {spoken:,} reviews"


def _learnt(ctx: Context, reviews: DataFrame) -> dict[str, str]:
    """Term -> aspect; where a mined term is a tagged one too, the tagger knows what it is a word for."""
    conf, products, found = ctx.settings.voice, ctx.lake.read_if_exists("silver.products"), list[Row]()
    if conf.mined_terms:
        found += mine_terms(reviews, products, most=conf.mined_terms).collect()
    if conf.tagged_terms:
        found += tag_terms(reviews, products, most=conf.tagged_terms, seed=ctx.settings.seed).collect()
    return {r["term"]: r["aspect"] for r in found}


def _issues(ctx: Context, reviews: DataFrame) -> tuple[int, str]:
    """gold.product_issues of all weeks up to as_of, and gold.issue_quotes of those that are emerging or that two people at
    least complained of."""
    conf = ctx.settings.voice
    mentions, products = ctx.lake.read("gold.review_aspects"), ctx.lake.read_if_exists("silver.products")
    local = reviews.withColumn("review_ts", local_time("review_ts", ctx.settings.shop.time_zone))
    past = local.where(F.col("review_ts") < F.lit(ctx.as_of()))
    found = product_issues(
        mentions,
        past,
        products,
        weeks=conf.issue_weeks,
        past_weeks=conf.issue_past_weeks,
        alpha=conf.issue_alpha,
    )
    found = with_sales_effect(break_lineage(found), ctx.lake.read_if_exists("gold.forecast_accuracy"))
    written = ctx.lake.replace("gold.product_issues", found.withColumn("as_of", F.lit(ctx.as_of())))
    issues = ctx.lake.read("gold.product_issues")
    quoted = issues.where("emerging OR negative >= 2")
    ctx.lake.replace("gold.issue_quotes", issue_quotes(quoted, mentions, placed_reviews(past, products)))
    emerging = issues.where("emerging").count()
    return written.inserted, f"{emerging} emerging issues"


def _intents(ctx: Context, tickets: DataFrame) -> tuple[int, str]:
    """gold.ticket_intent; the figures of the rules and of a learnt model stand beside each other."""
    learnt = learn_intents(tickets, min_rows=ctx.settings.voice.min_tickets, seed=ctx.settings.seed)
    version = F.lit(ctx.model_version(learnt.name)).alias("model_version")
    scored = learnt.score(tickets).select("ticket_id", "intent", "confidence", "urgency", "reasons", version)
    written = ctx.lake.replace("gold.ticket_intent", scored)
    figures = learnt.figures
    if "accuracy" in figures:
        both = {"voice.intent": figures["accuracy"], "voice.intent_rules": figures["rules_accuracy"]}
        ctx.write_health({model: {"accuracy": value} for model, value in both.items()}, "unseen templates")
    return written.inserted, f"{written.inserted:,} tickets by {'a model' if learnt.model else 'rules'}"
