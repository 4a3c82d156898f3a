"""The gold table that the job `recommend` writes."""

from onecart.contracts.base.columns import AS_OF, CUSTOMER_ID, MODEL_VERSION
from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

RECOMMEND = (
    Table(
        "gold.recommendations",
        "one product offered to one customer",
        "recommend, live",
        (
            CUSTOMER_ID,
            C("rank", "int", "1 is best", nullable=False),
            C("sku", "string", "product", nullable=False),
            C("score", "double", "the model's score, comparable within a customer", nullable=False),
            C(
                "tier",
                "string",
                "model that gave it, as in als; popularity: the fallback; trial: tried out",
                nullable=False,
            ),
            C("because", "strings", "products of the customer that it is like, the nearest first; null: none is near"),
            AS_OF,
            MODEL_VERSION,
        ),
        key=("customer_id", "rank"),
        purposes=("profiling",),
    ),
)
