"""Settings of measurement."""

from pydantic import Field

from onecart.config.sections.section import Section


class Attribution(Section):
    """Which touches an order may be due to."""

    lookback_days: int = Field(30, ge=1)  # before the order; a longer silence ends a path without one
    months: int = Field(12, ge=1)  # the newest, that of as_of among them


class PolicyValue(Section):
    """When a decision is judged by what came of it."""

    horizon_days: int = Field(14, ge=1)  # orders so long from the decision's day on are what came of it
    min_effective_sample: float = Field(100, gt=0)  # decisions that must be left after weighting, for a figure


class Measure(Section):
    """What orders are due to, and what policies are worth."""

    attribution: Attribution = Attribution()
    policy_value: PolicyValue = PolicyValue()
