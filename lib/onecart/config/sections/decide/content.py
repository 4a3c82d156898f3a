"""Settings of placements: what is shown where."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from onecart.config.sections.section import INCOMPLETE, Section


class Placement(Section):
    """A place on a page, in the app or in a message, and what may be shown there."""

    items: tuple[str, ...] = Field(min_length=2)  # SKUs or campaigns, as events name them
    policy: Literal["thompson", "linucb"] = "thompson"
    where: str | None = None  # a condition over the profile: who sees it; None: all who agreed to profiling
    context: tuple[str, ...] = ()  # linucb: columns of gold.customer_features
    reward: tuple[str, ...] = ("product_view", "add_to_cart", "purchase")  # types of events with the item that count
    window_days: int = Field(7, ge=1)  # an answer that comes so many days after the choice counts
    late_days: int = Field(3, ge=0)  # events may arrive so many days late: until then a day's sums are made anew
    exploration: float = Field(0.05, ge=0, le=1)  # share of customers for whom every item is as likely
    floor: float = Field(0.01, gt=0, lt=1)  # least probability of each item
    alpha: float = Field(1.0, ge=0)  # linucb: how much doubt counts
    ridge: float = Field(1.0, gt=0)  # linucb: what stands against few rows; thompson begins with Beta(1, 1)

    @model_validator(mode="after")
    def _fits(self) -> "Placement":
        if len(set(self.items)) < len(self.items):
            raise ValueError("an item is named twice")
        if self.floor * len(self.items) > 1:
            raise ValueError(f"{len(self.items)} items with a floor of {self.floor:g} each are more than 1")
        if self.policy == "linucb" and not self.context:
            raise PydanticCustomError(INCOMPLETE, "policy linucb needs context: columns of gold.customer_features")
        return self
