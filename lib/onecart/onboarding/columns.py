"""The columns of a silver table from the fields of a feed: an expression each, with its confidence."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from onecart.contracts import contract
from onecart.frames import sql_literal
from onecart.onboarding import expressions as sql
from onecart.onboarding import shop
from onecart.onboarding.asking import Asker
from onecart.onboarding.profiling.formats import SIGNS
from onecart.onboarding.profiling.kinds import Profile, masked, profile
from onecart.onboarding.profiling.sample import Feed, ddl
from onecart.onboarding.recognise import Found, Reading, is_amount


@dataclass(frozen=True)
class Column:
    """One silver column: its expression, how sure it is (0 to 1), and of its field the name and three examples."""

    name: str
    expression: str
    confidence: float
    source: str = ""
    examples: tuple[str, ...] = ()
    note: str = ""


@dataclass
class Plan:
    """One feed of the proposal. `unused`: fields that no column takes, with an example."""

    feed: Feed
    reading: Reading
    profiles: Mapping[str, Profile]
    explode: str | None = None
    fill_down: dict[str, Any] | None = None
    columns: list[Column] = field(default_factory=list)
    unused: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def schema(self) -> str:
        return ddl(self.feed.shape) if self.feed.shape else ""


class Columns:
    """The columns of one feed, in the order of its table's contract."""

    def __init__(self, plan: Plan, owner: shop.Shop, spaces: Mapping[str, str], asker: Asker) -> None:
        self.plan, self.shop, self.spaces, self.asker = plan, owner, spaces, asker
        self.found = self._settled(plan.reading.found)
        self.clock = sql.Clock(owner.time_zone, self._chosen())
        self.made: dict[str, Column] = {}

    def settle(self) -> None:
        """Puts what was made into the plan, in the order of the table's contract."""
        order = list(contract(self.plan.reading.table).schema.fieldNames())
        self.plan.columns = sorted(
            (c for c in self.made.values() if c.name in order), key=lambda c: order.index(c.name)
        )
        used = " ".join(c.expression for c in self.plan.columns)
        if fill := self.plan.fill_down:
            columns = [c for c in fill["columns"] if _names(self.plan.profiles[c].field.sql, used)]
            self.plan.fill_down = {**fill, "columns": columns} if columns else None
        self.plan.unused = {
            n: tuple(masked(p, e) for e in p.examples)
            for n, p in self.plan.profiles.items()
            if not _names(p.field.sql, used)
        }

    def _settled(self, found: Mapping[str, Found]) -> dict[str, Found]:
        """Asks where two fields fit a concept alike."""
        settled = dict(found)
        for concept, one in found.items():
            if concept == "line_total" and "unit_price" in found:
                continue  # what a unit costs says it all
            options = [one.profile.field.name, *([] if concept == "category" else one.rivals)]
            where = f"{self.plan.feed.name}.{concept}"
            taken = self.asker.choose(where, "Which field is it?", options, sure=False)
            if taken:
                settled[concept] = Found(self.plan.profiles[options[taken]], one.score)
            if is_amount(concept):
                settled[concept] = self._marked(where, settled[concept])
        return settled

    def _marked(self, where: str, one: Found) -> Found:
        """Asks what a mark is that has three digits after it wherever it stands."""
        doubt = one.profile.numbers.doubt if one.profile.numbers else ""
        if not doubt:
            return one
        options = ["a point before a fraction", "a point between thousands"]
        if doubt == ",":
            options = ["a comma between thousands", "a comma before a fraction"]
        question = f"{', '.join(one.profile.examples)}: what is '{doubt}'?"
        comma = self.asker.choose(where, question, options, sure=False)
        return Found(profile(one.profile.field, ",") if comma else one.profile, 0.6 * one.score, one.rivals)

    def _chosen(self) -> dict[str, str]:
        """Asks whether day or month comes first where no date of the feed says so."""
        chosen = {}
        known = [p.dates for p in self.plan.profiles.values() if p.dates and p.dates.share > 0.9 and not p.dates.other]
        decided = [day.pattern for day in known if day.pattern[:1] in "dM"]
        for one in self.found.values():
            day = one.profile.dates
            if day is None or not day.other or one.profile.field.type:
                continue
            options = [day.pattern, day.other]
            if self.shop.country == "US":
                options.reverse()
            same = {p[:1] for p in decided if p[1:2] == day.pattern[1:2]}
            if len(same) == 1:
                options.sort(key=lambda pattern: pattern[:1] not in same)
            where, example = f"{self.plan.feed.name}.{one.profile.field.name}", one.profile.examples[0]
            question = f"{example}: which is the day?"
            chosen[day.pattern] = options[self.asker.choose(where, question, options, sure=len(same) == 1)]
        return chosen

    def put(
        self, column: str, expression: str | None, concept: str = "", note: str = "", confidence: float = 0.5
    ) -> None:
        """A column; its confidence is that of the concept's field, where it has one."""
        if expression is None:
            return
        one = self.found.get(concept)
        if one is None:
            self.made[column] = Column(column, expression, confidence, note=note)
            return
        shown = tuple(masked(one.profile, e) for e in one.profile.examples)
        score = one.score * (0.6 if one.rivals else 1)
        self.made[column] = Column(column, expression, round(score, 2), one.profile.field.header, shown, note)

    def texts(self, *pairs: tuple[str, str]) -> None:
        self._each(pairs, sql.text)

    def numbers(self, *pairs: tuple[str, str]) -> None:
        self._each(pairs, sql.number)

    def booleans(self, *pairs: tuple[str, str]) -> None:
        self._each(pairs, sql.boolean)

    def times(self, *pairs: tuple[str, str]) -> None:
        self._each(pairs, lambda one: sql.timestamp(one, self.clock))

    def day(self, column: str, concept: str) -> None:
        self._each([(column, concept)], lambda one: sql.day(one, self.clock))

    def _each(self, pairs: Iterable[tuple[str, str]], expression: Callable[[Profile], str]) -> None:
        for column, concept in pairs:
            if concept in self.found:
                self.put(column, expression(self.found[concept].profile), concept)

    def unsure(self, column: str, expression: str, note: str) -> None:
        """A column that no field says: a guess that the person is told of."""
        self.put(column, expression, note=note, confidence=0.3)
        self.asker.unsure.append((f"{self.plan.feed.name}.{column}", note))

    def who(self) -> None:
        """record_id: whose the row is, as its feed knows them; null: nobody's."""
        ids: list[tuple[str, str]] = [
            (c, self.spaces[c]) for c in ("customer_id", "account_id", "card_id") if c in self.found
        ]
        ids += [(c, c.removesuffix("_id")) for c in ("device_id", "cookie_id", "handle") if c in self.found]
        if not ids and "email" in self.found:
            ids = [("email", "email")]
        if self.plan.reading.table == "silver.tickets" and not any(c in self.spaces for c, _ in ids):
            ids = (
                [("ticket_id", "ticket")] if "ticket_id" in self.found else []
            )  # identity knows their e-mail and phone
        parts = [sql.who(prefix, self.found[c].profile) for c, prefix in ids]
        if parts:
            self.put("record_id", f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0], ids[0][0])
            one = self.found[ids[0][0]].profile
            if one.top[1] > 0.2 and one.distinct > 20:
                note = f"{one.top[1]:.0%} of the rows are of {masked(one, one.top[0])!r}; if that means nobody, write null for it"
                self.asker.unsure.append((f"{self.plan.feed.name}.record_id", note))

    def account(self) -> None:
        concept = "account_id" if "account_id" in self.found else "customer_id"
        self.texts(("account_id", concept), ("card_id", "card_id"), ("device_id", "device_id"))

    def money(self, *concepts: str) -> None:
        """currency: the feed's own field, the sign beside its prices, or the shop's."""
        if "currency" in self.found:
            one = self.found["currency"].profile
            signs = {t: SIGNS[t] for t in one.seen if SIGNS.get(t) and SIGNS[t] != t}
            cases = " ".join(f"when {sql_literal(t)} then '{code}'" for t, code in sorted(signs.items()))
            self.put(
                "currency",
                f"case {one.field.sql} {cases} else {one.field.sql} end" if cases else sql.text(one),
                "currency",
            )
            return
        priced = [self.found[c].profile for c in concepts if c in self.found]
        signs_of = {SIGNS[s] for p in priced if p.numbers for s in p.numbers.signs if SIGNS[s]}
        if not priced:
            return
        code = signs_of.pop() if len(signs_of) == 1 else self.shop.currency
        self.put("currency", f"'{code}'", confidence=0.9 if code == self.shop.currency else 0.6)

    def channel(self) -> None:
        if "channel" in self.found:
            one = self.found["channel"].profile
            for value in one.common:
                kind = "store" if shop.is_store(value) else "online"
                self.shop.channels.setdefault(value, kind)
            self.texts(("channel", "channel"))
            return
        if self.plan.reading.table == "silver.interactions" and "event_type" not in self.found:
            self.shop.channels.setdefault("social", "other")
            self.put("channel", "'social'", confidence=0.7)
            return
        name, kind = shop.channel(self.plan.feed, self.plan.profiles, self.asker)
        self.shop.channels.setdefault(name, kind)
        self.put("channel", f"'{name}'", confidence=0.7)

    def identified(self, column: str, concept: str, *parts: str) -> None:
        """The record's own id, or the hash of what tells it from others."""
        if concept in self.found:
            self.texts((column, concept))
            return
        inner = ", ".join(f"cast({self.found[p].profile.field.sql} as string)" for p in parts if p in self.found)
        self.put(column, f"sha2(concat_ws('|', {inner}), 256)", note="no field has an id", confidence=0.6)


def _names(field: str, expressions: str) -> bool:
    """Whether the expressions name the field."""
    return bool(re.search(rf"(?<![\w.`]){re.escape(field)}(?![\w`])", expressions))
