"""Settings of recommendation."""

from typing import Annotated, Literal

from pydantic import Field

from onecart.config.sections.section import Section


class Recommend(Section):
    """What is offered. The numbers were picked on an inner validation month of Online Retail II, not on its holdout."""

    model: Literal["popularity", "item_knn", "user_knn", "als", "ease", "sequence", "blend"] = "blend"
    k: int = Field(10, ge=1)
    holdout_days: int = Field(30, ge=1)
    sku_pattern: str = "^[0-9]{5}"  # goods; what does not match (postage, fees, samples) is never offered
    # How much an event counts; an event type left out does not count.
    event_values: dict[Literal["product_view", "add_to_cart", "purchase", "repeat"], Annotated[float, Field(ge=0)]] = {
        "product_view": 0.2,
        "add_to_cart": 0.6,
        "purchase": 1.0,
        "repeat": 1.5,  # a purchase of what was bought before
    }
    half_life_days: float | None = Field(30, gt=0)  # after each of these an event counts half; None: age does not count
    popularity_half_life_days: float | None = Field(7, gt=0)
    rank: int = Field(32, ge=1)
    iterations: int = Field(10, ge=1)
    alpha: float = Field(10.0, gt=0)
    reg: float = Field(0.4, ge=0)
    blocks: int = Field(4, ge=1)  # ALS's partitions of users and of items; more on a cluster
    neighbours: int = Field(30, ge=1)
    shrinkage: float = Field(20.0, ge=0)
    max_history: int = Field(70, ge=1)  # newest products of a customer that make neighbours
    validation: Literal["random", "latest"] = "latest"  # what a blend's weights are found on: a part of the history
    retrain_days: int = Field(0, ge=0)  # a model younger than this is kept, and only customers with news get new lists
    in_stock: bool = True  # products whose feed says that none is left are not offered
    min_margin: float | None = Field(None, lt=1)  # of what is offered, (list price - cost) / list price, where known
    per_category: int | None = Field(None, ge=1)  # offers of one category to a customer at most
    variety: float = Field(0.0, ge=0, le=1)  # how much a category counts against itself in a list
    trials: float = Field(0.0, ge=0, le=1)  # share of places, the first apart, for products to be tried out

    @property
    def reranks(self) -> bool:
        """Whether lists are chosen from longer ones."""
        return self.per_category is not None or self.variety > 0 or self.trials > 0
