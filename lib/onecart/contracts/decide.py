"""The gold table that the job `decide` writes."""

from onecart.contracts.base.columns import AS_OF, CUSTOMER_ID
from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

DECIDE = (
    Table(
        "gold.segments",
        "one customer's segment",
        "decide",
        (
            CUSTOMER_ID,
            C("segment", "string", "champion | loyal | promising | new | at_risk | lapsed | browser", nullable=False),
            C("recency_score", "int", "1 to 5, 5 bought last; null: never bought"),
            C("frequency_score", "int", "1 to 5, 5 buys most often; null: never bought"),
            C("monetary_score", "int", "1 to 5, 5 spends most; null: never bought"),
            C("intent_decile", "int", "1: the tenth most likely to buy"),
            C(
                "reachable",
                "boolean",
                "consents to at least one of e-mail and SMS and has the address for it",
                nullable=False,
            ),
            AS_OF,
        ),
        key=("customer_id",),
    ),
)
