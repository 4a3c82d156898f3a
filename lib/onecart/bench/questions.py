"""Four questions a retailer asks, answered by a model beside a recency-frequency baseline.

Each is a frame: one row per case, features known before its as_of, a label after it.
The data sets are of a fixed size and fit one machine, so they are built in pandas. The Complete Journey is simulated on
real shopping patterns, by its package's own notice; Online Retail II is real.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart import intent
from onecart.errors import require_known

LABEL, TIME = "label", "as_of"
TABLE: tuple[tuple[str, str], ...] = (
    ("question", "{}"),
    ("data", "{}"),
    ("model", "{}"),
    ("n", "{:,}"),
    ("prevalence", "{:.3f}"),
    ("auc", "{:.3f}"),
    ("auc_low", "{:.3f}"),
    ("auc_high", "{:.3f}"),
    ("average_precision", "{:.3f}"),
    ("ece", "{:.3f}"),
    ("ece_by_chance", "{:.3f}"),
    ("lift_at_decile_1", "{:.2f}"),
    ("beats", "{}"),
)
_WINDOWS = (30, 90, 180, 365)
_CATEGORIES = 12  # the most bought of The Complete Journey


@dataclass(frozen=True)
class Question:
    """frame: one row per case, with as_of, label and features. baseline: its recency and frequency columns.
    holdout_from: the first as_of that is measured; horizon_days: how far a label looks ahead."""

    name: str
    data: str
    origin: str
    frame: pd.DataFrame
    baseline: tuple[str, str]
    holdout_from: Any
    horizon_days: int


def measure(spark: SparkSession, names: Sequence[str] | None, model: str, seed: int) -> Iterator[dict[str, Any]]:
    """Two rows per question, the columns of TABLE and the other figures of `intent.evaluate`: `model` with all features,
    and logistic regression on recency and frequency. Both learn from the same earlier days, with the default settings,
    and are measured on the same later ones, which decide nothing.

    beats: the model's AUC is above the upper end of the baseline's 95 % interval; None in the baseline's row.
    """
    require_known(names or (), QUESTIONS, "question")
    for name in names or QUESTIONS:
        question = QUESTIONS[name]()
        with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
            # From a file: a frame made of Python rows would travel with every task of every tree.
            spark.createDataFrame(question.frame).withColumn(TIME, F.to_date(TIME)).write.parquet(f"{folder}/cases")
            frame = spark.read.parquet(f"{folder}/cases")
            full, plain = (
                _answer(frame, question, m, c, seed) for m, c in ((model, None), ("logistic", question.baseline))
            )
        yield {**full, "beats": full["auc"] > plain["auc_high"]}
        yield {**plain, "beats": None}


def _answer(
    frame: DataFrame, question: Question, model: str, columns: Sequence[str] | None, seed: int
) -> dict[str, Any]:
    held, gap = question.holdout_from.date(), question.horizon_days
    made = intent.train(frame, LABEL, TIME, model, columns=columns, holdout_from=held, gap=gap, seed=seed)
    return {
        "question": question.name,
        "data": f"{question.data} ({question.origin})",
        "model": made.model if columns is None else "recency-frequency",
        **made.metrics,
        **made.intervals,
        "n": int(made.metrics["n"]),
    }


def buys_in_30_days() -> Question:
    """Online Retail II: does a customer who has bought before buy in the 30 days from as_of on?"""
    orders = _retail()
    last = orders["day"].max() + pd.Timedelta(days=1)
    cuts = [last - pd.Timedelta(days=30 * k) for k in range(1, 14)][::-1]
    frame = pd.concat([_as_of(orders, cut, 30) for cut in cuts], ignore_index=True)
    return Question("buys within 30 days", "Online Retail II", "real", frame, ("recency", "orders_365"), cuts[-2], 30)


def buys_again_in_90_days() -> Question:
    """Online Retail II: does a first-time buyer buy again within 90 days? The first 90 days of the data tell nobody's
    first order, so buyers of these are left out."""
    orders = _retail()
    first = orders.groupby("customer")["day"].min()
    begun = orders["day"].min() + pd.Timedelta(days=90)
    last = orders["day"].max() + pd.Timedelta(days=1) - pd.Timedelta(days=91)
    new = first[(first >= begun) & (first <= last)]
    basket = orders[orders["day"] == orders["customer"].map(new)].groupby("customer")
    frame = basket.agg(
        orders=("order", "size"), revenue=("revenue", "sum"), lines=("lines", "sum"), products=("products", "sum"),
        pieces=("pieces", "sum"), hour=("hour", "first"), british=("british", "max"), price=("price", "mean"),
        largest=("largest", "max"),
    ).reset_index()  # fmt: skip
    frame["day"] = frame["customer"].map(new)
    frame["weekday"], frame["month"] = frame["day"].dt.dayofweek, frame["day"].dt.month
    frame["line_value"] = frame["revenue"] / frame["lines"].clip(lower=1)
    frame[TIME] = frame["day"] + pd.Timedelta(days=1)
    later = orders.merge(frame[["customer", TIME]], on="customer")
    ahead = (later["day"] - later[TIME]).dt.days
    again = set(later.loc[(ahead >= 0) & (ahead < 90), "customer"])
    frame[LABEL] = frame["customer"].isin(again).astype(int)
    frame["recency"] = 1.0
    # Everyone has bought once, the day before: how much they took is all that recency and frequency leave to say.
    held = pd.Timestamp(frame[TIME].quantile(0.75)).normalize()
    columns = ("orders", "lines")
    plain = frame.drop(columns=["customer", "day", "recency"])
    return Question("buys again within 90 days", "Online Retail II", "real", plain, columns, held, 90)


def buys_category_next_week() -> Question:
    """The Complete Journey: does a household that has bought of a category in a year buy of it in the next 7 days?"""
    sales, _ = _journey()
    top = sales.groupby("category")["basket"].nunique().nlargest(_CATEGORIES).index
    last = sales["day"].max() + pd.Timedelta(days=1)
    cuts = [last - pd.Timedelta(days=7 + 28 * k) for k in range(6)][::-1]
    frame = pd.concat([_category_as_of(sales, top, cut) for cut in cuts], ignore_index=True)
    return Question(
        "buys in a category next week", "The Complete Journey", "simulated", frame, ("recency", "trips_84"), cuts[-1], 7
    )


def redeems_coupon() -> Question:
    """The Complete Journey: does a household that a campaign reaches redeem one of its coupons? as_of: the campaign's
    first day. Campaigns that began before March or ran on after the data are left out."""
    sales, tables = _journey()
    about = tables["campaign_descriptions"]
    ended = about["end_date"] <= pd.Timestamp("2018-01-08")
    about = about[ended & (about["start_date"] >= pd.Timestamp("2017-03-01"))]
    cases = tables["campaigns"].merge(about, on="campaign_id")
    redeemed = tables["coupon_redemptions"]
    hits = redeemed[["household_id", "campaign_id"]].drop_duplicates().assign(label=1)
    cases = cases.merge(hits, on=["household_id", "campaign_id"], how="left").fillna({"label": 0})
    parts = [_campaign(sales, tables, c) for _, c in cases.groupby("campaign_id")]
    frame = pd.concat(parts, ignore_index=True)
    held = pd.Timestamp("2017-10-01")
    return Question(
        "redeems a campaign's coupon", "The Complete Journey", "simulated", frame, ("recency", "trips_90"), held, 30
    )


QUESTIONS: dict[str, Callable[[], Question]] = {
    "buys30": buys_in_30_days,
    "again90": buys_again_in_90_days,
    "category": buys_category_next_week,
    "coupon": redeems_coupon,
}


def _retail() -> pd.DataFrame:
    """One row per order with goods: customer, order, day, hour, revenue, lines, products, pieces, price, largest,
    british, returned (lines the customer sent back that day)."""
    from onecart.samples.datasets.load import online_retail_parquet

    lines = pd.read_parquet(online_retail_parquet()).dropna(subset=["customer_id"]).drop_duplicates(
        subset=["invoice", "stock_code", "quantity", "invoice_date", "price", "customer_id"]
    )  # fmt: skip
    lines["price"] = lines["price"].astype(float)
    lines["revenue"] = lines["quantity"] * lines["price"]
    stamp = lines["invoice_date"].dt.tz_localize(None)
    lines["day"], lines["hour"] = stamp.dt.normalize(), stamp.dt.hour
    lines["british"] = (lines["country"] == "United Kingdom").astype(int)
    sold = lines[(lines["quantity"] > 0) & (lines["price"] > 0)]
    orders = sold.groupby(["customer_id", "invoice"]).agg(
        day=("day", "min"), hour=("hour", "min"), revenue=("revenue", "sum"), lines=("stock_code", "size"),
        products=("stock_code", "nunique"), pieces=("quantity", "sum"), price=("price", "mean"),
        largest=("quantity", "max"), british=("british", "max"),
    ).reset_index()  # fmt: skip
    back = lines[lines["quantity"] < 0].groupby(["customer_id", "day"]).size().rename("returned").reset_index()
    orders = orders.merge(back, on=["customer_id", "day"], how="left").fillna({"returned": 0})
    return orders.rename(columns={"customer_id": "customer", "invoice": "order"}).sort_values("day", kind="stable")


def _as_of(orders: pd.DataFrame, cut: pd.Timestamp, horizon: int) -> pd.DataFrame:
    past = orders[orders["day"] < cut]
    ago = (cut - past["day"]).dt.days
    found = _rhythm(past, "customer", cut)
    for days in _WINDOWS:
        recent = past[ago <= days].groupby("customer")
        found[f"orders_{days}"], found[f"revenue_{days}"] = recent.size(), recent["revenue"].sum()
        found[f"products_{days}"] = recent["products"].sum()
    same = past[(ago > 365 - horizon) & (ago <= 365)].groupby("customer").size()
    found["orders_same_days_last_year"] = same
    whole = past.groupby("customer")
    found["average_basket"], found["lines_an_order"] = whole["revenue"].mean(), whole["lines"].mean()
    found["returned"], found["british"] = whole["returned"].sum(), whole["british"].max()
    counts = [c for c in map(str, found) if c.split("_")[0] in ("orders", "revenue", "products")]
    found[counts] = found[counts].fillna(0.0)
    found["month"], found[TIME] = cut.month, cut
    ahead = (orders["day"] - cut).dt.days
    found[LABEL] = found.index.isin(orders.loc[(ahead >= 0) & (ahead < horizon), "customer"]).astype(int)
    return found.reset_index(drop=True)


def _rhythm(past: pd.DataFrame, by: str | Sequence[str], cut: pd.Timestamp) -> pd.DataFrame:
    """recency, tenure, days_bought, gap (mean days between), gap_spread, overdue (recency / gap)."""
    keys = [by] if isinstance(by, str) else list(by)
    days = past[[*keys, "day"]].drop_duplicates().sort_values([*keys, "day"])
    days["gap"] = days.groupby(keys)["day"].diff().dt.days
    grouped = days.groupby(keys)
    found = grouped.agg(first=("day", "min"), last=("day", "max"), days_bought=("day", "size"), gap=("gap", "mean"))
    found["gap_spread"], found["last_gap"] = grouped["gap"].std(), grouped["gap"].last()
    found["recency"], found["tenure"] = (cut - found["last"]).dt.days, (cut - found["first"]).dt.days
    found["overdue"] = found["recency"] / found["gap"]
    return found.drop(columns=["first", "last"])


def _journey() -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """One row per basket line: household, basket, product, category, day, value, coupon; and the other tables by name."""
    from onecart.samples.datasets.fetch import fetch

    paths = {p.stem: p for p in fetch("complete-journey")}
    wanted = ["household_id", "basket_id", "product_id", "sales_value", "coupon_disc", "transaction_timestamp"]
    sales = pd.read_parquet(paths["transactions"], columns=wanted)
    products = pd.read_parquet(paths["products"], columns=["product_id", "product_category"])
    sales["day"] = sales.pop("transaction_timestamp").dt.normalize()
    sales = sales.merge(products, on="product_id", how="left")
    sales.columns = pd.Index(["household", "basket", "product", "value", "coupon", "day", "category"])
    names = ("campaigns", "campaign_descriptions", "coupons", "coupon_redemptions")
    return sales, {name: pd.read_parquet(paths[name]) for name in names}


def _category_as_of(sales: pd.DataFrame, top: Any, cut: pd.Timestamp) -> pd.DataFrame:
    past = sales[sales["day"] < cut]
    own = past[past["category"].isin(top)]
    keys = ["household", "category"]
    found = _rhythm(own, keys, cut)
    for days in (7, 14, 28, 84):
        recent = own[own["day"] >= cut - pd.Timedelta(days=days)].groupby(keys)
        found[f"trips_{days}"], found[f"spend_{days}"] = recent["basket"].nunique(), recent["value"].sum()
    found = found.reset_index()
    for days in (7, 28, 84):
        lately = past[past["day"] >= cut - pd.Timedelta(days=days)].groupby("household")
        found[f"visits_{days}"] = found["household"].map(lately["basket"].nunique())
        found[f"basket_{days}"] = found["household"].map(lately["value"].sum())
    found["visit_recency"] = found["household"].map((cut - past.groupby("household")["day"].max()).dt.days)
    counts = [c for c in map(str, found) if c.split("_")[0] in ("trips", "spend", "visits", "basket")]
    found[counts] = found[counts].fillna(0.0)
    week = sales[(sales["day"] >= cut) & (sales["day"] < cut + pd.Timedelta(days=7))]
    bought = week[week["category"].isin(top)][keys].drop_duplicates().assign(label=1)
    found = found.merge(bought, on=keys, how="left").fillna({"label": 0})
    found[LABEL], found[TIME] = found[LABEL].astype(int), cut
    return found.drop(columns="household")


def _campaign(sales: pd.DataFrame, tables: dict[str, pd.DataFrame], cases: pd.DataFrame) -> pd.DataFrame:
    """The households that one campaign reaches, as seen on its first day."""
    cut, campaign = cases["start_date"].iloc[0], cases["campaign_id"].iloc[0]
    past = sales[(sales["day"] < cut) & sales["household"].isin(cases["household_id"])]
    coupons = tables["coupons"][tables["coupons"]["campaign_id"] == campaign]
    found = _rhythm(past, "household", cut)
    offered = past[past["product"].isin(coupons["product_id"])].groupby("household")
    whole = past.groupby("household")
    found["offered_trips"], found["offered_spend"] = offered["basket"].nunique(), offered["value"].sum()
    found["offered_share"] = offered["value"].sum() / whole["value"].sum()
    found["offered_recency"] = (cut - offered["day"].max()).dt.days
    found["coupon_lines"] = past[past["coupon"] > 0].groupby("household").size()
    for days in (30, 90):
        recent = past[past["day"] >= cut - pd.Timedelta(days=days)].groupby("household")
        found[f"trips_{days}"], found[f"spend_{days}"] = recent["basket"].nunique(), recent["value"].sum()
    before = tables["coupon_redemptions"][tables["coupon_redemptions"]["redemption_date"] < cut]
    found["redeemed_before"] = before.groupby("household_id").size()
    begun = tables["campaigns"].merge(tables["campaign_descriptions"], on="campaign_id")
    reached = begun[begun["start_date"] < cut].groupby("household_id").size()
    found["campaigns_before"] = reached
    counts = [c for c in map(str, found) if c not in ("gap", "gap_spread", "last_gap", "overdue", "offered_recency")]
    found[counts] = found[counts].fillna(0.0)
    found = cases.merge(found, left_on="household_id", right_index=True, how="inner")
    found["coupons"], found["offered_products"] = coupons["coupon_upc"].nunique(), coupons["product_id"].nunique()
    found = found.rename(columns={"start_date": TIME}).replace([np.inf, -np.inf], np.nan)
    found[LABEL] = found[LABEL].astype(int)
    return found.drop(columns=["household_id", "campaign_id", "end_date"])
