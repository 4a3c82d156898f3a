"""Settings of campaigns, and of how often, when and for how much customers are contacted."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from onecart.config.sections.section import Section

Channel = Literal["email", "sms", "push", "app", "social", "store_coupon"]
Hour = Annotated[int, Field(ge=0, le=23)]


class Offer(Section):
    """What a contact of a campaign offers."""

    cost: float = Field(0.0, ge=0)  # of a contact with it, beside that of its channel, in the shop's currency
    discount: float = Field(0.0, ge=0, lt=1)  # share of the basket that is given away, also to those who buy anyway
    # Relative rise of the probability to buy, as long as gold.uplift_scores does not know better: an assumption.
    lift: float = Field(0.1, gt=-1)
    sku: str | None = None  # product offered: no more than its stock is
    cap: int | None = Field(None, ge=0)  # how many at most


class Campaign(Section):
    """Who may be contacted with what, and for how much in all."""

    family: str | None = None  # campaigns of a family hold the same customers back; None: the campaign's name
    segments: tuple[str, ...] = ()  # of gold.segments; none: all
    where: str | None = None  # a condition as of segments, and over probability and segment; None: all
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] = ("email",)  # the first that the customer allows
    offers: Annotated[dict[str, Offer], Field(min_length=1)]
    budget: float | None = Field(None, ge=0)  # in the shop's currency; None: no limit
    # learned: leaves out whom a contact is learned not to pay for, once measure has proved it better; until then expected_profit.
    policy: Literal["expected_profit", "learned"] = "expected_profit"
    control_share: float = Field(0.1, ge=0, lt=1)  # of the customers, held back to compare with
    # Days within which a purchase counts as an answer; None: measure.horizon_days, for uplift decide.uplift.horizon_days.
    horizon_days: int | None = Field(None, ge=1)
    margin_share: float | None = Field(None, gt=0, le=1)  # of a basket; None: the mean of products with a cost

    @field_validator("offers")
    @classmethod
    def _share_no_stock(cls, given: dict[str, Offer]) -> dict[str, Offer]:
        skus = [offer.sku for offer in given.values() if offer.sku]
        if twice := sorted({sku for sku in skus if skus.count(sku) > 1}):
            raise ValueError(f"two offers are of the product '{twice[0]}', whose stock is one; leave one of them out")
        return given


class Contacts(Section):
    """What holds for the contacts of all campaigns together."""

    max_per_week: int = Field(2, ge=0)  # contacts of a customer in any seven days
    quiet_hours: tuple[Hour, Hour] = (20, 8)  # from, to, on the customer's clock; the same hour twice: none
    send_hour: Hour = 10  # on the shop's clock, of customers without a hour of their own
    costs: dict[Channel, Annotated[float, Field(ge=0)]] = {  # of one contact, in the shop's currency
        "email": 0.002,
        "sms": 0.05,
        "push": 0.001,
        "app": 0.0,
        "social": 0.1,
        "store_coupon": 0.01,
    }
