"""The gold tables about one customer that the job `unify` writes: profile, provenance, interests, consent, history."""

from onecart.contracts.base.columns import AS_OF, CUSTOMER_ID
from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

_ATTRIBUTES = (
    C("given_name", "string", "by the rules of profile.survivorship, as all to date_of_birth", pii=True),
    C("surname", "string", "surname", pii=True),
    C("email", "string", "e-mail address", pii=True),
    C("phone", "string", "E.164", pii=True),
    C("street", "string", "street and house", pii=True),
    C("city", "string", "city", pii=True),
    C("postcode", "string", "postcode", pii=True),
    C("country", "string", "of a contact or an order"),
    C("date_of_birth", "date", "birth date", pii=True),
)
_RFM = C("rfm", "string", "rfm_r, rfm_f and rfm_m as one word, as in 545; null: never bought", derived=True)
_PREFERRED_CHANNEL = C("preferred_channel", "string", "channel with most orders, else most events", derived=True)
_CHANNELS = C("channels", "strings", "channels the customer was seen in")
_TOP_CATEGORIES = C("top_categories", "strings", "up to three categories by spend", derived=True)


def _consents(*, nullable: bool) -> tuple[C, ...]:
    return (
        C("consent_email", "boolean", "newest word on e-mail", nullable=nullable),
        C("consent_sms", "boolean", "newest word on text messages", nullable=nullable),
        C("consent_profiling", "boolean", "newest word on profiling", nullable=nullable),
    )


PROFILE = (
    Table(
        "gold.customer_profile",
        "one customer: the single view",
        "unify",
        (
            CUSTOMER_ID,
            *_ATTRIBUTES,
            C("records", "int", "records linked", nullable=False),
            _CHANNELS,
            C("first_seen_ts", "timestamp", "first event or order, UTC"),
            C("last_seen_ts", "timestamp", "last event or order, UTC"),
            C("orders", "long", "orders, returns not counted", nullable=False),
            C("units", "double", "quantities bought less those returned, pieces and kilograms alike", nullable=False),
            C("revenue", "money", "sum of order lines, returns taken off, in `currency`", nullable=False),
            C("currency", "string", "ISO 4217"),
            C("recency_days", "int", "days from the last order to as_of; null: never bought"),
            C("average_basket", "money", "revenue / orders, in `currency`"),
            C("rfm_r", "int", "fifth of the buyers by recency, 5 bought last; null: never bought", derived=True),
            C("rfm_f", "int", "fifth of the buyers by orders, 5 buys most often; null: never bought", derived=True),
            C(
                "rfm_m",
                "int",
                "fifth of the currency's buyers by revenue, 5 spends most; null: never bought",
                derived=True,
            ),
            _RFM,
            C(
                "p_alive",
                "double",
                "probability of still being a customer, 1 before a second order; null: never bought, or too few buyers",
                derived=True,
            ),
            C(
                "expected_orders_90d",
                "double",
                "days with an order expected in the 90 days from as_of; null as p_alive",
                derived=True,
            ),
            C(
                "lifetime_value_12m",
                "money",
                "revenue expected in the 12 months from as_of, discounted, in `currency`; null as p_alive",
                derived=True,
            ),
            C("visits", "long", "online visits, as in gold.sessions", nullable=False),
            _PREFERRED_CHANNEL,
            C(
                "preferred_hour",
                "int",
                "hour of day with most activity, 0 to 23, in the shop's time zone",
                derived=True,
            ),
            _TOP_CATEGORIES,
            C("tickets", "long", "support tickets", nullable=False),
            C("reviews", "long", "reviews written", nullable=False),
            *_consents(nullable=False),
            AS_OF,
        ),
        key=("customer_id",),
        checks={"p_alive_range": "p_alive IS NULL OR p_alive BETWEEN 0 AND 1"},
    ),
    Table(
        "gold.profile_provenance",
        "one attribute of one customer's profile and the record it was taken from; no values",
        "unify",
        (
            CUSTOMER_ID,
            C("attribute", "string", "column of gold.customer_profile", nullable=False),
            C("record_id", "string", "record the value is of", nullable=False),
            C("source", "string", "the record's source; order: the country of a delivery", nullable=False),
            C(
                "rule",
                "string",
                "what decided: trusted | recent | frequent | longest | only (no other value) | record_id (a tie)",
                nullable=False,
            ),
            C("updated_ts", "timestamp", "when the record last changed, UTC", nullable=False),
            C("candidates", "int", "distinct other values it won against", nullable=False),
        ),
        key=("customer_id", "attribute"),
    ),
    Table(
        "gold.customer_affinity",
        "one interest of one customer who agreed to profiling",
        "unify",
        (
            CUSTOMER_ID,
            C("dimension", "string", "category | brand", nullable=False),
            C("value", "string", "the category or brand", nullable=False),
            C("score", "double", "share of the customer's decayed attention; sums to 1 a dimension", nullable=False),
            AS_OF,
        ),
        key=("customer_id", "dimension", "value"),
        purposes=("profiling",),
        checks={"score_range": "score BETWEEN 0 AND 1"},
    ),
    Table(
        "gold.customer_consent",
        "one customer, purpose and channel",
        "unify",
        (
            CUSTOMER_ID,
            C("purpose", "string", "marketing | profiling | matching", nullable=False),
            C("channel", "string", "email | sms | push | app | social | store_coupon | any", nullable=False),
            C("granted", "boolean", "the newest word; nobody said: no, but yes for matching", nullable=False),
            C("record_id", "string", "whose word it is; null: nobody ever said"),
            C("source", "string", "the record's source"),
            C("updated_ts", "timestamp", "when it was said, UTC"),
        ),
        key=("customer_id", "purpose", "channel"),
    ),
    Table(
        "gold.customer_profile_history",
        "one customer's profile from one day to another (SCD2); intervals of a customer never overlap",
        "unify",
        (
            CUSTOMER_ID,
            C("valid_from", "date", "as_of of the run that first saw it so", nullable=False),
            C("valid_to", "date", "as_of of the run that saw it no longer so, not included; null: still so"),
            C("is_current", "boolean", "valid_to is null", nullable=False),
            C("change", "string", "how it began: new | changed; or how it ended: merged | gone", nullable=False),
            C("into_customer_id", "string", "merged: the customer whose records these are now"),
            C("hash", "string", "SHA-256 of the columns below", nullable=False),
            *_ATTRIBUTES,
            _CHANNELS,
            _PREFERRED_CHANNEL,
            _TOP_CATEGORIES,
            _RFM,
            *_consents(nullable=True),
        ),
        key=("customer_id", "valid_from"),
        checks={
            "change_known": "change IN ('new', 'changed', 'merged', 'gone')",
            "current_is_open": "is_current = (valid_to IS NULL)",
            "interval": "valid_to IS NULL OR valid_to > valid_from",
        },
    ),
)
