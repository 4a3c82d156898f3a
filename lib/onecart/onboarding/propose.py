"""A folder -> the proposal: its feeds, the silver table of each, and an expression for every column that a field can fill."""

from dataclasses import dataclass
from pathlib import Path

from onecart.onboarding import layouts, shop
from onecart.onboarding.asking import Asker
from onecart.onboarding.columns import Columns, Plan
from onecart.onboarding.profiling.kinds import Profile, profile, profiles
from onecart.onboarding.profiling.sample import Feed, feeds
from onecart.onboarding.recognise import readings
from onecart.onboarding.tables import FILL

_CLOSE = 0.1  # tables whose scores are nearer than this are asked about


@dataclass
class Proposal:
    folder: Path
    shop: shop.Shop
    plans: list[Plan]
    left: dict[str, str]  # file or files -> why no feed takes them
    unsure: list[tuple[str, str]]


def propose(folder: Path, asker: Asker) -> Proposal:
    """Looks at all files; asks what the values leave open."""
    found, left = feeds(folder)
    plans = []
    for feed in found:
        plan = _plan(feed, asker)
        if plan is None:
            fields = ", ".join(list(feed.fields)[:6])
            left[_where(feed)] = f"no silver table takes records of {fields}"
        else:
            plans.append(plan)
    _name(plans)
    owner = shop.guess([(p.feed, p.profiles) for p in plans], asker)
    persons: dict[tuple[str, str], Profile] = {
        (p.feed.name, concept): p.reading.found[concept].profile
        for p in plans
        for concept in ("customer_id", "account_id", "card_id")
        if concept in p.reading.found
    }
    spaces = shop.id_spaces(persons, asker)
    for plan in plans:
        of_feed = {concept: space for (feed_name, concept), space in spaces.items() if feed_name == plan.feed.name}
        columns = Columns(plan, owner, of_feed, asker)
        FILL[plan.reading.table](columns)
        columns.settle()
    if plans and not any(c.name == "consent_profiling" for plan in plans for c in plan.columns):
        owner.presumed_consent = shop.presumed_consent(asker)
    return Proposal(folder, owner, plans, left, asker.unsure)


def _name(plans: list[Plan]) -> None:
    """A feed is called as its folder and files; where they have no Latin letters, as its table. No two are called alike."""
    names: dict[str, int] = {}
    for plan in plans:
        feed = plan.feed
        feed.name = feed.name or plan.reading.table.removeprefix("silver.")
        names[feed.name] = n = names.get(feed.name, 0) + 1
        feed.name += f"_{n}" if n > 1 else ""


def _where(feed: Feed) -> str:
    return feed.files if feed.path == "." else f"{feed.path}/{feed.files}"


def _plan(feed: Feed, asker: Asker) -> Plan | None:
    """The feed's likeliest silver table; None: it has none."""
    candidates: list[Plan] = []
    called = f"{feed.name} {feed.path} {feed.paths[0].stem}"
    array, events = layouts.lines_of(feed), layouts.parameters(feed)
    views: list[tuple[str | None, dict[str, Profile]]] = []
    if array:
        fields = layouts.exploded(feed, array)
        views.append((array, {n: profile(f) for n, f in fields.items() if f.values}))
        events |= layouts.first_of(feed, array)
    plain = profiles(feed)
    views.append((None, {**plain, **{n: profile(f) for n, f in events.items() if f.values}}))
    for explode, fields_of in views:
        for reading in readings(called, fields_of):
            if not array or reading.table == ("silver.orders" if explode else "silver.interactions"):
                candidates.append(Plan(feed, reading, fields_of, explode))
    candidates.sort(key=lambda p: -p.reading.score)
    if not candidates:
        return None
    best = candidates[0].reading.score
    options = [p for p in candidates if p.reading.score > best - _CLOSE]
    tables = [p.reading.table for p in options]
    chosen = options[
        asker.choose(feed.name or feed.path, f"what is in {_where(feed)}?", tables, sure=len(options) == 1)
    ]
    if chosen.reading.table == "silver.orders" and not chosen.explode:
        chosen.fill_down = layouts.fill_down(feed, chosen.reading.found["order_id"].profile, chosen.profiles)
    return chosen
