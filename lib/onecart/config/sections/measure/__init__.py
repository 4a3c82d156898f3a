"""Settings of measurement."""

from typing import Annotated, Literal

from pydantic import Field

from onecart.config.sections.section import Section

Share = Annotated[float, Field(gt=0, lt=1)]


class Attribution(Section):
    """Which touches an order may be due to."""

    lookback_days: int = Field(30, ge=1)  # before the order; a longer silence ends a path without one
    months: int = Field(12, ge=1)  # the newest, that of as_of among them


class Measure(Section):
    """How campaigns are judged against the customers they held back."""

    metrics: list[Literal["conversion", "orders", "revenue"]] = ["conversion", "orders", "revenue"]  # per customer
    horizon_days: int = Field(30, ge=1)  # after the decision: orders in these days count
    history_days: int = Field(365, ge=0)  # before it: orders in these days are taken off (CUPED); 0: none are
    alpha: Share = 0.05  # of the intervals
    correction: Literal["benjamini-hochberg", "holm", "bonferroni", "none"] = "benjamini-hochberg"  # within a campaign
    sample_ratio_alpha: Share = 0.001  # arms whose sizes are less likely than this are not trusted
    tuned_to: int = Field(5000, ge=1)  # customers after which the always-valid interval is narrowest
    attribution: Attribution = Attribution()
    min_effective_sample: float = Field(100, gt=0)  # decisions left after weighting, for a figure on another policy
