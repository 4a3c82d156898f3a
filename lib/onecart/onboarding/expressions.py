"""Fields -> SQL expressions of silver columns."""

import re
from dataclasses import dataclass

from onecart.frames import sql_literal
from onecart.onboarding.profiling.formats import Dates
from onecart.onboarding.profiling.kinds import Profile, no_words, yes_words
from onecart.onboarding.synonyms import GA4, event_type


def text(one: Profile) -> str:
    """The value; words that stand for none (`NULL`, `n/a`) are none."""
    sql = one.field.sql
    if not one.nothing:
        return sql
    return f"if({sql} in ({', '.join(map(sql_literal, sorted(one.nothing)))}), null, {sql})"


def who(prefix: str, one: Profile) -> str:
    """An id with the name of its kind before it; an e-mail address, which is none to be shown, as its hash."""
    value = f"nullif(trim({text(one)}), '')"
    if prefix == "email":
        value = f"sha2(lower({value}), 256)"
    return f"'{prefix}:' || {value}"


@dataclass(frozen=True)
class Clock:
    """How a feed's times are read: the zone of those that do not say theirs, and which of two patterns was chosen."""

    zone: str
    chosen: dict[str, str]  # pattern that leaves another -> the one to take

    def pattern(self, day: Dates) -> str:
        return self.chosen.get(day.pattern, day.pattern)


def timestamp(one: Profile, clock: Clock) -> str:
    sql = one.field.sql
    if one.epoch and not one.of("time"):
        return f"timestamp_{one.epoch}(cast({sql} as bigint))"
    parsed, zoned = _moment(one), one.field.type == "instant"
    if one.dates and not one.field.type:
        pattern, zoned = clock.pattern(one.dates), one.dates.zoned
        parsed = f"to_timestamp({sql}, {pattern_literal(pattern)})" if pattern else parsed
    return parsed if zoned or clock.zone == "UTC" else f"to_utc_timestamp({parsed}, '{clock.zone}')"


def _moment(one: Profile) -> str:
    sql = one.field.sql
    return f"timestamp_micros({sql} div 1000)" if one.field.nanos else f"to_timestamp({sql})"


def day(one: Profile, clock: Clock) -> str:
    if one.field.type:
        return f"to_date({_moment(one) if one.field.nanos else one.field.sql})"
    value, pattern = text(one), clock.pattern(one.dates) if one.dates else ""
    written = f"{value}, {pattern_literal(pattern)}" if pattern else value
    timed = bool(pattern and one.dates and one.dates.timed)
    parsed = f"to_date(to_timestamp({written}))" if timed else f"to_date({written})"
    return f"coalesce({parsed}, {value})"  # what is no day so stays a text: the row is set aside, its value is not lost


def pattern_literal(pattern: str) -> str:
    return '"' + pattern + '"' if "'" in pattern else f"'{pattern}'"


def number(one: Profile) -> str:
    """The digits with a decimal point: signs and units off, thousands together. What is no number so stays none."""
    sql, found = one.field.sql, one.numbers
    if found is None:
        return sql
    out = text(one)
    for sign in sorted(found.signs):
        out = f"replace({out}, {sql_literal(sign)}, '')"
    if found.units:
        out = f"regexp_replace({out}, '({'|'.join(map(_plain, sorted(found.units)))})$', '')"
    if found.signs or found.units:
        out = f"trim(replace({out}, '\u00a0', ' '))" if any("\u00a0" in e for e in one.common) else f"trim({out})"
    for mark in sorted(found.thousands):
        # Only before three digits, and after no single zero: neither 1.5 nor 0.750 among 1.234,00 is a thousandfold.
        quoted = "\\'" if mark == "'" else f"[{mark}]"
        out = f"regexp_replace({out}, '(?<!^0){quoted}(?=[0-9]{{3}}(?![0-9]))', '')"
    # A point that is left in a column of decimal commas becomes a comma: no number, so the row is set aside, not bent.
    return f"translate({out}, ',.', '.,')" if found.mark == "," else out


def unit(one: Profile) -> str | None:
    """The unit that stands behind the number."""
    if one.numbers is None or not one.numbers.units:
        return None
    units = "|".join(map(_plain, sorted(one.numbers.units, key=len, reverse=True)))
    return f"nullif(regexp_extract({one.field.sql}, '({units})$', 1), '')"


def _plain(word: str) -> str:
    return word.replace(".", "[.]")


def boolean(one: Profile) -> str:
    """The words of the sample that say yes and no. Another word stays, and is neither: its row is set aside."""
    sql, yes, no = one.field.sql, yes_words(one), no_words(one)
    if {w.lower() for w in [*yes, *no]} <= {"true", "false"}:
        return sql

    def among(words: list[str]) -> str:
        return f"trim({sql}) in ({', '.join(map(sql_literal, words))})"

    cases = (f" when {among(yes)} then 'true'" if yes else "") + (f" when {among(no)} then 'false'" if no else "")
    return f"case{cases} else {text(one)} end"


def event(one: Profile) -> str:
    """Event names in the words of silver.interactions; names it has no word for stay."""
    seen = [*one.common, *(GA4 if GA4 & one.seen else ())]
    known = {name: kind for name in seen if (kind := event_type(name)) and kind != name}
    if not known:
        return one.field.sql
    cases = " ".join(f"when {sql_literal(name)} then '{kind}'" for name, kind in sorted(known.items()))
    return f"case {one.field.sql} {cases} else {one.field.sql} end"


def names(one: Profile) -> tuple[str, str]:
    """(given name, surname) of a whole name. Japanese names, and those with a comma, begin with the surname."""
    sql = one.field.sql
    comma = sum("," in e for e in one.common) > 0.8 * len(one.common)
    by = "' *, *'" if comma else "'[ \u3000]+'" if any("\u3000" in e for e in one.common) else "' +'"
    first = f"element_at(split(trim({sql}), {by}), 1)"
    last = f"if(size(split(trim({sql}), {by})) > 1, element_at(split(trim({sql}), {by}), -1), null)"
    eastern = sum(bool(re.match(r"[\u3040-\u9fff]", e)) for e in one.common) > 0.5 * len(one.common)
    return (last, first) if comma or eastern else (first, last)
