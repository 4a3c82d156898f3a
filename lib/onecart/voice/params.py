"""The parameters of `train_sentiment`."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from onecart.errors import UsageError, nearest


class Params(BaseModel):
    """How to train; every value is checked, and an unknown name is an error that names the nearest."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    holdout_share: float = Field(0.25, gt=0, lt=1)  # of the labelled texts, kept from training, for the metrics
    min_rows: int = Field(100, ge=4)  # fewer labelled rows than this are an error
    max_rows: int = Field(100_000, ge=100)  # the network trains on the driver: of more rows than this it sees a sample
    balance: bool = True  # the rarer label's rows are repeated (or the other's sampled) until both count the same
    dimensions: int = Field(100, ge=2, le=1024)  # of a word's vector
    min_count: int = Field(2, ge=1)  # a word seen fewer times has no vector
    epochs: int = Field(12, ge=1)
    batch_size: int = Field(32, ge=1)
    lr: float = Field(0.001, gt=0)  # learning rate of the first epoch, divided by 1 + dropout x epoch in later ones
    dropout: float = Field(0.5, ge=0, lt=1)
    seed: int = Field(7, ge=0, lt=2**31 - 1)


def checked(given: dict[str, Any]) -> Params:
    """The parameters, or a UsageError about the first that is not right."""
    try:
        return Params(**given)
    except ValidationError as e:
        problem = e.errors()[0]
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            raise UsageError(f"train_sentiment has no parameter '{name}'{nearest(name, Params.model_fields)}") from None
        raise UsageError(f"train_sentiment: {name}={given[name]!r}: {problem['msg']}") from None
