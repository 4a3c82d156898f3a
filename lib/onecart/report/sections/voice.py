"""What customers say: aspects, issues, sentiment and tickets, of the gold tables of voice."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.report import charts
from onecart.report.card import Card, Section
from onecart.report.model_health import newest_metrics


def cards(ctx: Context) -> list[Card]:
    products, issues = (ctx.lake.read_if_exists(name) for name in ("silver.products", "gold.product_issues"))
    sentiment = sentiment_by_category(ctx.lake.read_if_exists("gold.review_sentiment"), products)
    health = ctx.lake.read_if_exists("gold.model_health")
    reviews = newest_metrics(health.where("dataset <> 'unseen templates'"), "accuracy", "voice.")
    templates = newest_metrics(health.where("dataset = 'unseen templates'"), "accuracy", "voice.")
    # Words of persons are shown only where they agreed.
    quotes = ctx.lake.for_purpose("profiling").read_if_exists("gold.issue_quotes")
    made_up = not ctx.lake.read_if_exists("silver.reviews").where("origin = 'simulated'").isEmpty()
    looked_at = f"Issues to look at{' (the sample has reviews of cameras and players, put to other goods)' * made_up}"
    wanted = ticket_intents(ctx.lake.read_if_exists("gold.ticket_intent"))
    spoken_of = aspect_polarity(issues, 14).toPandas()
    accuracy = partial(charts.metric_bars, metric="accuracy")
    return [
        Card("What reviews praise and what they complain of", spoken_of, plot_polarities),
        Card("Complaints by month", complaint_trend(issues, 5).toPandas(), plot_complaints),
        Card(looked_at, worst_issues(issues, quotes, products, 10).toPandas()),
        Card("Sentiment of reviews by product category", sentiment.toPandas(), plot_sentiment),
        Card("Accuracy on held-out reviews", reviews.toPandas(), accuracy),
        Card("What support tickets want", wanted.toPandas()),
        Card("Intent of tickets of unseen templates", templates.toPandas(), accuracy),
    ]


SECTION = Section("What customers say", cards)


def sentiment_by_category(scored: DataFrame, products: DataFrame) -> DataFrame:
    """Counts positive and negative reviews per product category."""
    category = F.coalesce("category", F.lit("unknown")).alias("category")
    rows = scored.join(products.select("sku", "category"), on="sku", how="left").groupBy(category)
    return rows.agg(*[F.count_if(F.col("sentiment") == word).alias(word) for word in ("positive", "negative")])


def aspect_polarity(issues: DataFrame, n: int) -> DataFrame:
    """Picks the `n` aspects most spoken of in the whole shop: reviews that praise them, reviews that complain of
    them."""
    rows = issues.where("scope = 'shop'").groupBy("aspect")
    sums = rows.agg(*[F.sum(c).alias(c) for c in ("mentions", "positive", "negative")])
    return sums.orderBy(F.desc("mentions"), "aspect").limit(n).select("aspect", "positive", "negative")


def complaint_trend(issues: DataFrame, n: int) -> DataFrame:
    """Divides complaints by reviews per month and aspect, for the `n` aspects most complained of; months with 20
    reviews at least.

    The reviews of a month are those of its weeks, as the rows of any aspect name them.
    """
    shop = issues.where("scope = 'shop'").withColumn("month", F.trunc("week", "month"))
    weeks = shop.groupBy("month", "week").agg(F.max("reviews").alias("reviews"))
    months = weeks.groupBy("month").agg(F.sum("reviews").alias("reviews")).where("reviews >= 20")
    most = shop.groupBy("aspect").agg(F.sum("negative").alias("all")).where("all > 0")
    most = most.orderBy(F.desc("all"), "aspect").limit(n)
    counts = shop.groupBy("month", "aspect").agg(F.sum("negative").alias("negative"))
    grid = months.crossJoin(most).join(counts, ["month", "aspect"], how="left")
    share = F.coalesce("negative", F.lit(0)) / F.col("reviews")
    return grid.orderBy(F.desc("all"), "aspect", "month").select("month", "aspect", share.alias("share"))


def worst_issues(issues: DataFrame, quotes: DataFrame, products: DataFrame, n: int) -> DataFrame:
    """Picks the `n` issues to look at, emerging ones first, then those with most complaints: about (what), aspect,
    week, complaints, reviews, owner, sales (effect, or why there is none), quotes."""
    keys = ["scope", "item", "aspect", "week"]
    order = [F.desc("emerging"), F.desc("negative"), F.desc("week"), F.col("scope"), F.col("item"), F.col("aspect")]
    some = issues.where("emerging OR negative >= 2").orderBy(*order).limit(n)
    said = F.sort_array(F.collect_list(F.struct("place", "quote")))
    words = quotes.join(F.broadcast(some.select(keys)), keys, how="left_semi").groupBy(keys).agg(said.alias("said"))
    named = products.select(F.col("sku").alias("item"), F.lit("sku").alias("scope"), "description")
    rows = some.join(words, keys, how="left").join(named, ["scope", "item"], how="left")
    effect = F.format_string(
        "%+.0f %% (%+.0f to %+.0f)",
        *[F.col(c) * 100 for c in ("sales_effect", "sales_effect_low", "sales_effect_high")],
    )
    return rows.orderBy(*order).select(
        F.when(F.col("scope") == "shop", "the whole shop").otherwise(F.coalesce("description", "item")).alias("about"),
        "aspect",
        "week",
        F.when(F.col("emerging"), "yes").otherwise("no").alias("emerging"),
        F.col("negative").alias("complaints"),
        "reviews",
        "owner",
        F.when(F.col("sales_effect").isNull(), F.col("sales_effect_reason")).otherwise(effect).alias("sales"),
        F.array_join(F.transform("said", lambda one: F.concat(F.lit("“"), one["quote"], F.lit("”"))), " ").alias(
            "in their words"
        ),
    )


def ticket_intents(intents: DataFrame) -> DataFrame:
    """Counts tickets per intent and urgency."""
    counts = [F.count_if(F.col("urgency") == level).alias(level) for level in ("high", "normal", "low")]
    return intents.groupBy("intent").agg(*counts, F.count("*").alias("tickets")).orderBy(F.desc("tickets"), "intent")


def plot_sentiment(table: pd.DataFrame) -> go.Figure:
    """Plots the share of each per category. `table`: category, positive, negative (counts)."""
    rows = table.assign(total=table.positive + table.negative).sort_values("total")
    figure = go.Figure()
    for word in ("positive", "negative"):
        figure.add_bar(
            x=rows[word] / rows.total, y=rows.category, orientation="h", name=word, marker_color=charts.COLOURS[word]
        )
    return charts.styled(figure.update_layout(barmode="stack"), x="share of reviews", percent_x=True)


def plot_polarities(table: pd.DataFrame) -> go.Figure:
    """Plots praise to the right, complaints to the left. `table`: aspect, positive, negative (reviews), from the
    top."""
    figure = go.Figure()
    for word, sign in (("negative", -1), ("positive", 1)):
        figure.add_bar(
            x=sign * table[word], y=table.aspect, orientation="h", name=word, marker_color=charts.COLOURS[word],
            customdata=table[word], hovertemplate="%{y}: %{customdata:,} " + word + "<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="relative").update_yaxes(autorange="reversed", type="category")
    return charts.styled(figure, x="reviews: complaints to the left, praise to the right")


def plot_complaints(table: pd.DataFrame) -> go.Figure:
    """Plots one line per aspect. `table`: month, aspect, share (complaints per review)."""
    figure = go.Figure()
    for aspect, rows in table.groupby("aspect", sort=False):
        figure.add_scatter(x=rows.month, y=rows.share, name=str(aspect), mode="lines+markers")
    return charts.styled(figure, y="complaints per review", percent=True)
