"""Settings of segments: rules, and those learned from how customers buy."""

from typing import Literal

from pydantic import Field, field_validator

from onecart.config.sections.section import Section


class SegmentRule(Section):
    """A segment, and who is in it."""

    name: str = Field(min_length=1)
    where: str = Field(min_length=1)  # a condition over the profile, as in orders >= 3 AND country = 'France'
    meaning: str = ""  # who that is, for those who read the report


_RULES = (
    SegmentRule(name="browser", where="orders = 0", meaning="never bought"),
    SegmentRule(
        name="champion",
        where="recency_score >= 4 AND frequency_score >= 4 AND monetary_score >= 4",
        meaning="lately, often, for much",
    ),
    SegmentRule(name="loyal", where="recency_score >= 3 AND frequency_score >= 3", meaning="often, and not long ago"),
    SegmentRule(name="at_risk", where="frequency_score >= 3", meaning="used to buy often, silent for long"),
    SegmentRule(name="new", where="recency_score >= 4 AND orders = 1", meaning="a first order, lately"),
    SegmentRule(
        name="promising",
        where="recency_score >= 3 OR intent_decile <= 3",
        meaning="seldom, but lately or likely to buy",
    ),
    SegmentRule(name="lapsed", where="true", meaning="seldom and long ago"),
)


class LearnedSegments(Section):
    """Segments found in how customers buy, of those who agreed to profiling."""

    method: Literal["kmeans", "mixture", "off"] = "kmeans"
    features: tuple[str, ...] = (  # columns of gold.customer_features
        *("days_since_order", "orders_365d", "revenue_365d", "average_basket", "visits_90d", "product_views_90d"),
        *("categories", "discount_share", "store_share", "app_visit_share"),
    )
    most: int = Field(8, ge=2, le=30)  # segments, at most
    stability: float = Field(0.75, gt=0, le=1)  # least mean adjusted Rand index of segments found again on resamples
    min_customers: int = Field(100, ge=20)  # fewer are not divided
    sample: int = Field(20_000, ge=100)  # customers that segments are learned from, drawn by hash; all are assigned

    @field_validator("features")
    @classmethod
    def _are_some(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if len(given) < 2:
            raise ValueError("learned segments need two features at least")
        return given


def default_rules() -> tuple[SegmentRule, ...]:
    return _RULES


def unique_names(given: tuple[SegmentRule, ...]) -> tuple[SegmentRule, ...]:
    """The rules, if there are some and no two have one name."""
    names = [rule.name for rule in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two segments are called '{twice[0]}'; give each a name of its own")
    if not given:
        raise ValueError("there must be one segment at least; leave the key out for those of OneCart")
    return given
