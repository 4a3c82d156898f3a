"""Settings of demand forecasts and of replenishment."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from onecart.config.sections.section import Section


class Forecast(Section):
    """Demand a day and product, and what to order."""

    moved: ClassVar[Mapping[str, str]] = dict.fromkeys(("holidays_country", "weather_country"), "shop.country")

    top_skus: int | None = Field(300, ge=1)  # the best sellers; None: every SKU
    horizon_days: int = Field(28, ge=1)
    backtest_windows: int = Field(3, ge=1)
    models: tuple[str, ...] | None = None  # None: those that suit the demand of each product
    bulk_times: float = Field(
        5.0, gt=0
    )  # a line of more units than so many times the product's 99 % line counts as that
    returned_days: int = Field(7, ge=0)  # a line that comes back whole within these days was no demand
    seconds: float = Field(60.0, gt=0)  # on one product; then no other model is begun
    policy: Literal["newsvendor", "base_stock", "sS", "rQ"] = "newsvendor"
    service_level: float | None = Field(0.95, gt=0, lt=1)  # share of spans without running out; None: from the costs
    lead_time_days: tuple[float, float] = (7.0, 2.0)  # mean, sd
    review_days: int = Field(7, ge=1)  # between two orders
    holding_rate: float = Field(0.25, gt=0)  # a year, of what a unit costs
    order_cost: float = Field(0.0, ge=0)  # of one order of a product, in the shop's currency
