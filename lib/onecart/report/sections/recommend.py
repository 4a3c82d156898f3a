"""What to offer: scores of the recommenders and what customers are offered, of gold.recommendations and
gold.model_health."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.report import charts
from onecart.report.card import Card, Section

SCORES = (  # of a recommendation model
    *("ndcg", "ndcg_low", "ndcg_high", "ndcg_over_popularity", "ndcg_over_popularity_low", "ndcg_over_popularity_high"),
    *("coverage", "diversity", "popularity_share", "novelty"),
)
GROUP_SCORES = ("users", "ndcg", "ndcg_low", "ndcg_high")
MAKE_UP = {  # measure of recommended lists -> what a reader sees, number format
    "coverage": ("share of products offered", ".1%"),
    "popularity_share": ("share from the most popular tenth", ".0%"),
    "diversity": ("share of two lists that differs", ".0%"),
    "novelty": ("novelty, bits", ".1f"),
}


def cards(ctx: Context) -> list[Card]:
    offers, products = (ctx.lake.read_if_exists(name) for name in ("gold.recommendations", "silver.products"))
    health = of_offers(ctx.lake.read_if_exists("gold.model_health"), offers)
    models = model_scores(health).toPandas()
    groups = group_scores(health).toPandas()
    groups = groups[groups.groupby("attribute")["value"].transform("size") > 1]  # one alone compares nothing
    active, others = (groups[rows] for rows in (groups.attribute == "activity", groups.attribute != "activity"))
    by_activity = _of_model("nDCG by number of products the customer had to do with before", active)
    by_group = _of_model("nDCG by group of customers", others)
    agreed = ctx.lake.for_purpose("profiling").read_if_exists("gold.recommendations")
    ndcg = partial(charts.intervals, x="nDCG and its 95 % interval")
    sources = offers_by_source(offers).toPandas()
    by_source = partial(charts.bars, label="source", value="share", x="share of offers", percent=True)
    examples = example_recommendations(agreed, products, 4).toPandas()
    return [
        Card(_scores_title(models), _labelled(models, models.model), ndcg),
        Card("What the lists are made of", models, plot_make_up),
        Card(by_activity, _labelled(active, active.value), ndcg),
        Card(by_group, _labelled(others, others.attribute + ": " + others.value), ndcg),
        Card("Where the offers come from", sources, by_source),
        Card("What four customers are offered, and why", examples),
    ]


def _scores_title(models: pd.DataFrame) -> str:
    title = "nDCG@k on the last weeks, held out"
    gaps = models.dropna(subset=["ndcg_over_popularity"])
    words = [
        f"{r.model} {r.ndcg_over_popularity:+.3f} ({r.ndcg_over_popularity_low:+.3f} to "
        f"{r.ndcg_over_popularity_high:+.3f}) beside popularity"
        for r in gaps.itertuples()
    ]
    return ": ".join([title, *words])


def _of_model(title: str, groups: pd.DataFrame) -> str:
    return f"{title}, {groups.model.iloc[0]}" if len(groups) else ""


def _labelled(scores: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    """Names `scores`[ndcg, ndcg_low, ndcg_high, users?] as `charts.intervals` takes them."""
    names = {"ndcg": "value", "ndcg_low": "low", "ndcg_high": "high"}
    counted = [f" ({n:,.0f} customers)" for n in scores.users] if "users" in scores else ""
    return scores[[*names]].rename(columns=names).astype(float).assign(label=labels + counted)


SECTION = Section("What to offer", cards)


def of_offers(health: DataFrame, offers: DataFrame) -> DataFrame:
    """Keeps the rows on recommendation models that the run wrote which made the newest offers."""
    run = F.substring_index("model_version", "@", -1)
    # A model that was kept is older than the popularity of the same day.
    personal = ~F.col("model_version").startswith("recommend.popularity@")
    newest = offers.groupBy().agg(F.max_by(run, F.struct(personal, "as_of")).alias("run"))
    return health.where(F.col("model").startswith("recommend.")).join(newest, run == F.col("run"), how="left_semi")


def model_scores(health: DataFrame) -> DataFrame:
    """Lists the models, the best first: a column for each of SCORES, null where it was not measured."""
    model = F.substring_index("model", ".", -1).alias("model")
    scores = health.where(F.col("metric").isin(*SCORES)).groupBy(model).pivot("metric", [*SCORES])
    return scores.agg(F.first("value")).orderBy(F.desc("ndcg"), "model")


def group_scores(health: DataFrame) -> DataFrame:
    """Lists the groups of customers under each model: model, attribute, value, a column for each of GROUP_SCORES.
    Values that are numbers or ranges are in their order."""
    place = F.split("metric", r"\.", 3)
    named = health.select(
        F.substring_index("model", ".", -1).alias("model"),
        *[F.get(place, F.lit(n)).alias(name) for n, name in enumerate(("figure", "attribute", "group"))],
        "value",
    )
    scores = named.where("group IS NOT NULL").groupBy("model", "attribute", F.col("group").alias("value"))
    table = scores.pivot("figure", [*GROUP_SCORES]).agg(F.first("value"))
    return table.orderBy("model", "attribute", F.regexp_extract("value", r"\d+", 0).cast("int"), "value")


def offers_by_source(offers: DataFrame) -> DataFrame:
    """Counts offers per source: source (the tier; apart, what popularity gave as a model of its own), share of all."""
    alone = F.col("model_version").startswith("recommend.popularity@")
    source = F.when(alone, "popularity, no personal model").otherwise(F.col("tier"))
    counts = offers.groupBy(source.alias("source")).agg(F.count("*").alias("n"))
    return counts.select("source", (F.col("n") / F.sum("n").over(Window.partitionBy())).alias("share"))


def example_recommendations(offers: DataFrame, products: DataFrame, customers: int) -> DataFrame:
    """Lists the first three offers of the first few customers by id: customer_id, rank, product (its text, else the
    sku), category, tier, why (in words; null: nothing of the customer's is near)."""
    some = offers.select("customer_id").distinct().orderBy("customer_id").limit(customers)
    rows = offers.join(F.broadcast(some), on="customer_id", how="inner").where("rank <= 3")
    texts = products.select("sku", "description")
    product = F.coalesce("description", "sku").alias("product")
    reasons = rows.select("customer_id", "rank", F.posexplode("because").alias("place", "sku"))
    reasons = reasons.join(texts, on="sku", how="left").select("customer_id", "rank", "place", product)
    reasons = reasons.groupBy("customer_id", "rank").agg(
        F.sort_array(F.collect_list(F.struct("place", "product"))).alias("r")
    )
    liked = F.concat(F.lit("because you bought or looked at "), F.array_join("r.product", " and "))
    why = F.coalesce(liked, F.when(F.col("tier") == "popularity", "because many buy it now"))
    return (
        rows.join(products.select("sku", "description", "category"), on="sku", how="left")
        .join(reasons, on=["customer_id", "rank"], how="left")
        .orderBy("customer_id", "rank")
        .select("customer_id", "rank", product, "category", "tier", why.alias("why"))
    )


def plot_make_up(table: pd.DataFrame) -> go.Figure:
    """Plots a small chart per measure, a bar per model. `table`: model, the columns of MAKE_UP, from the top."""
    titles = [title for title, _ in MAKE_UP.values()]
    figure = make_subplots(2, 2, shared_yaxes=True, subplot_titles=titles, vertical_spacing=0.24)
    for place, (name, (_, form)) in enumerate(MAKE_UP.items()):
        text = [format(v, form) for v in table[name]]
        bar = go.Bar(
            x=table[name], y=table.model, orientation="h", marker_color=charts.MAIN, text=text, textposition="auto"
        )
        figure.add_trace(bar, row=place // 2 + 1, col=place % 2 + 1)
    figure = charts.styled(figure.update_layout(showlegend=False))
    for place, (_, form) in enumerate(MAKE_UP.values()):
        figure.update_xaxes(tickformat=form, nticks=4, row=place // 2 + 1, col=place % 2 + 1)
    figure.update_yaxes(autorange="reversed", type="category")
    return figure.update_annotations(font_size=13)
