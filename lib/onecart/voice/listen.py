"""The job `voice`: silver.reviews -> gold.review_sentiment, gold.model_health, a saved model."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from onecart.context import Context, Result
from onecart.errors import DataError
from onecart.voice.evaluate import held_out
from onecart.voice.sentiment import train_sentiment

MODEL = "voice.sentiment"
_BASELINE = "voice.baseline"


def run(ctx: Context) -> Result:
    """Learns positive (4 and 5 stars) from negative (1 and 2), and scores every review, 3 stars and none too.

    With fewer than voice.min_rows such reviews, or too few of one kind, it trains no model and writes nothing.
    """
    settings, seed = ctx.settings.voice, ctx.settings.seed
    reviews = ctx.lake.read_if_exists("silver.reviews").withColumn("label", stars_label(F.col("rating")))
    total = reviews.count()
    try:
        model = train_sentiment(
            reviews.select("text", "label"),
            holdout_share=settings.holdout_share,
            min_rows=settings.min_rows,
            epochs=settings.epochs,
            dimensions=settings.dimensions,
            seed=seed,
        )
    except DataError as e:  # a shop with few reviews has all its other jobs to run
        return Result(rows_in=total, headline=f"no model: {e}")
    model.save(ctx.model_path(MODEL))
    kept = held_out(F.col("text"), share=settings.holdout_share, seed=seed)
    split = F.when(F.col("label").isNull(), "unlabelled").when(kept, "test").otherwise("train")
    scored = model.score(reviews.withColumn("split", split)).withColumn(
        "model_version", F.lit(ctx.model_version(MODEL))
    )
    columns = ("review_id", "sku", "sentiment", "confidence", "split", "model_version")
    written = ctx.lake.replace("gold.review_sentiment", scored.select(*columns))
    found = model.metrics
    kinds = ("accuracy", "macro_f1")
    ctx.write_health(
        {MODEL: {m: found[m] for m in kinds}, _BASELINE: {m: found[f"baseline_{m}"] for m in kinds}}, "holdout"
    )
    return Result(
        rows_in=total,
        rows_out=written.inserted,
        headline=f"accuracy {found['accuracy']:.2f} on {found['n']:.0f} held-out reviews "
        f"(TF-IDF baseline {found['baseline_accuracy']:.2f})",
    )


def stars_label(rating: Column) -> Column:
    """positive from 4 stars on, negative up to 2, else null."""
    return F.when(rating >= 4, "positive").when(rating <= 2, "negative")
