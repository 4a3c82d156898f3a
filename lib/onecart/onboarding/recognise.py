"""Which silver table a feed goes into, and which of its fields say what: by their names and by their values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from onecart.onboarding.profiling.kinds import Profile
from onecart.onboarding.synonyms import file_score, name_score

LEAST = 0.35  # a field that fits a concept less is not taken for it
_IDS = (
    "order_id",
    "customer_id",
    "account_id",
    "card_id",
    "cookie_id",
    "device_id",
    "session_id",
    "line_id",
    "store_id",
)

# Concept -> what its values may be, and how well that speaks for it.
_FIT: dict[str, dict[str, float]] = {
    **{concept: {"code": 1.0, "integer": 1.0, "email": 0.5, "label": 0.4} for concept in _IDS},
    **{concept: {"code": 1.0, "integer": 1.0} for concept in ("event_id", "review_id", "ticket_id", "plan_id")},
    "order_id": {"numbered": 1.0},
    **{
        concept: {"time": 1.0, "epoch": 1.0, "date": 0.9}
        for concept in ("order_ts", "event_ts", "opened_ts", "review_ts")
    },
    "received_ts": {"time": 1.0, "epoch": 1.0},
    "updated_ts": {"time": 1.0, "epoch": 1.0, "date": 1.0},
    "day": {"date": 1.0},
    "date_of_birth": {"date": 1.0},
    "sku": {"code": 1.0, "integer": 1.0, "label": 0.5},
    "title": {"name": 1.0, "label": 0.6, "text": 1.5},
    "quantity": {"number": 1.0},
    "unit_price": {"money": 1.0},
    "line_total": {"money": 1.0},
    "list_price": {"money": 1.0},
    "unit_cost": {"money": 1.0},
    "currency": {"currency": 1.0},
    "email": {"email": 1.0},
    "phone": {"phone": 1.0, "integer": 0.6},
    "street": {"text": 1.5, "label": 1.4, "name": 1.0},
    "postcode": {"code": 1.0, "label": 1.4, "phone": 0.7},
    "rating": {"rating": 1.0},
    "text": {"text": 1.0, "label": 0.6},
    "subject": {"text": 1.5, "label": 1.4},
    **{f"consent_{purpose}": {"boolean": 1.0} for purpose in ("email", "sms", "profiling")},
    **{concept: {"integer": 1.0} for concept in ("stock", "visitors", "min_age")},
    **{concept: {"number": 1.0} for concept in ("temperature", "rain", "plan_amount")},
    **{concept: {"name": 1.0, "label": 0.8} for concept in ("given_name", "surname", "full_name", "city")},
    "unit": {"label": 1.0, "code": 0.8},
}
_AMOUNTS = {"number", "integer", "money"}  # kinds whose values are amounts, and may have a decimal mark
_LABEL = {"label": 1.0, "code": 0.9, "name": 0.9}  # of every other concept
_EACH = ("event_id", "review_id", "ticket_id", "line_id")  # ids of the record itself
_BY_VALUE = {"email": 0.8, "currency": 0.5}  # concepts that their values alone give away


@dataclass(frozen=True)
class Target:
    """What a silver table needs: of each group of `needed` one concept; `some`: at least one of these; `unique`: concepts of
    which one differs from row to row."""

    needed: tuple[tuple[str, ...], ...]
    others: tuple[str, ...]
    some: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()

    @property
    def concepts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([c for group in self.needed for c in group] + [*self.some, *self.others]))


_WHO = ("customer_id", "account_id", "card_id", "device_id", "email")
_EVENT, _ADDRESS = ("event_id", "received_ts", "device_type", "channel"), ("street", "city", "postcode", "country")
_CONSENTS = ("consent_email", "consent_sms", "consent_profiling")
TARGETS: dict[str, Target] = {
    "silver.orders": Target(
        (("order_id",), ("order_ts",), ("sku", "title"), ("unit_price", "line_total")),
        ("quantity", *_WHO, "received_ts", "unit", "currency", "country", "channel", "line_id", "store_id"),
    ),
    "silver.interactions": Target(
        (("event_ts",), ("event_type", "handle")),
        (*_EVENT, "sku", "quantity", "unit_price", "currency", "query", "order_id", "campaign", "text"),
        some=("customer_id", "account_id", "cookie_id", "device_id", "session_id", "handle"),
    ),
    "silver.contacts": Target(
        (("customer_id", "account_id", "card_id", "email"),),
        (*_ADDRESS, "date_of_birth", "device_id", "handle", "updated_ts", *_CONSENTS),
        some=("given_name", "surname", "full_name", "email", "phone"),
        unique=("customer_id", "account_id", "card_id", "email"),
    ),
    "silver.products": Target(
        (("sku",),),
        ("list_price", "unit_cost", "currency", "stock", "min_age", "updated_ts"),
        some=("title", "category", "brand"),
        unique=("sku",),
    ),
    "silver.reviews": Target(
        (("text",), ("review_ts",)), ("review_id", "customer_id", "account_id", "sku"), some=("rating",)
    ),
    "silver.tickets": Target(
        (("text", "subject"), ("opened_ts",)),
        ("customer_id", "account_id", "email", "phone", "order_id", "category"),
        some=("ticket_id", "status", "contact_channel"),
    ),
    "silver.weather": Target((("day",), ("temperature", "rain")), ("country",)),
    "silver.footfall": Target((("day",), ("store_id",), ("visitors",)), ()),
    "silver.plans": Target(
        (("plan_id",), ("sku",), ("day",)),
        ("plan_kind", "plan_amount", "updated_ts"),
        some=("plan_kind", "plan_amount"),
    ),
}


@dataclass(frozen=True)
class Found:
    """A field taken for a concept; `rivals`: fields that fit nearly as well."""

    profile: Profile
    score: float
    rivals: tuple[str, ...] = ()


@dataclass
class Reading:
    """A feed read as rows of one silver table."""

    table: str
    score: float
    found: dict[str, Found] = field(default_factory=dict)


def is_amount(concept: str) -> bool:
    """Whether a concept's values are all amounts."""
    return _FIT.get(concept, _LABEL).keys() <= _AMOUNTS


