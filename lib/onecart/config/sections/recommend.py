"""Settings of recommendation."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from onecart.config.sections.section import Section


class Recommend(Section):
    """What is offered. The numbers were picked on an inner validation month of Online Retail II, not on its holdout."""

    moved: ClassVar[Mapping[str, str]] = {
        **{key: f"recommend.models.als.{key}" for key in ("rank", "iterations", "alpha", "reg", "blocks")},
        **{key: f"recommend.models.item_knn.{key}" for key in ("neighbours", "shrinkage", "max_history")},
        "validation": "recommend.models.blend.validation",
        "variety": "recommend.diversity",
        "trials": "recommend.exploration",
        "sku_pattern": "shop.goods",
    }

    model: str = "blend"  # one of the registry `recommend/models/registry.py`
    k: int = Field(10, ge=1)
    holdout_days: int = Field(30, ge=1)
    # How much an event counts; an event type left out does not count.
    event_values: dict[Literal["product_view", "add_to_cart", "purchase", "repeat"], Annotated[float, Field(ge=0)]] = {
        "product_view": 0.2,
        "add_to_cart": 0.6,
        "purchase": 1.0,
        "repeat": 1.5,  # a purchase of what was bought before
    }
    # For every model: after each of these an event counts half; None: age does not count.
    half_life_days: float | None = Field(30, gt=0)
    popularity_half_life_days: float | None = Field(7, gt=0)
    # Hyper-parameters by model; those left out are the defaults of `recommend/models/`, a blend takes those of its parts.
    models: dict[str, dict[str, Any]] = {}
    retrain_days: int = Field(0, ge=0)  # a model younger than this is kept, and only customers with news get new lists
    in_stock: bool = True  # products whose feed says that none is left are not offered
    min_margin: float | None = Field(None, lt=1)  # of what is offered, (list price - cost) / list price, where known
    per_category: int | None = Field(None, ge=1)  # offers of one category to a customer at most
    diversity: float = Field(0.0, ge=0, le=1)  # how much a category counts against itself in a list
    exploration: float = Field(0.0, ge=0, le=1)  # share of places, the first apart, for products to be tried out

    @property
    def reranks(self) -> bool:
        """Whether lists are chosen from longer ones."""
        return self.per_category is not None or self.diversity > 0 or self.exploration > 0
