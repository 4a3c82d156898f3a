"""Columns that tables of several rooms have."""

from onecart.contracts.base.table import Column as C

CUSTOMER_ID = C("customer_id", "string", "customer", nullable=False)
AS_OF = C("as_of", "date", "only what happened before this day counts", nullable=False)
MODEL_VERSION = C("model_version", "string", "the model that made the row", nullable=False)
