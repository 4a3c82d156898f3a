"""What the values of a field are: a share of them for every kind that they may be of."""

import dataclasses
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from onecart.onboarding.profiling.formats import SIGNS, Dates, Numbers, dates, epoch, numbers
from onecart.onboarding.profiling.sample import Feed, Field

_VALUES = 2_000  # values of a field that are looked at one by one
_EMAIL = re.compile(r"[^@\s,;<>]{1,64}@[^@\s,;<>]{1,190}\.[A-Za-z]{2,24}")
_PHONE = re.compile(r"\+?[\d(][\d ()/.-]{5,20}\d")
_CODE = re.compile(r"[#\w][\w./#:-]{0,63}")
_YES = {
    "y",
    "yes",
    "true",
    "t",
    "ja",
    "j",
    "oui",
    "o",
    "si",
    "sí",
    "s",
    "はい",
    "有",
    "可",
    "on",
    "1",
    "x",
    "subscribed",
}
_NO = {"n", "no", "false", "f", "nein", "non", "いいえ", "無", "不可", "off", "0", "unsubscribed", "not_subscribed"}
_NOTHING = {"null", "none", "n/a", "na", "nan", "-", "--", "(not set)", "なし", "nil", "undefined"}


@dataclass
class Profile:
    """One field: `kinds` says which share of its values may be of which kind; `nothing`: words that stand for no value."""

    field: Field
    rows: int
    distinct: int
    kinds: dict[str, float]
    examples: list[str]
    nothing: tuple[str, ...] = ()
    dates: Dates | None = None
    numbers: Numbers | None = None
    epoch: str = ""
    words: float = 0.0  # words of a value, on average
    top: tuple[str, float] = ("", 0.0)  # the most frequent value, and its share
    common: list[str] = dataclasses.field(default_factory=list)  # the most frequent values
    seen: frozenset[str] = frozenset()

    @property
    def unique(self) -> float:
        """Different values for each row; a file may say again what an earlier one said."""
        return self.distinct * self.field.files / max(1, self.rows)

    def of(self, kind: str) -> float:
        return self.kinds.get(kind, 0.0)


def profiles(feed: Feed) -> dict[str, Profile]:
    """Every field that has a value. Numbers that leave their decimal mark open take that of the feed's other numbers."""
    found = {name: profile(one) for name, one in feed.fields.items() if one.values}
    marks = Counter(p.numbers.mark for p in found.values() if p.numbers and not p.numbers.whole and not p.numbers.doubt)
    mark = (
        marks.most_common(1)[0][0]
        if marks
        else ","
        if feed.layout.format == "csv" and feed.layout.delimiter == ";"
        else ""
    )
    if mark:
        for name, one in found.items():
            if one.numbers and one.numbers.doubt:
                found[name] = profile(one.field, mark)
    return found


def profile(one: Field, mark: str = "") -> Profile:
    texts = [text_of(v) for v in one.values]
    counts = Counter(texts)
    nothing = tuple(t for t in counts if t.lower() in _NOTHING)
    for text in nothing:
        del counts[text]
    every = max(1, len(counts) // _VALUES)
    looked = list(counts)[::every]
    result = Profile(one, len(texts) + one.blank, len(counts), {}, looked[:3], nothing)
    if not looked:
        return result
    result.seen = frozenset(counts)
    result.common = [text for text, _ in counts.most_common(40)]
    result.top = (result.common[0], counts[result.common[0]] / counts.total())
    result.words = sum(len(re.findall(r"\w+", t)) for t in looked) / len(looked)
    result.dates, result.epoch, result.numbers = dates(looked), epoch(looked), numbers(looked, mark)
    n = len(looked)

    def share(pattern: re.Pattern[str]) -> float:
        return sum(bool(pattern.fullmatch(t)) for t in looked) / n

    number, day = result.numbers, result.dates
    digits = share(re.compile(r"\d+"))
    lower = {t.lower() for t in looked}
    signed = number is not None and bool(number.signs)
    kinds = {
        "email": share(_EMAIL),
        "phone": share(_PHONE) if not day or day.share < 0.5 else 0.0,
        "boolean": 1.0 if lower <= _YES | _NO and len(lower) <= 4 else 0.0,
        "time": day.share if day and day.timed else 0.0,
        "date": day.share if day else 0.0,
        "epoch": 1.0 if result.epoch else 0.0,
        "number": number.share if number else 0.0,
        "integer": number.share if number and number.whole else 0.0,
        "money": number.share if number and (signed or not number.units) else 0.0,
        "currency": sum(t in SIGNS or bool(re.fullmatch(r"[A-Z]{3}", t)) for t in looked) / n
        if len(looked) <= 20
        else 0.0,
        "code": share(_CODE) * (1.0 if any(c.isdigit() for t in looked for c in t) else 0.6),
        "numbered": sum(bool(_CODE.fullmatch(t)) and any(map(str.isdigit, t)) for t in looked) / n,
        "text": min(1.0, result.words / 6) * (1 - digits),
        "label": (1 - digits) * (1.0 if len(counts) < max(20, 0.2 * counts.total()) else 0.7),
        "name": share(re.compile(r"[^\W\d_][\w .,'’・-]{0,60}")) * (1 - digits) * (1.0 if result.words < 4 else 0.4),
        "rating": 1.0 if number and number.whole and number.largest <= 5 and not number.negative else 0.0,
    }
    if one.type in ("instant", "timestamp", "date"):
        kinds = {"time": 1.0, "date": 1.0}
    elif one.type == "boolean" or all(isinstance(v, bool) for v in one.values):
        kinds = {"boolean": 1.0}
    result.kinds = {kind: s for kind, s in kinds.items() if s > 0}
    return result


def text_of(value: object) -> str:
    """A value as a record's text has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def yes_words(one: Profile) -> list[str]:
    return sorted(t for t in one.seen if t.lower() in _YES)


def no_words(one: Profile) -> list[str]:
    return sorted(t for t in one.seen if t.lower() in _NO)


def masked(one: Profile, text: str) -> str:
    """An example as it may be shown: no person can be reached by it."""
    if one.of("email") > 0.5 or "@" in text:
        name, at, domain = text.partition("@")
        return f"{name[:1]}***{at}{domain[:1]}***"
    if one.of("phone") > 0.5 and one.of("number") < 0.5:
        return f"{text[:3]}***{text[-2:]}"
    return text if len(text) <= 40 else f"{text[:39]}…"
