"""The gold tables of conformed facts: silver's rows with their customer, and events with their visit."""

from collections.abc import Iterator

from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table
from onecart.contracts.quality import SILVER

_CUSTOMER = C("customer_id", "string", "whose it is by gold.identity_links and gold.identity_stitches; null: nobody's")


def _of(table: str, *names: str) -> Iterator[C]:
    columns = {c.name: c for t in SILVER if t.name == table for c in t.columns}
    return (columns[name] for name in names)


FACTS = (
    Table(
        "gold.customer_events",
        "one event of silver.interactions, with its customer and its visit",
        "unify",
        (
            *_of("silver.interactions", "event_id", "event_ts", "received_ts", "channel", "event_type", "record_id"),
            _CUSTOMER,
            C("session_id", "string", "visit, as in gold.sessions; null: of no online channel, or a machine's"),
            *_of("silver.interactions", "session_key", "sku", "quantity", "unit", "unit_price", "currency", "query"),
            *_of("silver.interactions", "order_id", "campaign", "device_type", "origin"),
        ),
        key=("event_id",),
        cluster_by=("event_ts",),
    ),
    Table(
        "gold.customer_orders",
        "one order line of silver.orders, with its customer",
        "unify",
        (
            *_of("silver.orders", "order_line_id", "order_id", "order_ts", "received_ts", "channel", "record_id"),
            _CUSTOMER,
            *_of("silver.orders", "sku", "quantity", "unit", "unit_price", "amount", "currency", "country"),
            *_of("silver.orders", "is_return", "origin"),
        ),
        key=("order_line_id",),
        cluster_by=("order_ts",),
    ),
)
