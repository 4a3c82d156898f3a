"""Settings of the customer profile, survivorship among them."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from onecart.config.sections.section import Section

Attribute = Literal["given_name", "surname", "email", "phone", "street", "city", "postcode", "date_of_birth", "country"]
SurvivorshipRule = Literal["trusted", "recent", "frequent", "longest"]
_Survivorship = dict[Attribute, Annotated[tuple[SurvivorshipRule, ...], Field(min_length=1)]]
_SURVIVORSHIP: _Survivorship = {
    "given_name": (
        "frequent",
        "longest",
        "trusted",
    ),  # one slip of the pen is outvoted, and Elizabeth tells more than Liz
    "surname": ("trusted", "recent"),  # people marry
    "email": ("trusted", "recent"),
    "phone": ("trusted", "recent"),
    "street": ("recent", "trusted", "longest"),  # people move, and the newest word on it is nearest the truth
    "city": ("recent", "trusted", "longest"),
    "postcode": ("recent", "trusted", "longest"),
    "date_of_birth": ("frequent", "trusted", "recent"),  # it never changes, so the odd one out is the mistake
    "country": ("recent", "trusted"),
}


class Profile(Section):
    """What a customer's profile shows where records disagree, and what it concludes from what the customer did."""

    survivorship: _Survivorship = {}  # attribute -> rules, each breaking the ties of those before; left out: the default
    source_trust: tuple[str, ...] = ("crm", "account", "card", "social")  # most trusted first; any other comes after
    affinity_half_life_days: float = Field(90, gt=0)  # after each of these an event counts half
    # How much an event counts for its product's category and brand; one left out does not count.
    affinity_weights: dict[Literal["view", "cart", "purchase"], Annotated[float, Field(ge=0)]] = {
        "view": 1.0,
        "cart": 3.0,
        "purchase": 10.0,
    }
    lifetime_min_buyers: int = Field(50, ge=10)  # fewer train no lifetime model
    discount_rate: float = Field(0.10, ge=0)  # a year; money later is worth less today

    @field_validator("survivorship")
    @classmethod
    def _with_defaults(cls, given: _Survivorship) -> _Survivorship:
        return {**_SURVIVORSHIP, **given}
