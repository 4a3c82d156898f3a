"""The page of the report: its sections, from the tables as they are."""

from collections.abc import Callable
from functools import partial
from html import escape

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from onecart.context import Context
from onecart.report import figures, queries

Card = tuple[str, pd.DataFrame, Callable[[pd.DataFrame], go.Figure | str]]
_CSS = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,sans-serif;color:#1f2933;background:#f5f7fa}
main{max-width:1180px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:26px;margin:0}h2{font-size:18px;margin:36px 0 4px}p{margin:4px 0 10px;color:#52606d;max-width:80ch}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin:20px 0}
.tile,.card{background:#fff;border:1px solid #e4e7eb;border-radius:8px;padding:14px}
.tile b{display:block;font-size:24px}.tile span{color:#52606d;font-size:13px}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(480px,100%),1fr));gap:14px}
.card{overflow-x:auto;min-width:0}.wide{grid-column:1/-1}.card h3{font-size:14px;margin:0 0 6px}
table{border-collapse:collapse;width:100%;font-size:13px}th,td{padding:5px 8px;border-bottom:1px solid #e4e7eb;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
"""
_NARROW = 5  # columns of a table that fit half the page


def page(as_of: str, tile_html: str, sections: dict[str, str], note: str) -> str:
    """The HTML document; the plotting library is inside, so that it opens without a network."""
    body = "".join(f"<h2>{escape(title)}</h2>{inner}" for title, inner in sections.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>OneCart report, {as_of}</title><style>{_CSS}</style><script>{get_plotlyjs()}</script></head>"
        f"<body><main><h1>Every channel, one customer, more conversions</h1><p>Decisions for {as_of}. {note}</p>"
        f'<div class="tiles">{tile_html}</div>{body}</main></body></html>'
    )


def tiles(ctx: Context) -> str:
    """The headline figure of each job's newest run."""
    runs = ctx.lake.read("ops.runs").where("status = 'done'").groupBy("job")
    newest = runs.agg({"started_ts": "max"}).withColumnRenamed("max(started_ts)", "started_ts")
    rows = ctx.lake.read("ops.runs").join(newest, on=["job", "started_ts"], how="inner").orderBy("started_ts").collect()
    return "".join(
        f'<div class="tile"><span>{escape(r.job)}</span><b>{r.rows_out:,}</b><span>{escape(r.headline or "")}</span></div>'
        for r in rows
        if r.job not in ("report", "upkeep")
    )


def note(ctx: Context, missing: list[str]) -> str:
    origins = ctx.lake.read("silver.orders").select("origin").distinct()
    simulated = ctx.lake.read("silver.interactions").where("origin = 'simulated'").limit(1).count() > 0
    real = "real" in {r[0] for r in origins.collect()}
    note = (
        "Orders are a real retailer's; web, app, CRM, social and support records around them are simulated. "
        if real and simulated
        else ""
    )
    return note + (f"Not shown, for want of data: {', '.join(missing).lower()}." if missing else "")


def _conversion(ctx: Context) -> str:
    daily = ctx.lake.read_if_exists("gold.conversion_daily")
    conversion = queries.weekly_conversion(daily).toPandas()
    both = queries.weekly_conversion(daily, ("online", "store")).toPandas()
    both = both if both.channel.nunique() > 1 else both.head(0)  # nothing to compare
    funnel = ctx.lake.read_if_exists("gold.funnel")
    by_channel, by_device = (queries.funnel_steps(funnel, by).toPandas() for by in ("channel", "device_type"))
    return cards(
        ("Online conversion rate by week", conversion, figures.conversion),
        ("Conversion rate online and in store by week", both, figures.conversion),
        ("Net revenue by week", queries.weekly_revenue(daily).toPandas(), figures.revenue),
        ("Visits that reached each step, and drop-off", by_channel, figures.funnel),
        ("The same by device", by_device, partial(figures.funnel, by="device_type")),
    )


def _customers(ctx: Context) -> str:
    segments = queries.counted(ctx.lake.read_if_exists("gold.segments"), "segment").toPandas()
    profiles = ctx.lake.read_if_exists("gold.customer_profile")
    records = queries.records_per_customer(profiles).toPandas()
    lifetime = queries.lifetime_bins(profiles).toPandas()
    return cards(
        ("Customers by segment", segments, lambda t: figures.bars(t, label="segment", value="rows", x="customers")),
        ("Buyers by recency and frequency", queries.rfm_counts(profiles).toPandas(), figures.rfm_heatmap),
        ("Lifetime value: revenue expected in 12 months", lifetime, figures.lifetime_values),
        ("Customers by number of records", records, figures.records_per_customer),
        *_identity(ctx),
    )


def _identity(ctx: Context) -> list[Card]:
    links = queries.counted(ctx.lake.read_if_exists("gold.identity_links"), "rule")
    edges = ctx.lake.read_if_exists("gold.identity_edges")
    reasons = queries.counted(edges.where("NOT accepted"), "reason").toPandas()
    shared = queries.shared_keys(ctx.lake.read_if_exists("gold.identity_shared_keys")).toPandas()
    link = queries.example_link(edges).toPandas()
    model = ctx.lake.read_if_exists("gold.identity_model").first()
    evidence = partial(figures.link_evidence, threshold=model["threshold"] if model else None)
    return [
        (
            "Records by what links them to their customer",
            links.orderBy("rows", ascending=False).limit(12).toPandas(),
            lambda t: figures.bars(t, label="rule", value="rows", x="records"),
        ),
        ("Pairs within groups of linked records, by evidence", queries.evidence_bins(edges).toPandas(), evidence),
        ("Refused merges by reason", reasons, lambda t: figures.bars(t, label="reason", value="rows", x="pairs")),
        (_link_title(link), link, figures.link_waterfall),
        ("Identifiers on too many records, which link nobody", shared, table_html),
    ]


def _link_title(link: pd.DataFrame) -> str:
    return f"Why {link.record_a.iloc[0]} and {link.record_b.iloc[0]} are one customer" if len(link) else ""


def _intent(ctx: Context) -> str:
    health, scores = (ctx.lake.read_if_exists(f"gold.{name}") for name in ("model_health", "intent_scores"))
    table = queries.intent_deciles(scores).toPandas()
    auc = queries.newest_metrics(health, "auc", "intent.").toPandas()
    points = queries.of_scorer(ctx.lake.read_if_exists("gold.model_overview"), scores).toPandas()
    points = points.sort_values(["view", "feature", "position"])
    views = dict(iter(points.groupby("view")))
    none = points.head(0)
    importance = views.get("importance", none).sort_values("position").head(12)
    likely = queries.reasons_of_likely(ctx.lake.for_purpose("profiling").read_if_exists("gold.intent_scores"), 4)
    fair = queries.groups(queries.of_scorer(ctx.lake.read_if_exists("gold.fairness"), scores))
    return cards(
        ("Probability to buy, by decile", table, figures.deciles),
        ("Area under the ROC curve on later dates than trained on", auc, lambda t: figures.metric_bars(t, "AUC")),
        ("Are the probabilities true? Holdout", points[points.view.isin(["predicted", "rate"])], figures.calibration),
        ("Buyers reached by addressing the most likely first", views.get("gain", none), figures.gains),
        (
            "What the model looks at (share of mean |Shapley value|)",
            importance,
            lambda t: figures.bars(t, label="feature", value="value", x="share", percent=True),
        ),
        *_partial(views.get("partial", none), list(importance.feature)),
        ("Why the likeliest buyers are likely", likely.toPandas(), table_html),
        ("Does it treat groups alike? Holdout", fair.toPandas(), table_html),
    )


def _partial(points: pd.DataFrame, features: list[str]) -> list[Card]:
    """The two features that matter most, of those with more than one point."""
    curves = [rows for f in features if len(rows := points[points.feature == f]) > 1]
    return [("How the probability moves with one feature", rows, figures.partial_dependence) for rows in curves[:2]]


def _recommendations(ctx: Context) -> str:
    offers, products = (ctx.lake.read_if_exists(name) for name in ("gold.recommendations", "silver.products"))
    health = queries.of_offers(ctx.lake.read_if_exists("gold.model_health"), offers)
    models = queries.model_scores(health).toPandas()
    groups = queries.group_scores(health).toPandas()
    groups = groups[groups.groupby("attribute")["value"].transform("size") > 1]  # one alone compares nothing
    active, others = (groups[rows] for rows in (groups.attribute == "activity", groups.attribute != "activity"))
    agreed = ctx.lake.for_purpose("profiling").read_if_exists("gold.recommendations")
    ndcg = partial(figures.intervals, x="nDCG and its 95 % interval")
    return cards(
        (_offers_title(models), _labelled(models, models.model), ndcg),
        ("What the lists are made of", models, figures.make_up),
        (
            _of_model("nDCG by number of products the customer had to do with before", active),
            _labelled(active, active.value),
            ndcg,
        ),
        (
            _of_model("nDCG by group of customers", others),
            _labelled(others, others.attribute + ": " + others.value),
            ndcg,
        ),
        (
            "Where the offers come from",
            queries.offers_by_source(offers).toPandas(),
            lambda t: figures.bars(t, label="source", value="share", x="share of offers", percent=True),
        ),
        (
            "What four customers are offered, and why",
            queries.example_recommendations(agreed, products, 4).toPandas(),
            table_html,
        ),
    )


def _offers_title(models: pd.DataFrame) -> str:
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
    """`scores`[ndcg, ndcg_low, ndcg_high, users?] as `figures.intervals` takes them."""
    names = {"ndcg": "value", "ndcg_low": "low", "ndcg_high": "high"}
    counted = [f" ({n:,.0f} customers)" for n in scores.users] if "users" in scores else ""
    return scores[[*names]].rename(columns=names).astype(float).assign(label=labels + counted)


def _demand(ctx: Context) -> str:
    forecast, health = ctx.lake.read_if_exists("gold.demand_forecast"), ctx.lake.read_if_exists("gold.model_health")
    products, ledger = ctx.lake.read_if_exists("silver.products"), ctx.lake.read_if_exists("gold.forecast_ledger")
    found = queries.demand_examples(forecast, ctx.lake.read("silver.orders"), products, 3)
    sold, ahead = (f.toPandas() for f in found)
    models = queries.demand_table(health).toPandas()
    covered = queries.demand_coverage(ctx.lake.read_if_exists("gold.forecast_backtest"), ledger)
    true = queries.came_true(ctx.lake.read_if_exists("gold.forecast_accuracy")).toPandas()
    bars = models[["model", "wape"]].rename(columns={"wape": "value"}).assign(model=lambda t: "forecast." + t.model)
    charts: list[Card] = [
        ("Absolute error / units sold, backtest (less is better)", bars, lambda t: figures.metric_bars(t, "WAPE")),
    ]
    for sku, rows in ahead.groupby("unique_id", sort=False):
        title = f"Demand for {sku}, {rows.description.iloc[0] or 'no description'}"
        history = sold[sold.unique_id == sku]
        charts.append((title, rows, partial(figures.demand, history)))
    tree = queries.nodes(ctx.lake.read_if_exists("gold.forecast_hierarchy"), 12).toPandas()
    orders = queries.orders_now(ctx.lake.read_if_exists("gold.replenishment"), products, 12)
    charts += [
        ("Units expected by category, which its products add up to", tree, figures.units),
        ("What earlier forecasts expected of each day, and what was sold", true, figures.came_true),
        ("Days inside the intervals, by class of demand", covered.toPandas(), table_html),
        ("Do weather and what else is known ahead help?", queries.regressors_help(health).toPandas(), table_html),
        ("What became of the series", queries.demand_ends(ledger).toPandas(), table_html),
        ("All models on the windows held back", models, table_html),
        ("The largest orders that are due", orders.toPandas(), table_html),
    ]
    return cards(*charts)


def _voice(ctx: Context) -> str:
    products, issues = (ctx.lake.read_if_exists(name) for name in ("silver.products", "gold.product_issues"))
    table = queries.sentiment_by_category(ctx.lake.read_if_exists("gold.review_sentiment"), products)
    health = ctx.lake.read_if_exists("gold.model_health")
    accuracy = queries.newest_metrics(health.where("dataset <> 'unseen templates'"), "accuracy", "voice.").toPandas()
    # Words of persons are shown only where they agreed.
    quotes = ctx.lake.for_purpose("profiling").read_if_exists("gold.issue_quotes")
    wanted = queries.ticket_intents(ctx.lake.read_if_exists("gold.ticket_intent")).toPandas()
    templates = queries.newest_metrics(health.where("dataset = 'unseen templates'"), "accuracy", "voice.").toPandas()
    return cards(
        (
            "What reviews praise and what they complain of",
            queries.aspect_polarity(issues, 14).toPandas(),
            figures.polarities,
        ),
        ("Complaints by month", queries.complaint_trend(issues, 5).toPandas(), figures.complaints),
        ("Issues to look at", queries.worst_issues(issues, quotes, products, 10).toPandas(), table_html),
        ("Sentiment of reviews by product category", table.toPandas(), figures.sentiment),
        ("Accuracy on held-out reviews", accuracy, lambda t: figures.metric_bars(t, "accuracy")),
        ("What support tickets want", wanted, table_html),
        ("Intent of tickets of unseen templates", templates, lambda t: figures.metric_bars(t, "accuracy")),
    )


def _quality(ctx: Context) -> str:
    reasons = (
        ctx.lake.read_if_exists("ops.quarantine")
        .groupBy("source", "rule")
        .count()
        .orderBy("count", ascending=False)
        .limit(15)
    )
    runs = ctx.lake.read("ops.runs").orderBy("started_ts", ascending=False).limit(15)
    columns = ["job", "status", "rows_in", "rows_out", "rows_quarantined", "rows_duplicate", "seconds", "run_id"]
    return cards(
        ("Rows set aside, by rule", reasons.toPandas(), table_html),
        ("The last runs", runs.select(*columns).toPandas(), table_html),
    )


SECTIONS: dict[str, Callable[[Context], str]] = {
    "Conversion": _conversion,
    "Customers": _customers,
    "Who is about to buy": _intent,
    "What to offer": _recommendations,
    "What will sell": _demand,
    "What customers say": _voice,
    "Can the data be trusted": _quality,
}


def cards(*charts: Card) -> str:
    """A grid of titled charts; a chart without rows is left out, and no chart at all is an empty text. A table of many
    columns has a row of the grid to itself."""
    drawn = []
    for title, frame, draw in charts:
        if len(frame):
            made = draw(frame)
            inner = (
                made
                if isinstance(made, str)
                else made.to_html(
                    full_html=False, include_plotlyjs=False, config={"displayModeBar": False, "responsive": True}
                )
            )
            wide = " wide" if draw is table_html and len(frame.columns) > _NARROW else ""
            drawn.append(f'<div class="card{wide}"><h3>{escape(title)}</h3>{inner}</div>')
    return f'<div class="grid">{"".join(drawn)}</div>' if drawn else ""


def table_html(frame: pd.DataFrame) -> str:
    """A table; numbers to the right."""
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    marks = [' class="n"' if n else "" for n in numeric]
    head = "".join(f"<th{m}>{escape(str(c))}</th>" for c, m in zip(frame.columns, marks, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td{m}>{_cell(v)}</td>" for v, m in zip(row, marks, strict=True)) + "</tr>"
        for row in frame.itertuples(index=False)
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else escape("" if value is None else str(value))
