"""The gold tables that the job `behave` writes: visits, the funnel, and features of customers."""

from onecart.contracts.base.columns import AS_OF, CUSTOMER_ID
from onecart.contracts.base.features import FEATURES
from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

BEHAVIOUR = (
    Table(
        "gold.sessions",
        "one visit of one visitor",
        "behave",
        (
            C("session_id", "string", "visit", nullable=False),
            C("visitor_id", "string", "customer_id, else the record, else the session itself", nullable=False),
            C("customer_id", "string", "customer, where known"),
            C("channel", "string", "as shop.channels names it", nullable=False),
            C("started_ts", "timestamp", "first event, UTC", nullable=False),
            C("ended_ts", "timestamp", "last event, UTC", nullable=False),
            C("duration_s", "long", "first to last event: dwell time, s", nullable=False),
            C("events", "long", "events; receipts in a store", nullable=False),
            C("product_views", "long", "product views", nullable=False),
            C("searches", "long", "searches", nullable=False),
            C("cart_adds", "long", "adds to cart", nullable=False),
            C("checkouts", "long", "checkouts begun", nullable=False),
            C("purchased", "boolean", "ended in an order", nullable=False),
            C("bounced", "boolean", "one event only and no order", nullable=False),
            C("device_type", "string", "desktop | mobile | tablet, the first named"),
            C("campaign", "string", "campaign that brought the visit, the first named"),
            # May be null, so that a lake made before they were here gets them.
            C("landing", "string", "type of the first event; null in a store"),
            C("clicks", "long", "events after the first, each the answer to a click"),
            C("page_views", "long", "pages that are no product, search, cart or checkout"),
            C("pages", "long", "browse depth: distinct pages (kind of event, product, search words)"),
            C("products", "long", "browse depth: distinct products viewed; bought in a store"),
            C("product_dwell_s", "double", "time from product views to the next event, s; null: not known of any"),
            C("dwell_per_view_s", "double", "the same per product view that has a next event, s"),
        ),
        key=("session_id",),
        cluster_by=("started_ts",),
    ),
    Table(
        "gold.funnel",
        "one day, channel, device and campaign",
        "behave",
        (
            C("day", "date", "day the visit began, in the shop's time zone", nullable=False),
            C("channel", "string", "as shop.channels names it", nullable=False),
            C("visits", "long", "visits; in a store those that bought", nullable=False),
            C("product_visits", "long", "visits that saw a product or went further", nullable=False),
            C("cart_visits", "long", "visits that added to the cart or went further", nullable=False),
            C("checkout_visits", "long", "visits that began a checkout or went further", nullable=False),
            C("purchase_visits", "long", "visits that bought", nullable=False),
            # May be null, so that a lake made before they were here gets them.
            C("device_type", "string", "desktop | mobile | tablet; null: not known"),
            C("campaign", "string", "campaign that brought the visits; null: none"),
            C("footfall", "long", "people counted at the store's doors; null: nobody counts, or not a store"),
            C("visitors", "long", "distinct visitors of the row; do not add rows up"),
            C("buyers", "long", "distinct visitors of the row that bought; do not add rows up"),
            C("product_rate", "double", "product_visits / visits; 1 - a step's rate is its drop-off"),
            C("cart_rate", "double", "cart_visits / product_visits; null: none of these, as the rates below"),
            C("checkout_rate", "double", "checkout_visits / cart_visits"),
            C("purchase_rate", "double", "purchase_visits / checkout_visits"),
            C("conversion_rate", "double", "per session: purchase_visits / visits; in a store / footfall"),
            C("visitor_conversion_rate", "double", "per visitor: buyers / visitors; in a store / footfall"),
        ),
        key=("day", "channel", "device_type", "campaign"),
    ),
    Table(
        "gold.customer_features",
        "one customer as seen on one day; the columns are declared in contracts/base/features.py",
        "behave",
        # Features may be null, so that a lake made before one of them was declared gets it.
        (CUSTOMER_ID, AS_OF, *[C(f.name, "double", f.comment) for f in FEATURES]),
        key=("customer_id", "as_of"),
        purposes=("profiling",),
        cluster_by=("as_of",),
    ),
)