def readings(name: str, profiles: Mapping[str, Profile]) -> list[Reading]:
    """Every silver table that the feed can go into, the likeliest first. `name`: of its folder and files."""
    found = [r for table in TARGETS if (r := _reading(table, name, profiles))]
    return sorted(found, key=lambda r: -r.score)


def _reading(table: str, name: str, profiles: Mapping[str, Profile]) -> Reading | None:
    target, called = TARGETS[table], file_score(table, name)
    found = assigned(target.concepts, profiles)
    if any(not any(c in found for c in group) for group in target.needed):
        return None
    if target.some and not any(c in found for c in target.some) and not called:
        return None
    differs = [found[c].profile for c in target.unique if c in found]
    if differs and not any(p.unique > 0.8 for p in differs):
        return None
    needed = [max(found[c].score for c in group if c in found) for group in target.needed]
    extra = sum(f.score for c, f in found.items()) / max(4, len(profiles))
    detail = 0.1 * len(target.needed)  # the more a table asks for, the less it is met by chance
    return Reading(table, sum(needed) / len(needed) * 0.5 + min(0.4, 0.4 * extra) + detail + 0.35 * called, found)


def assigned(concepts: tuple[str, ...], profiles: Mapping[str, Profile]) -> dict[str, Found]:
    """Concept -> field, each once, the surest first."""
    scores = {
        (concept, name): s
        for concept in concepts
        for name, one in profiles.items()
        if (s := score(concept, one)) >= LEAST
    }
    found: dict[str, Found] = {}
    taken: set[str] = set()
    for (concept, name), s in sorted(scores.items(), key=lambda kv: -kv[1]):
        if concept in found or name in taken:
            continue
        found[concept] = Found(profiles[name], s)
        taken.add(name)
    for concept, one in found.items():
        close = [n for n in profiles if n not in taken and scores.get((concept, n), 0) >= 0.95 * one.score]
        rivals = [n for n in close if profiles[n].seen != one.profile.seen]  # a field twice is no doubt
        found[concept] = Found(one.profile, one.score, tuple(rivals))
    return found


def score(concept: str, one: Profile) -> float:
    """How surely a field is of a concept: its name's word for it times its values'."""
    if concept in _EACH and one.unique < 0.95:
        return 0.0
    fits = _FIT.get(concept, _LABEL)
    fit = min(1.0, max(weight * one.of(kind) for kind, weight in fits.items()))
    called = name_score(concept, *one.field.called)
    return max(called * fit, _BY_VALUE.get(concept, 0.0) * fit if fit > 0.9 else 0.0)
