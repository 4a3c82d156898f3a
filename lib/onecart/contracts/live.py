"""The gold tables that the job `live` writes: visits under way, and how likely each is to end in a purchase."""

from onecart.contracts.base.columns import MODEL_VERSION
from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

_SESSION = C("session_id", "string", "visit, as in gold.sessions", nullable=False)
_VISITOR = C("visitor_id", "string", "customer_id, else the record, else the session itself", nullable=False)
_CUSTOMER = C("customer_id", "string", "customer, where known")
_CHANNEL = C("channel", "string", "an online one of shop.channels", nullable=False)
_STARTED = C("started_ts", "timestamp", "first event, UTC", nullable=False)
_ENDED = C("ended_ts", "timestamp", "last event so far, UTC", nullable=False)

LIVE = (
    Table(
        "gold.live_visits",
        "one visit that may go on, as far as it was seen",
        "live",
        (
            _SESSION,
            _VISITOR,
            _CHANNEL,
            C("session_key", "string", "the channel's own session id"),
            _CUSTOMER,
            C("first_event", "string", "event_id of the first event", nullable=False),
            C("landing", "string", "type of the first event"),
            C("last_type", "string", "type of the last event"),
            _STARTED,
            _ENDED,
            C("events", "long", "events", nullable=False),
            C("page_views", "long", "pages that are no product, search, cart or checkout", nullable=False),
            C("product_views", "long", "product views", nullable=False),
            C("searches", "long", "searches", nullable=False),
            C("cart_adds", "long", "adds to cart", nullable=False),
            C("checkouts", "long", "checkouts begun", nullable=False),
            C("timed_views", "long", "product views that have a next event", nullable=False),
            C("page_set", "longs", "hashes of the distinct pages"),
            C("product_set", "longs", "hashes of the distinct products viewed"),
            C("product_dwell_s", "double", "time from product views to the next event, s; null: not known of any"),
            C("purchased", "boolean", "has bought", nullable=False),
            C("device_type", "string", "desktop | mobile | tablet, the first named"),
            C("campaign", "string", "campaign that brought the visit, the first named"),
            C("stream", "string", "the stream that counted the events: the id of its checkpoint", nullable=False),
            C("batch", "long", "its last batch that is counted", nullable=False),
        ),
        key=("session_id",),
    ),
    Table(
        "gold.live_scores",
        "one online visit, scored when its last event came in",
        "live",
        (
            _SESSION,
            _VISITOR,
            _CUSTOMER,
            _CHANNEL,
            _STARTED,
            _ENDED,
            C("purchased", "boolean", "has bought", nullable=False),
            C("probability", "double", "calibrated probability to buy later in the visit; null: it has bought"),
            C("reasons", "strings", "what raised or lowered it most, as sentences, the strongest first"),
            MODEL_VERSION,
        ),
        key=("session_id",),
        purposes=("profiling",),
        checks={"probability_range": "probability IS NULL OR probability BETWEEN 0 AND 1"},
        cluster_by=("ended_ts",),
    ),
)
