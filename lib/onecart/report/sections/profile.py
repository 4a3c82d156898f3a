"""Customers: RFM, lifetime value and what links records, of gold.customer_profile and gold.identity_*."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.context import Context
from onecart.report import charts
from onecart.report.card import Card, Section

LIFETIME_STEPS = (0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)  # money
MOST_BITS, STEP_BITS = 20, 2  # stronger evidence counts as this much; width of a step
MOST_RECORDS = 10  # customers with more records are counted together


def cards(ctx: Context) -> list[Card]:
    profiles = ctx.lake.read_if_exists("gold.customer_profile")
    records = records_per_customer(profiles).toPandas()
    lifetime = lifetime_bins(profiles).toPandas()
    return [
        Card("Buyers by recency and frequency", rfm_counts(profiles).toPandas(), plot_rfm),
        Card("Lifetime value: revenue expected in 12 months", lifetime, plot_lifetime),
        Card("Customers by number of records", records, plot_records),
        *_identity(ctx),
    ]


def _identity(ctx: Context) -> list[Card]:
    links = counted(ctx.lake.read_if_exists("gold.identity_links"), "rule")
    links = links.orderBy("rows", ascending=False).limit(12)
    edges = ctx.lake.read_if_exists("gold.identity_edges")
    reasons = counted(edges.where("NOT accepted"), "reason").toPandas()
    shared = shared_keys(ctx.lake.read_if_exists("gold.identity_shared_keys")).toPandas()
    link = example_link(edges).toPandas()
    model = ctx.lake.read_if_exists("gold.identity_model").first()
    evidence = partial(plot_evidence, threshold=model["threshold"] if model else None)
    by_rule = partial(charts.bars, label="rule", value="rows", x="records")
    by_reason = partial(charts.bars, label="reason", value="rows", x="pairs")
    return [
        Card("Records by what links them to their customer", links.toPandas(), by_rule),
        Card("Pairs within groups of linked records, by evidence", evidence_bins(edges).toPandas(), evidence),
        Card("Refused merges by reason", reasons, by_reason),
        Card(_link_title(link), link, plot_waterfall),
        Card("Identifiers on too many records, which link nobody", shared),
    ]


def _link_title(link: pd.DataFrame) -> str:
    return f"Why {link.record_a.iloc[0]} and {link.record_b.iloc[0]} are one customer" if len(link) else ""


SECTION = Section("Customers", cards)


def counted(df: DataFrame, by: str) -> DataFrame:
    """Counts the rows per value of `by`."""
    return df.groupBy(by).agg(F.count("*").alias("rows"))


def records_per_customer(profiles: DataFrame) -> DataFrame:
    """Counts customers per number of records: records, and_more (true: that of MOST_RECORDS, with all above it),
    customers."""
    capped = profiles.groupBy(F.least("records", F.lit(MOST_RECORDS)).alias("records"))
    counted = capped.agg(F.count("*").alias("customers")).orderBy("records")
    return counted.select("records", (F.col("records") == MOST_RECORDS).alias("and_more"), "customers")


def rfm_counts(profiles: DataFrame) -> DataFrame:
    """Counts customers per score of recency and frequency."""
    buyers = profiles.where("rfm_r IS NOT NULL").groupBy("rfm_r", "rfm_f")
    return buyers.agg(F.count("*").alias("customers")).orderBy("rfm_r", "rfm_f")


def lifetime_bins(profiles: DataFrame) -> DataFrame:
    """Counts customers per currency and step of LIFETIME_STEPS: from_value, to_value (null: no end), customers."""
    steps = F.array(*[F.lit(float(s)) for s in LIFETIME_STEPS])
    place = F.size(F.filter(steps, lambda step: F.col("lifetime_value_12m") >= step))
    counted = profiles.where("lifetime_value_12m IS NOT NULL").groupBy("currency", place.alias("place"))
    return (
        counted.agg(F.count("*").alias("customers"))
        .orderBy("currency", "place")
        .select(
            "currency",
            F.element_at(steps, F.col("place")).alias("from_value"),
            F.get(steps, F.col("place")).alias("to_value"),
            "customers",
        )
    )


def evidence_bins(edges: DataFrame) -> DataFrame:
    """Counts pairs per step of STEP_BITS and outcome: from_bits, to_bits, accepted, pairs. The outermost hold what lies
    beyond."""
    step = F.floor(F.col("weight") / STEP_BITS) * STEP_BITS
    inside = F.greatest(F.least(step, F.lit(MOST_BITS - STEP_BITS)), F.lit(-MOST_BITS)).cast("int")
    counted = edges.groupBy(inside.alias("from_bits"), "accepted").agg(F.count("*").alias("pairs"))
    to = F.col("from_bits") + STEP_BITS
    return counted.select("from_bits", to.alias("to_bits"), "accepted", "pairs").orderBy("from_bits", "accepted")


def example_link(edges: DataFrame) -> DataFrame:
    """Picks one link that the model made, one row per piece of evidence in order: record_a, record_b, field, level,
    weight.

    Of the accepted links with at least four fields beside the prior, the one with most; of those one where a field
    speaks against it, then the smallest ids.
    """
    fields = F.filter("evidence", lambda piece: piece["field"] != "prior")
    against = F.exists(fields, lambda piece: piece["weight"] < 0)
    made = edges.where(F.col("accepted") & F.col("rules").contains("model") & (F.size(fields) >= 4))
    one = made.orderBy(F.size(fields).desc(), against.desc(), "record_a", "record_b").limit(1)
    pieces = one.select("record_a", "record_b", F.posexplode("evidence").alias("place", "piece"))
    return pieces.orderBy("place").select("record_a", "record_b", "piece.field", "piece.level", "piece.weight")


def shared_keys(keys: DataFrame) -> DataFrame:
    """Sums per identifier the values that too many records share, so that they link nobody: key values, records with
    one of them, records of the most shared one. A record has one value of an identifier at most, so none is counted
    twice."""
    per_rule = keys.where("identifies AND star IS NULL").groupBy(F.col("rule").alias("identifier"))
    return per_rule.agg(
        F.count("*").alias("key values"), F.sum("records").alias("records"), F.max("records").alias("most on one")
    ).orderBy(F.desc("records"), "identifier")


def plot_rfm(counts: pd.DataFrame) -> go.Figure:
    """Plots how many buyers have each score of recency and frequency. `counts`: rfm_r, rfm_f, customers."""
    scores = range(1, 6)
    grid = counts.pivot(index="rfm_f", columns="rfm_r", values="customers").reindex(index=scores, columns=scores)
    figure = go.Figure(
        go.Heatmap(
            x=list(scores),
            y=list(scores),
            z=grid.fillna(0).to_numpy(),
            colorscale=[[0, "#ffffff"], [1, charts.MAIN]],
            texttemplate="%{z:,}",
            hovertemplate="recency %{x}, frequency %{y}: %{z:,} customers<extra></extra>",
        )
    )
    figure.update_xaxes(dtick=1).update_yaxes(dtick=1)
    return charts.styled(figure, x="recency score (5: bought last)", y="frequency score (5: most often)")


def plot_lifetime(bins: pd.DataFrame) -> go.Figure:
    """Plots customers by revenue expected in 12 months, one series per currency. `bins`: from_value, to_value (nan: no
    end), currency, customers."""
    figure = go.Figure()
    for currency, rows in bins.groupby("currency", sort=True):
        labels = [
            f"{low:,.0f} to {high:,.0f}" if high == high else f"{low:,.0f} and more"
            for low, high in zip(rows.from_value, rows.to_value, strict=True)
        ]
        figure.add_bar(x=labels, y=rows.customers, name=str(currency), text=rows.customers, textposition="auto")
    figure.update_traces(marker_color=charts.MAIN, selector=0)
    return charts.styled(figure, x=f"expected in 12 months, {', '.join(sorted(set(bins.currency)))}", y="customers")


def plot_records(counts: pd.DataFrame) -> go.Figure:
    """Plots customers by how many records are theirs. `counts`: records, and_more, customers."""
    labels = [f"{n} and more" if more else str(n) for n, more in zip(counts.records, counts.and_more, strict=True)]
    figure = go.Figure(
        go.Bar(x=labels, y=counts.customers, marker_color=charts.MAIN, text=counts.customers, textposition="auto")
    )
    figure.update_xaxes(type="category")
    return charts.styled(figure, x="records", y="customers")


def plot_evidence(bins: pd.DataFrame, threshold: float | None = None) -> go.Figure:
    """Plots compared pairs by evidence, those of one customer apart from those refused; a line at `threshold` (bits).
    `bins`: from_bits, to_bits, accepted, pairs."""
    figure = go.Figure()
    for accepted, name, colour in ((True, "one customer", "positive"), (False, "refused", "negative")):
        rows = bins[bins.accepted == accepted]
        middle, width = (rows.from_bits + rows.to_bits) / 2, rows.to_bits - rows.from_bits
        figure.add_bar(x=middle, y=rows.pairs, name=name, width=width, marker_color=charts.COLOURS[colour])
    if threshold is not None:
        line = {"color": charts.INK, "width": 2, "dash": "dash"}
        figure.add_vline(x=threshold, line=line, annotation={"text": f"threshold {threshold:+.1f}"})
    figure.update_layout(barmode="stack")
    return charts.styled(figure, x="bits (log2 of the odds); the outer bars hold all beyond", y="pairs")


def plot_waterfall(evidence: pd.DataFrame) -> go.Figure:
    """Plots what each field adds to the odds that two records are one person, from the prior to the total. `evidence`:
    field, level, weight (bits), in order."""
    names = [
        f"{field}: {level}" if level else field for field, level in zip(evidence.field, evidence.level, strict=True)
    ]
    figure = go.Figure(
        go.Waterfall(
            x=[*names, "total"],
            y=[*evidence.weight, 0],
            measure=["relative"] * len(evidence) + ["total"],
            text=[f"{w:+.1f}" for w in [*evidence.weight, evidence.weight.sum()]],
            increasing={"marker": {"color": charts.COLOURS["positive"]}},
            decreasing={"marker": {"color": charts.COLOURS["negative"]}},
            totals={"marker": {"color": charts.INK}},
            connector={"line": {"color": charts.GRID}},
            cliponaxis=False,
        )
    )
    return charts.styled(figure, y="bits (log2 of the odds)")
