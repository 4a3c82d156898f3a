"""A shop that has one feed only: each job does what it can, or says what is missing, and the chain goes on."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from onecart.dag import DAG
from onecart.jobs import run_job

pytestmark = pytest.mark.job
DAY = datetime(2011, 11, 30, 12)
WHO = {"record_id": "account:a", "account_id": "a"}
LINE = {"order_id": "o", "order_ts": DAY, "channel": "kiosk", "sku": "85123A", "quantity": Decimal("0.5")}
LINE |= {"unit_price": Decimal(4), "amount": Decimal(2), "currency": "EUR", "is_return": False}
FEEDS = {
    "contacts": [{"record_id": "crm:1", "source": "crm", "email": "a@x.org", "updated_ts": DAY}],
    "orders": [
        {**LINE, **WHO, "order_line_id": str(d), "order_id": str(d), "order_ts": DAY - timedelta(days=7 * d)}
        for d in range(6)
    ],
    "interactions": [
        {"event_id": kind, "event_ts": DAY, "channel": "web", "event_type": kind, "sku": "85123A", **WHO}
        for kind in ("product_view", "purchase")
    ],
    "reviews": [{"review_id": "r", "review_ts": DAY, "sku": "85123A", "text": "It broke at once.", **WHO}],
    "products": [{"sku": "85123A", "description": "a mug", "updated_ts": DAY}],
}
IDLE = {  # jobs that have nothing to do with that feed alone, and a word of what they say
    "contacts": {
        **{"behave": "no rows", "intent": "gold.customer_features has no rows", "recommend": "no rows"},
        **{"forecast": "no feed goes into silver.orders", "measure": "no rows"},
    },
    "orders": {"intent": "two dates"},
    "interactions": {"intent": "two dates", "forecast": "no feed goes into silver.orders"},
    "reviews": {
        **{"behave": "no rows", "intent": "no rows", "recommend": "no rows"},
        **{"forecast": "no feed goes into silver.orders", "measure": "no rows"},
    },
    "products": {
        **{"unify": "no feed goes into silver.contacts or", "behave": "no rows", "intent": "no rows"},
        **{"recommend": "no rows", "forecast": "no feed", "decide": "no rows", "measure": "no rows"},
    },
}


@pytest.mark.heavy
@pytest.mark.parametrize("feed", list(FEEDS))
def test_one_feed_alone_comes_to_a_report(context, fill, lake, spark, rows_of, feed):
    source = {"path": "x", "format": "json", "into": f"silver.{feed}", "schema": "x STRING", "columns": {}}
    ctx = context(channels={"mine": source}, as_of=None)
    settings = ctx.settings.model_copy(update={"channels": {"mine": ctx.settings.channels["mine"]}})
    fill(f"silver.{feed}", rows_of(f"silver.{feed}", *FEEDS[feed]))
    settled, idle = {}, {}
    for job in DAG[2:]:  # after clean
        row = run_job(job, settings, spark, settled)
        if row["headline"].startswith("nothing to do: "):
            idle[job.name] = row["headline"]
    assert idle.keys() == IDLE[feed].keys(), idle
    for job, words in IDLE[feed].items():
        assert words in idle[job]
    assert settled["as_of"].isoformat() == "2011-12-01"
    assert "nothing to do" in Path(lake.root, "report.html").read_text("utf-8")
