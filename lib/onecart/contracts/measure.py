"""The gold table that the job `measure` writes."""

from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

MEASURE = (
    Table(
        "gold.conversion_daily",
        "one day and channel",
        "measure",
        (
            C("day", "date", "day in the shop's time zone", nullable=False),
            C(
                "channel",
                "string",
                "as shop.channels names it; online: all online channels together; stores: several stores together",
                nullable=False,
            ),
            C("visitors", "long", "distinct visitors; in a store the people counted at its doors; null: nobody counts"),
            C("buyers", "long", "distinct visitors that bought", nullable=False),
            C("conversion_rate", "double", "buyers / visitors; null where visitors are"),
            C("orders", "long", "orders", nullable=False),
            C("revenue", "money", "order lines less returns, in `currency`", nullable=False),
            C("currency", "string", "ISO 4217"),
        ),
        key=("day", "channel"),
        checks={"buyers_are_visitors": "visitors IS NULL OR buyers <= visitors"},
    ),
)
