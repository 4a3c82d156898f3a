"""Settings of experiments and their judgement."""

from typing import Annotated, Literal

from pydantic import Field

from onecart.config.sections.section import Section

Share = Annotated[float, Field(gt=0, lt=1)]


class Measure(Section):
    """How campaigns are judged against the customers they held back."""

    metrics: list[Literal["conversion", "orders", "revenue"]] = ["conversion", "orders", "revenue"]  # per customer
    horizon_days: int = Field(30, ge=1)  # after the decision: orders in these days count
    history_days: int = Field(365, ge=0)  # before it: orders in these days are taken off (CUPED); 0: none are
    alpha: Share = 0.05  # of the intervals
    correction: Literal["benjamini-hochberg", "holm", "bonferroni", "none"] = "benjamini-hochberg"  # within a campaign
    sample_ratio_alpha: Share = 0.001  # arms whose sizes are less likely than this are not trusted
    tuned_to: int = Field(5000, ge=1)  # customers after which the always-valid interval is narrowest
