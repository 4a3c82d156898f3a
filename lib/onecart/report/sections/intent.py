"""Who is about to buy: scores, what the model looks at and whether it is fair, of the gold tables of intent."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.report import charts
from onecart.report.card import Card, Section
from onecart.report.model_health import newest_day, newest_metrics


def cards(ctx: Context) -> list[Card]:
    health, scores = (ctx.lake.read_if_exists(f"gold.{name}") for name in ("model_health", "intent_scores"))
    table = intent_deciles(scores).toPandas()
    ours = of_scorer(health, scores).unionByName(health.where("model IN ('intent.recency', 'intent.visit')"))
    auc = newest_metrics(ours, "auc", "intent.").toPandas()
    points = of_scorer(ctx.lake.read_if_exists("gold.model_overview"), scores).toPandas()
    points = points.sort_values(["view", "feature", "position"])
    views = dict(iter(points.groupby("view")))
    none = points.head(0)
    promised = points[points.view.isin(["predicted", "rate"])]
    importance = views.get("importance", none).sort_values("position").head(12)
    by_feature = partial(charts.bars, label="feature", value="value", x="share", percent=True)
    likely = reasons_of_likely(ctx.lake.for_purpose("profiling").read_if_exists("gold.intent_scores"), 4)
    fair = groups(of_scorer(ctx.lake.read_if_exists("gold.fairness"), scores))
    auc_bars = partial(charts.metric_bars, metric="AUC")
    return [
        Card("Probability to buy, by decile", table, plot_deciles),
        Card("Area under the ROC curve on later dates than trained on", auc, auc_bars),
        Card("Are the probabilities true? Holdout", promised, plot_calibration),
        Card("Buyers reached by addressing the most likely first", views.get("gain", none), plot_gains),
        Card("What the model looks at (share of mean |Shapley value|)", importance, by_feature),
        *_partial(views.get("partial", none), list(importance.feature)),
        Card("Why the likeliest buyers are likely", likely.toPandas()),
        Card("Does it treat groups alike? Holdout", fair.toPandas()),
    ]


def _partial(points: pd.DataFrame, features: list[str]) -> list[Card]:
    """The two features that matter most, of those with more than one point."""
    curves = [rows for f in features if len(rows := points[points.feature == f]) > 1]
    return [Card("How the probability moves with one feature", rows, plot_partial_dependence) for rows in curves[:2]]


SECTION = Section("Who is about to buy", cards)


def intent_deciles(scores: DataFrame) -> DataFrame:
    """Averages the newest scores per decile: mean probability, customers."""
    table = newest_day(scores).groupBy("decile")
    return table.agg(F.avg("probability").alias("mean_probability"), F.count("*").alias("customers")).orderBy("decile")


def of_scorer(rows: DataFrame, scores: DataFrame) -> DataFrame:
    """Keeps the rows of the model that made the newest scores."""
    newest = scores.groupBy().agg(F.max_by("model_version", "as_of").alias("model_version"))
    return rows.join(newest, on="model_version", how="left_semi")


def reasons_of_likely(scores: DataFrame, customers: int) -> DataFrame:
    """Lists the customers most likely to buy on the newest day: probability, reasons."""
    top = newest_day(scores).orderBy(F.desc("probability"), "customer_id").limit(customers)
    return top.select("customer_id", "probability", F.array_join("reasons", "; ").alias("why"))


def groups(fairness: DataFrame) -> DataFrame:
    """Lists every group of gold.fairness, the largest of an attribute first."""
    figures = ("n", "selection_rate", "true_positive_rate", "calibration_gap", "parity", "warned")
    return fairness.orderBy("attribute", F.desc("n")).select("attribute", "value", *figures)


def plot_deciles(table: pd.DataFrame) -> go.Figure:
    """Plots the mean predicted probability per decile. `table`: decile, mean_probability, customers."""
    figure = go.Figure(
        go.Bar(x=table.decile, y=table.mean_probability, marker_color=charts.MAIN, customdata=table.customers)
    )
    figure.update_traces(hovertemplate="decile %{x}: %{y:.1%} of %{customdata:,} customers<extra></extra>")
    figure.update_xaxes(dtick=1)
    return charts.styled(figure, x="decile (1: most likely)", y="mean probability to buy", percent=True)


def plot_calibration(points: pd.DataFrame) -> go.Figure:
    """Plots what was promised and what came true, one dot per decile. `points`: view (predicted | rate), x (decile),
    value."""
    table = points.pivot(index="x", columns="view", values="value").astype(float).sort_values("predicted")
    end = float(table.to_numpy().max()) * 1.05
    figure = diagonal(end, "as promised")
    figure.add_scatter(
        x=table.predicted, y=table.rate, mode="lines+markers", name="the model", line={"color": charts.MAIN}
    )
    return charts.styled(
        figure, x="mean probability of the decile", y="share that bought", percent=True, percent_x=True
    )


def plot_gains(points: pd.DataFrame) -> go.Figure:
    """Plots cumulative gain beside asking at random. `points`: x (decile), value (share of all buyers up to it), in
    order."""
    share = [0.0, *(points.x.astype(int) / len(points))]
    figure = diagonal(1.0, "at random")
    caught = [0.0, *points.value]
    figure.add_scatter(x=share, y=caught, mode="lines+markers", name="most likely first", line={"color": charts.MAIN})
    return charts.styled(
        figure, x="share of customers addressed", y="share of buyers reached", percent=True, percent_x=True
    )


def plot_partial_dependence(points: pd.DataFrame) -> go.Figure:
    """Plots the mean probability if everyone had the value x of the feature. `points`: feature, x, value, in order."""
    figure = go.Figure(go.Scatter(x=points.x, y=points.value, mode="lines+markers", line={"color": charts.MAIN}))
    figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero")
    return charts.styled(
        figure, x=str(points.feature.iloc[0]).replace("_", " "), y="mean probability to buy", percent=True
    )


def diagonal(end: float, name: str) -> go.Figure:
    line = {"color": charts.GRID, "width": 2, "dash": "dash"}
    return go.Figure(go.Scatter(x=[0, end], y=[0, end], mode="lines", line=line, name=name, hoverinfo="skip"))
