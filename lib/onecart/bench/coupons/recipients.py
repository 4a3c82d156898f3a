"""The recipients of one coupon campaign, as they were known on the day before it began."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

LABEL, PEER = "redeemed", "peer"
_DAYS = (14, 30, 90)
_DEMOGRAPHICS = ("age", "income", "household_size", "kids_count")
_TABLES = ("campaigns", "campaign_descriptions", "coupons", "coupon_redemptions", "demographics")
_SALES = ("household_id", "basket_id", "product_id", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
_PROMOTIONS = ("product_id", "store_id", "week", "display_location", "mailer_location")


def journey() -> dict[str, pd.DataFrame]:
    """The Complete Journey's tables by name: transactions, one row per basket line, with day, department, brand, and whether the
    product stood on a display or in the mailer of that store and week; and campaigns, coupons, redemptions, demographics."""
    from onecart.samples.datasets.fetch import fetch

    paths = {path.stem: path for path in fetch("complete-journey")}
    sales = pd.read_parquet(paths["transactions"], columns=[*_SALES, "store_id", "week", "transaction_timestamp"])
    sales["day"] = sales.pop("transaction_timestamp").dt.normalize()
    products = pd.read_parquet(paths["products"], columns=["product_id", "department", "brand"])
    sales = sales.merge(products, on="product_id", how="left")
    promoted = pd.read_parquet(paths["promotions"], columns=[*_PROMOTIONS])
    promoted["display"], promoted["mailer"] = (promoted.pop(f"{c}_location") != "0" for c in ("display", "mailer"))
    sales = sales.merge(promoted, on=[*_PROMOTIONS[:3]], how="left").drop(columns=["store_id", "week"])
    for place in ("display", "mailer"):
        sales[place] = sales[place].eq(other=True)
    return {"transactions": sales, **{name: pd.read_parquet(paths[name]) for name in _TABLES}}


def recipients(tables: Mapping[str, pd.DataFrame], campaign: int) -> pd.DataFrame:
    """One row per household that the campaign reaches, by its id: what was known on the day before its start, LABEL (redeemed one
    of its coupons; what is to be foretold), PEER (earlier redemptions, ties by lines bought with a coupon).

    tables: of `journey`. Of campaigns that began earlier only redemptions before the start are known.
    """
    about: Any = tables["campaign_descriptions"].set_index("campaign_id")
    start = about.loc[campaign, "start_date"]
    sent = tables["campaigns"]
    households = pd.Index(sorted(sent.loc[sent["campaign_id"] == campaign, "household_id"]), name="household_id")
    redemptions = tables["coupon_redemptions"]
    offered = tables["coupons"][tables["coupons"]["campaign_id"] == campaign]
    sales = tables["transactions"]
    past = sales[(sales["day"] < start) & sales["household_id"].isin(households)]
    parts = [
        _purchases(past, start),
        _offered(past, start, set(offered["product_id"])),
        _responses(tables, redemptions[redemptions["redemption_date"] < start], campaign, start),
        tables["demographics"].set_index("household_id")[[*_DEMOGRAPHICS]].apply(_codes),
    ]
    rows: pd.DataFrame = pd.concat([part.reindex(households) for part in parts], axis=1)
    counts = [c for c in rows.columns if c not in _DEMOGRAPHICS and not c.endswith(("_recency", "_share", "_rate"))]
    rows[counts] = rows[counts].fillna(0.0)
    rows["known"] = rows["age"].notna().astype(float)
    for kind in ("A", "B", "C"):
        rows[f"type_{kind}"] = float(about.loc[campaign, "campaign_type"] == f"Type {kind}")
    rows["reached"], rows["coupons"] = float(len(households)), float(offered["coupon_upc"].nunique())
    rows[PEER] = rows["redemptions"] + rows["coupon_lines"] / (1 + rows["coupon_lines"].max())
    mine = redemptions.loc[redemptions["campaign_id"] == campaign, "household_id"]
    rows[LABEL] = households.isin(mine).astype(float)
    return rows


def _purchases(past: pd.DataFrame, start: pd.Timestamp) -> pd.DataFrame:
    """Recency, frequency, money, discounts, coupons, displays and mailers, per household."""
    lines = past.assign(
        coupon_lines=(past["coupon_disc"] > 0).astype(float),
        matched=(past["coupon_match_disc"] > 0).astype(float),
        national=(past["brand"] == "National") * past["sales_value"],
    )
    whole = lines.groupby("household_id")
    rows = pd.DataFrame({"last_recency": (start - whole["day"].max()).dt.days, "baskets": whole["basket_id"].nunique()})
    rows["spend"], rows["departments"] = whole["sales_value"].sum(), whole["department"].nunique()
    rows["coupon_lines"], rows["coupon_value"] = whole["coupon_lines"].sum(), whole["coupon_disc"].sum()
    rows["matched_lines"] = whole["matched"].sum()
    with_coupon = lines[lines["coupon_lines"] > 0].groupby("household_id")
    rows["coupon_recency"] = (start - with_coupon["day"].max()).dt.days
    rows["coupon_baskets_share"] = (with_coupon["basket_id"].nunique() / rows["baskets"]).fillna(0.0)
    rows["discount_share"] = whole["retail_disc"].sum() / (rows["spend"] + whole["retail_disc"].sum())
    rows["national_share"] = whole["national"].sum() / rows["spend"]
    rows["display_share"], rows["mailer_share"] = whole["display"].mean(), whole["mailer"].mean()
    for days in _DAYS:
        lately = lines[lines["day"] >= start - pd.Timedelta(days=days)].groupby("household_id")
        rows[f"baskets_{days}"], rows[f"spend_{days}"] = lately["basket_id"].nunique(), lately["sales_value"].sum()
        rows[f"coupon_lines_{days}"] = lately["coupon_lines"].sum()
    return rows.replace([np.inf, -np.inf], np.nan)


def _offered(past: pd.DataFrame, start: pd.Timestamp, products: set[int]) -> pd.DataFrame:
    """What each household has bought of the products that the campaign's coupons are for."""
    mine = past[past["product_id"].isin(products)]
    whole, own = past.groupby("household_id")["sales_value"].sum(), mine.groupby("household_id")
    rows = pd.DataFrame({"offered_spend": own["sales_value"].sum(), "offered_baskets": own["basket_id"].nunique()})
    rows["offered_products"], rows["offered_recency"] = (
        own["product_id"].nunique(),
        (start - own["day"].max()).dt.days,
    )
    rows["offered_spend_share"] = rows["offered_spend"] / whole
    lately = mine[mine["day"] >= start - pd.Timedelta(days=90)].groupby("household_id")
    rows["offered_baskets_90"] = lately["basket_id"].nunique()
    return rows


