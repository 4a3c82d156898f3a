"""Did it work: what campaigns brought beside their control groups, whom an offer moves, attribution beside what is proved, and
policies that may go live, of the tables of measure and gold.uplift_curve."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go

from onecart.context import Context
from onecart.report import charts
from onecart.report.card import Card, Section
from onecart.report.model_health import newest

METHODS = ("first", "last", "linear", "position", "markov", "shapley")
_PROVED = "proved"
_TOUCHES = 8  # that have most credit
_BETWEEN = " / "  # channel and campaign of a touch
_FORMS = {"conversion": "+.2%", "orders": "+.3f", "revenue": "+.2f"}


def cards(ctx: Context) -> list[Card]:
    results, curve, credit, policies = (
        ctx.lake.read_if_exists(name).toPandas()
        for name in ("gold.experiment_results", "gold.uplift_curve", "gold.attribution", "gold.policy_value")
    )
    health = ctx.lake.read_if_exists("gold.model_health").where("dataset = 'experiment' AND model LIKE 'uplift.%'")
    learned = newest(health).toPandas() if len(curve) else pd.DataFrame(columns=["model", "metric", "value"])
    lifts = policies.dropna(subset=["lift", "lift_low", "lift_high"])
    lifts = lifts[lifts.lift_high > lifts.lift_low]  # else the policy does what was done
    return [
        *_experiments(results),
        *_uplift(curve, learned),
        Card("What purchases are due to, by six rules of sharing them out", shared(credit), plot_credit),
        Card("What attribution gives a campaign, and what its control group proves", beside_proof(credit), plot_proof),
        *[
            Card(
                f"What other policies would bring: {outcome} per decision, beside what was done",
                labelled_lifts(rows),
                _lifts(outcome),
            )
            for outcome, rows in lifts.groupby("outcome", sort=True)
        ],
        Card("Campaigns as experiments", judged(results)),
        Card("May a policy go live?", verdicts(policies)),
    ]


def _experiments(results: pd.DataFrame) -> list[Card]:
    wide = "at every look (always valid)"
    rows = results.dropna(subset=["lo", "hi"])
    return [
        Card(
            f"What contacts changed: {metric} per customer, contacted less held back",
            effects(some),
            partial(charts.intervals, x=_unit(metric, some), form=_FORMS.get(str(metric), "+.3f"), wide=wide),
        )
        for metric, some in rows.groupby("metric", sort=True)
    ]


def _unit(metric: object, rows: pd.DataFrame) -> str:
    money = charts.money(rows)
    return f"{metric}{f', {money}' if money else ''}"


def _uplift(curve: pd.DataFrame, learned: pd.DataFrame) -> list[Card]:
    cards = []
    for treatment, rows in curve.groupby("treatment", sort=True):
        model = str(rows.model_version.iloc[0]).split("@")[0]
        figures = learned[learned.model == model].set_index("metric").value
        title = f"Whom {treatment} moves: additional buyers, the likeliest to be moved first"
        if {"qini", "qini_low", "qini_high"} <= set(figures.index):
            title += f" (Qini {figures['qini']:.4f}, {figures['qini_low']:.4f} to {figures['qini_high']:.4f})"
        cards.append(Card(title, rows.sort_values("point"), plot_uplift))
    return cards


def _lifts(outcome: object) -> partial[go.Figure]:
    return partial(charts.intervals, x=f"{outcome} per decision", form="+.3f")


SECTION = Section("Did it work", cards)


def effects(results: pd.DataFrame) -> pd.DataFrame:
    """Names rows of gold.experiment_results as `charts.intervals` takes them: all customers of a campaign first, then segments."""
    rows = results.assign(whole=results.segment != "all").sort_values(["campaign", "whole", "segment"])
    doubt = [
        " (not trusted)" if not trusted else "" if complete else " (so far)"
        for trusted, complete in zip(rows.trusted, rows.complete, strict=True)
    ]
    names = {
        "effect": "value",
        "lo": "low",
        "hi": "high",
        "always_valid_lo": "wide_low",
        "always_valid_hi": "wide_high",
    }
    return rows[[*names]].rename(columns=names).astype(float).assign(label=rows.campaign + ": " + rows.segment + doubt)


def judged(results: pd.DataFrame) -> pd.DataFrame:
    """Words of `results` (gold.experiment_results) for a table, of all customers of each campaign."""
    rows = results[results.segment == "all"].sort_values(["campaign", "metric"])
    relative = [f"{r:+.1%}" if pd.notna(r) else "" for r in rows.relative_effect]
    trusted = _yes(rows.trusted)
    return pd.DataFrame(
        {
            "campaign": rows.campaign,
            "metric": rows.metric,
            "contacted": rows.treated,
            "held back": rows.control,
            "held back, mean": rows.control_mean,
            "contacted, mean (adjusted)": rows.control_mean + rows.effect,  # what the relative effect is of
            "relative effect": relative,
            "brought in all": rows.incremental,
            "p, corrected": rows.p_adjusted.astype(float),
            "p at any look": rows.always_valid_p.astype(float),
            "variance taken off": [f"{v:.0%}" for v in rows.variance_reduction],
            "arms as drawn": trusted,
            "mind": rows.note,
        }
    )


def shared(credit: pd.DataFrame) -> pd.DataFrame:
    """Sums gold.attribution over its months: touch, method, share of all conversions; the touches with most credit, the others
    together."""
    sums = credit.groupby(["touch", "method"], as_index=False).credit.sum()
    most = sums.groupby("touch").credit.mean().sort_values(ascending=False)
    kept = set(most.index[:_TOUCHES])
    named = sums.assign(touch=[touch if touch in kept else "all others" for touch in sums.touch])
    rows = named.groupby(["touch", "method"], as_index=False).credit.sum()
    total = rows.groupby("method").credit.transform("sum")
    order = {touch: place for place, touch in enumerate(most.index)}
    place = [order.get(touch, len(order)) for touch in rows.touch]
    placed: pd.DataFrame = rows.assign(share=rows.credit / total, place=place)
    return placed.sort_values("place").drop(columns="place")


def beside_proof(credit: pd.DataFrame) -> pd.DataFrame:
    """One row per campaign that a control group has judged, and method: campaign, method, orders, low, high (nan: no interval). Credit
    is that of all its touches from the month it began on; the method `proved` is what the control group says."""
    campaign = credit.touch.str.split(_BETWEEN, n=1, regex=False).str[1]
    rows = credit.assign(campaign=campaign).dropna(subset="campaign")
    proved = rows.dropna(subset="proved_orders").sort_values("month").drop_duplicates("campaign")
    began = proved.set_index("campaign").month
    since = rows[rows.campaign.isin(began.index) & (rows.month >= rows.campaign.map(began))]
    sums = since.groupby(["campaign", "method"], as_index=False).agg(orders=("credit", "sum"))
    sums = sums.assign(low=float("nan"), high=float("nan"))
    names = {"proved_orders": "orders", "proved_low": "low", "proved_high": "high"}
    said: pd.DataFrame = proved[["campaign", *names]].rename(columns=names).assign(method=_PROVED)
    found = pd.concat([sums, said], ignore_index=True)
    return found.astype({"orders": float, "low": float, "high": float})


def labelled_lifts(policies: pd.DataFrame) -> pd.DataFrame:
    """Names rows of gold.policy_value as `charts.intervals` takes them."""
    names = {"lift": "value", "lift_low": "low", "lift_high": "high"}
    rows = policies[[*names]].rename(columns=names).astype(float)
    return rows.assign(label=policies.subject + ": " + policies.policy)


def verdicts(policies: pd.DataFrame) -> pd.DataFrame:
    """Words of `policies` (gold.policy_value) for a table; no figure where the log cannot say."""
    return pd.DataFrame(
        {
            "subject": policies.subject,
            "policy": policies.policy,
            "outcome": policies.outcome,
            "decisions": policies.decisions,
            "of which say something": policies.effective_sample.round().astype(int),
            "value": policies.value.astype(float),
            "as it was done": policies.current_value.astype(float),
            "trusted": _yes(policies.trusted),
            "may go live": _yes(policies.live),
            "why": policies.why,
        }
    )


def plot_uplift(curve: pd.DataFrame) -> go.Figure:
    """Plots the uplift curve beside that of customers in any order. `curve`: share, gain, chord, in order."""
    line = {"color": charts.PALE, "width": 2, "dash": "dash"}
    figure = go.Figure(
        go.Scatter(x=curve.share, y=curve.chord, mode="lines", line=line, name="in any order", hoverinfo="skip")
    )
    figure.add_scatter(x=curve.share, y=curve.gain, mode="lines", name="by uplift", line={"color": charts.MAIN})
    return charts.styled(figure, x="share of customers contacted", y="additional buyers per contact", percent_x=True)


def plot_credit(credit: pd.DataFrame) -> go.Figure:
    """Plots the share of purchases that each method gives to each touch. `credit`: touch, method, share, from the top."""
    figure, hues = go.Figure(), charts.hues(METHODS)
    order = [*dict.fromkeys(credit.touch)]
    for method in METHODS:
        share = credit[credit.method == method].set_index("touch").share.reindex(order)
        figure.add_bar(x=share, y=order, orientation="h", name=method, marker_color=hues[method])
    figure.update_yaxes(autorange="reversed", type="category")
    return charts.styled(figure, x="share of purchases", percent_x=True).update_layout(
        height=max(340, 90 + 56 * len(order))
    )


def plot_proof(found: pd.DataFrame) -> go.Figure:
    """Plots orders by method, and what is proved with its interval. `found`: campaign, method, orders, low, high."""
    rows = found.sort_values("campaign", kind="stable")
    hues = [charts.MAIN if method == _PROVED else charts.PALE for method in rows.method]
    figure = go.Figure(
        go.Bar(
            x=rows.orders,
            y=rows.campaign + ": " + rows.method,
            orientation="h",
            marker_color=hues,
            text=[f"{n:,.1f}" for n in rows.orders],
            textposition="inside",
            insidetextanchor="start",
            textangle=0,
            error_x=charts.ends(rows, "low", "high", "orders", color=charts.INK),
        )
    )
    figure.update_yaxes(autorange="reversed", type="category")
    return charts.styled(figure, x="orders").update_layout(height=max(340, 90 + 30 * len(rows)))


def _yes(flags: "pd.Series[bool]") -> list[str]:
    return ["yes" if flag else "no" for flag in flags]
