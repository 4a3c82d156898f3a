"""What customers complain of, by product, category and in the whole shop, week by week: gold.product_issues."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import break_lineage, literal_map, require_columns
from onecart.voice.aspects.aspect_lexicon import OWNERS
from onecart.voice.issues.trend_test import judged, over_time

_KEY = ["scope", "item", "aspect", "week"]
_OTHER = "product and supplier"  # answers for aspects that were mined


def product_issues(
    mentions: DataFrame,
    reviews: DataFrame,
    products: DataFrame,
    *,
    weeks: int = 1,
    past_weeks: int = 52,
    min_past: int = 10,
    alpha: float = 0.05,
) -> DataFrame:
    """One row per scope, item, aspect and week in which somebody spoke of it.

    mentions: review_id, aspect, polarity, as `aspects` gives them. reviews: review_id (unique), review_ts, sku.
    products: sku (unique), category.
    scope: sku | category | shop; item: the sku, the category, `all`. week: its Monday. reviews: of the item in the week;
    mentions, positive, negative: of them, those that speak of the aspect, praise it, complain of it (a review that does both
    counts as both). negative_share: negative / mentions.
    recent_share, past_share: complaints per review in the week and the `weeks` - 1 before it, and in the `past_weeks` before
    those (null: no reviews). p_value, q_value, emerging: see `changes.judged`; tested against the item's and aspect's own past
    where that has `min_past` reviews. owner: who can mend it.

    Raises UsageError for a missing column, or a review_id or sku that is there twice.
    """
    require_columns(mentions, ("review_id", "aspect", "polarity"), "mentions")
    require_columns(reviews, ("review_id", "review_ts", "sku"), "reviews")
    require_columns(products, ("sku", "category"), "products")
    for frame, name, key in ((reviews, "reviews", "review_id"), (products, "products", "sku")):
        _unique(frame, name, key)
    placed = break_lineage(placed_reviews(reviews, products))
    volume = placed.groupBy("scope", "item", "week").agg(F.count("*").alias("reviews"))
    volume = over_time(volume, ["scope", "item"], weeks=weeks, past_weeks=past_weeks, sums={"reviews": "_reviews"})
    spoken = _spoken(mentions).join(placed, "review_id", how="inner")
    counts = spoken.groupBy(*_KEY).agg(
        F.count("*").alias("mentions"),
        F.count_if("praises").alias("positive"),
        F.count_if("complains").alias("negative"),
    )
    counts = break_lineage(counts)
    every = volume.join(counts.select("scope", "item", "aspect").distinct(), ["scope", "item"], how="inner")
    cells = every.join(counts, _KEY, how="left").fillna(0, ["mentions", "positive", "negative"])
    cells = over_time(
        cells, ["scope", "item", "aspect"], weeks=weeks, past_weeks=past_weeks, sums={"negative": ""}
    ).withColumn("testable", F.col("past_reviews") >= min_past)
    found = judged(cells, alpha=alpha).where("mentions > 0")
    return found.select(
        *_KEY,
        "reviews",
        "mentions",
        "positive",
        "negative",
        (F.col("negative") / F.col("mentions")).alias("negative_share"),
        _share("recent").alias("recent_share"),
        _share("past").alias("past_share"),
        "p_value",
        "q_value",
        "emerging",
        _owner().alias("owner"),
    )


def placed_reviews(reviews: DataFrame, products: DataFrame) -> DataFrame:
    """One row per review and item it counts for: review_id, scope, item, week."""
    named = reviews.where("review_ts IS NOT NULL").join(products.select("sku", "category"), "sku", how="left")
    items = F.array(
        F.struct(F.lit("shop").alias("scope"), F.lit("all").alias("item")),
        F.struct(F.lit("category").alias("scope"), F.col("category").alias("item")),
        F.struct(F.lit("sku").alias("scope"), F.col("sku").cast("string").alias("item")),
    )
    week = F.date_trunc("week", "review_ts").cast("date").alias("week")
    return named.select("review_id", week, F.inline(items)).where("item IS NOT NULL")


def _spoken(mentions: DataFrame) -> DataFrame:
    """One row per review and aspect: whether it praises, whether it complains."""
    return mentions.groupBy("review_id", "aspect").agg(
        F.max(F.col("polarity") == "positive").alias("praises"),
        F.max(F.col("polarity") == "negative").alias("complains"),
    )


def _share(when: str) -> Column:
    return F.col(when) / F.nullif(F.col(f"{when}_reviews"), F.lit(0))


def _owner() -> Column:
    return F.coalesce(literal_map(OWNERS)[F.col("aspect")], F.lit(_OTHER))


def _unique(frame: DataFrame, name: str, key: str) -> None:
    twice = frame.groupBy(key).count().where("count > 1").first()
    if twice is not None:
        raise UsageError(f"{name} has {twice['count']} rows with {key} {twice[0]!r}; there must be one")