def _responses(
    tables: Mapping[str, pd.DataFrame], known: pd.DataFrame, campaign: int, start: pd.Timestamp
) -> pd.DataFrame:
    """How each household answered campaigns that began before `start`. known: the redemptions before it."""
    about = tables["campaign_descriptions"]
    earlier = about[(about["start_date"] < start) & (about["campaign_id"] != campaign)]
    sent = tables["campaigns"].merge(earlier, on="campaign_id")
    answered = known.groupby(["household_id", "campaign_id"]).size().rename("answers").reset_index()
    sent = sent.merge(answered, on=["household_id", "campaign_id"], how="left").fillna({"answers": 0.0})
    kind = about.set_index("campaign_id").loc[campaign, "campaign_type"]
    sent["hit"], sent["alike"] = (sent["answers"] > 0).astype(float), (sent["campaign_type"] == kind).astype(float)
    by, own = sent.groupby("household_id"), known.groupby("household_id")
    rows = pd.DataFrame({"campaigns": by.size(), "campaigns_redeemed": by["hit"].sum()})
    rows["alike_redeemed"] = (sent["hit"] * sent["alike"]).groupby(sent["household_id"]).sum()
    rows["campaign_rate"] = rows["campaigns_redeemed"] / rows["campaigns"]
    redeemed = pd.DataFrame({"redemptions": own.size(), "redeem_days": own["redemption_date"].nunique()})
    redeemed["redeem_recency"] = (start - own["redemption_date"].max()).dt.days
    for days in (30, 90):
        lately = known[known["redemption_date"] >= start - pd.Timedelta(days=days)]
        redeemed[f"redemptions_{days}"] = lately.groupby("household_id").size()
    upcs = set(tables["coupons"].loc[tables["coupons"]["campaign_id"] == campaign, "coupon_upc"])
    redeemed["same_coupons"] = known[known["coupon_upc"].isin(upcs)].groupby("household_id").size()
    return rows.join(redeemed, how="outer")


def _codes(values: pd.Series) -> Any:
    """Ranges such as '25-34' by the first number in them; null: not known."""
    return values.astype("string").str.extract(r"(\d+)", expand=False).astype(float)
