"""The job `behave` on a lake."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.job


def test_behave_writes_visits_funnel_and_features_of_known_customers(
    lake: Any, fill: Callable[..., None], context: Callable[..., Any], caplog: Any
) -> None:
    from onecart.behaviour.job import run
    from onecart.facts import write_facts

    link = {"probability": 1.0, "rule": "alone"}
    pairs = (("account:1", "c1"), ("cookie:9", "c9"))
    fill("gold.identity_links", [{"record_id": r, "customer_id": c, **link} for r, c in pairs])
    zeros = dict.fromkeys(("records", "orders", "units", "visits", "tickets", "reviews"), 0)
    consents = {f"consent_{n}": True for n in ("email", "sms", "profiling")}
    fill(
        "gold.customer_profile",
        [{"customer_id": "c1", "as_of": date(2011, 6, 1), "revenue": Decimal(0), **zeros, **consents}],
    )
    event = {"event_ts": datetime(2011, 5, 30, 10), "channel": "web"}
    fill(
        "silver.interactions",
        [
            {"event_id": "e1", "event_type": "product_view", "record_id": "account:1", **event},
            {"event_id": "e2", "event_type": "purchase", "record_id": "account:1", **event},
            {"event_id": "e3", "event_type": "page_view", "record_id": "cookie:9", **event},
        ],
    )
    price = {
        "quantity": 1,
        "unit_price": Decimal(5),
        "amount": Decimal(5),
        "currency": "GBP",
        "is_return": False,
        "sku": "s",
    }
    line = {"order_ts": datetime(2011, 5, 30, 10), "channel": "web", "record_id": "account:1", **price}
    fill("silver.orders", [{"order_line_id": "l1", "order_id": "o1", **line}])

    ctx = context(
        as_of=date(2011, 6, 1), intent={"cutoffs": 2, "horizon_days": 1}, shop={"channels": {"till": "store"}}
    )
    write_facts(ctx)
    result = run(ctx)
    assert "the channel 'web' is not listed in shop.channels and is taken for online" in caplog.text

    assert (result.rows_in, result.rows_out) == (4, 2)
    assert result.headline == "2 visits, 50.0% of 2 online visits bought"
    assert lake.read("gold.sessions").where("purchased").select("visitor_id").collect() == [("c1",)]
    assert [r.purchase_visits for r in lake.read("gold.funnel").collect()] == [1]
    rows = lake.read("gold.customer_features").orderBy("as_of").select("customer_id", "as_of", "orders_7d").collect()
    assert rows == [("c1", date(2011, 5, 31), 1.0), ("c1", date(2011, 6, 1), 1.0)]


def test_features_are_made_again_from_the_versions_a_run_read(
    lake: Any, spark: Any, fill: Callable[..., None], context: Callable[..., Any]
) -> None:
    from onecart.behaviour import features_at
    from onecart.behaviour.job import INPUTS, run
    from onecart.errors import UsageError
    from onecart.facts import ORDERS, write_facts

    days = [date(2011, 5, 31), date(2011, 6, 1)]
    link = {"probability": 1.0, "rule": "alone"}
    fill("gold.identity_links", [{"record_id": "account:1", "customer_id": "c1", **link}])
    event = {"channel": "web", "record_id": "account:1", "event_type": "page_view"}
    events = [{"event_id": f"e{h}", "event_ts": datetime(2011, 5, 30, h), **event} for h in (9, 15)]
    fill("silver.interactions", events)
    line = {"order_ts": datetime(2011, 5, 30, 10), "channel": "web", "record_id": "account:1", "order_id": "o1"}
    line |= {"quantity": 1, "currency": "GBP", "is_return": False, "sku": "s"}
    prices = [{"unit_price": Decimal(p), "amount": Decimal(p)} for p in (5, 4)]
    fill("silver.orders", [{"order_line_id": "l1", **line, **prices[0]}])
    ctx = context(as_of=days[1], intent={"cutoffs": 2, "horizon_days": 1})
    write_facts(ctx)
    run(ctx)
    then = {name: version for name, version in lake.reads.items() if name in INPUTS}
    before = lake.read("gold.customer_features").where("as_of >= '2011-05-31'").orderBy("as_of").collect()
    assert len(before) == 2

    late = {**event, "event_id": "e12", "event_ts": datetime(2011, 5, 30, 12), "received_ts": datetime(2011, 6, 1, 1)}
    fill("silver.interactions", [*events, late])  # a late event
    fill("silver.orders", [{"order_line_id": "l1", **line, **prices[1]}])  # a correction that says no time of its own
    write_facts(ctx)
    again = features_at(lake, days, then, ctx.settings.behaviour, ctx.settings.shop)
    assert again.orderBy("as_of").collect() == before

    now = features_at(lake, days, {name: lake.version(name) for name in then}).select("visits_7d", "revenue_7d")
    assert [tuple(r) for r in now.collect()] == [(2, 4), (2, 4)]  # the late event is of 1 June; the price is not
    with pytest.raises(UsageError, match=r"features need the table gold.customer_events"):
        features_at(lake, days, {ORDERS: 0})
