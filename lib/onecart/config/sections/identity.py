"""Settings of identity resolution."""

from typing import Annotated

from pydantic import Field

from onecart.config.sections.section import Section


class Identity(Section):
    """Who is who. What can be estimated from the data (weights, blocking rules, the threshold) is no setting."""

    max_records_per_key: int = Field(20, ge=2)  # an identifier on more records than this is shared and links nobody
    caps: dict[str, Annotated[int, Field(ge=2)]] = {"account_id": 100_000}  # the same for single identifiers
    max_values: dict[str, Annotated[int, Field(ge=1)]] = {  # distinct values that one customer may have
        "card_id": 4,
        "account_id": 4,
        "email": 8,
        "phone": 8,
    }
    max_block: int = Field(100, ge=2)  # a blocking key on more records than this makes no pairs
    pairs_per_record: int = Field(8, ge=1)  # pairs to compare beyond those that share an identifier
    max_pairs: int = Field(1_000_000_000, ge=1)  # more than this stops with an error before any is made
    purpose: str = "matching"  # a record whose consent_<purpose> is false is linked with nobody
    retrain_share: float = Field(0.2, ge=0, le=1)  # a larger part of new or changed records trains the model anew
    stitch_days: int = Field(30, ge=0)  # anonymous visits so long before the first login are the customer's
    threshold: float | None = Field(None, gt=0, lt=1)  # probability from which on records link; None: from the data
