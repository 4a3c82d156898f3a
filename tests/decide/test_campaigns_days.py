"""Campaigns side by side on several days: they share the stock, a customer's patience and the control group."""

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.job
FIRST = date(2011, 6, 1)
STOCK, WEEKLY = 4, 1
MUG = {"mug": {"cost": 0.2, "lift": 0.3, "sku": "MUG"}}
COMMON = {"family": "summer", "control_share": 0.3, "margin_share": 0.5, "channels": ["email"]}
CAMPAIGNS = {
    "letters": {**COMMON, "budget": 2.0, "offers": {"letter": {"cost": 0.5, "lift": 0.2}, **MUG}},
    "mugs": {**COMMON, "budget": 2.0, "offers": MUG},
}
NONE = dict.fromkeys(("records", "units", "visits", "tickets", "reviews"), 0)


@pytest.fixture
def shop(lake: Any, fill: Callable[..., None], rows_of: Callable[..., Any]) -> Any:
    """Fourteen customers who agreed to everything, and buy for more and more."""
    names = [f"c{n:02}" for n in range(14)]
    days = [FIRST + timedelta(days=n) for n in range(3)]
    profile = [
        {"customer_id": c, "email": f"{c}@x.org", "country": "United Kingdom", "currency": "GBP", "average_basket": 50 + 10 * n,
         "preferred_hour": (9 * n) % 24, **NONE, "orders": 1, "as_of": FIRST}
        for n, c in enumerate(names)
    ]  # fmt: skip
    fill("gold.customer_profile", rows_of("gold.customer_profile", *profile))
    words = [
        {"customer_id": c, "purpose": purpose, "channel": channel, "granted": True}
        for c in names
        for purpose, channel in (("marketing", "email"), ("profiling", "any"))
    ]
    fill("gold.customer_consent", rows_of("gold.customer_consent", *words))
    scores = [{"customer_id": c, "as_of": day, "probability": 0.5, "decile": 5} for c in names for day in days]
    fill("gold.intent_scores", rows_of("gold.intent_scores", *scores))
    counted = {"sku": "MUG", "stock_on_hand": STOCK, "updated_ts": datetime(2011, 5, 31)}
    fill("silver.products", rows_of("silver.products", counted))
    return lake


def rows(lake: Any, name: str) -> list[dict[str, Any]]:
    columns = [c for c in lake.read(name).columns if c != "run_id"]
    found = [row.asDict() for row in lake.read(name).select(*columns).collect()]
    return sorted(found, key=lambda row: (row["as_of"], row.get("subject") or row["campaign"], row["customer_id"]))


def test_stock_pressure_budget_quiet_hours_and_control_groups_hold_over_campaigns_and_days(
    shop: Any, context: Callable[..., Any], whole: bool
) -> None:
    from onecart.decide.campaigns.write import write_campaigns
    from onecart.decide.decision_log import record
    from onecart.decide.why import text, to_dict

    def decide(day: date) -> Any:
        ctx = context(as_of=day, decide={"campaigns": CAMPAIGNS, "contacts": {"max_per_week": WEEKLY}})
        record(ctx, [write_campaigns(ctx).decisions])
        return ctx.settings

    days = [FIRST + timedelta(days=n) for n in range(3 if whole else 1)]
    for day in days:
        settings = decide(day)
    log, audience = rows(shop, "gold.decision_log"), rows(shop, "gold.campaign_audience")
    check_limits(log, audience)
    assert len(log) == len(days) * 2 * 14
    assert sum(row["action"] == "mug" for row in log if row["decision"] == "treated") == STOCK  # all there are

    mugs = {row["reason"]: row["customer_id"] for row in log if row["subject"] == "mugs"}
    tired = next(reason for reason in mugs if "contacted" in reason)
    assert tired.endswith("as contacts.max_per_week allows (by letters)")
    late = next(reason for reason in mugs if ("no stock is left" if whole else "the stock go to") in reason)
    for reason in (tired, late):
        said = text(to_dict(shop, settings, mugs[reason], "mugs"))
        assert f"not contacted, because the customer {reason}" in said

    if whole:
        decide(days[-1])
        assert rows(shop, "gold.campaign_audience") == audience
        assert rows(shop, "gold.decision_log") == log
        decide(days[0])  # with what came later in the log
        check_limits(rows(shop, "gold.decision_log"), rows(shop, "gold.campaign_audience"))


def check_limits(log: list[dict[str, Any]], audience: list[dict[str, Any]]) -> None:
    """The sums of the log keep stock, pressure, budgets and quiet hours; nobody is in both arms."""
    treated = [row for row in log if row["decision"] == "treated"]
    drawn = [row for row in log if row["decision"] in ("treated", "control")]
    assert Counter(row["action"] for row in treated)["mug"] <= STOCK
    assert max(Counter(row["customer_id"] for row in drawn).values()) == WEEKLY  # of both arms: they are alike
    spent: Counter[tuple[str, date]] = Counter()
    for row in audience:
        if row["arm"] == "treated":
            spent[row["campaign"], row["as_of"]] += row["cost"]
    assert spent
    assert all(sum_ <= CAMPAIGNS[name]["budget"] for (name, _), sum_ in spent.items())
    for row in treated:
        clock = row["send_ts"].replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo("Europe/London"))
        assert 8 <= clock.hour < 20
    arms = {arm: {row["customer_id"] for row in drawn if row["decision"] == arm} for arm in ("treated", "control")}
    assert len(arms["control"]) >= 2
    assert not arms["treated"] & arms["control"]  # whatever the campaign and the day
