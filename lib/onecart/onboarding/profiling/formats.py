"""How dates and numbers are written: the format, decided by the values, and whether they leave another."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

_TIME = (
    r"(?:(?P<t>[T ]\s*)(?P<h>\d{1,2}):(?P<m>\d\d)(?P<s>:\d\d)?(?P<f>\.\d{1,9})?(?P<ampm> ?[AaPp][Mm])?"
    r"(?P<zone> ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?)?"
)
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DATES = {  # the order of its parts -> how it is written
    "ymd": r"(?P<y>\d{4})(?P<sep>[-/.])(?P<a>\d{1,2})(?P=sep)(?P<b>\d{1,2})",
    "kanji": r"(?P<y>\d{4})年(?P<a>\d{1,2})月(?P<b>\d{1,2})日",
    "compact": r"(?P<y>(?:19|20)\d\d)(?P<a>0[1-9]|1[0-2])(?P<b>0[1-9]|[12]\d|3[01])",
    "named": rf"(?P<b>\d{{1,2}})(?P<sep>[- ])(?P<a>{_MONTHS})(?P=sep)(?P<y>\d{{4}})",
    "dmy": r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d\d)",
}
_PATTERNS = {order: re.compile(written + _TIME) for order, written in _DATES.items()}
_EPOCHS = {10: "seconds", 13: "millis", 16: "micros"}  # digits of the years 2001 to 2286


@dataclass(frozen=True)
class Dates:
    """`pattern`: Spark's, empty where it reads them as they are; `zoned`: they say how far from UTC they are; `other`: the
    pattern that would do as well (day and month the other way round)."""

    share: float
    pattern: str
    timed: bool
    zoned: bool
    other: str = ""


def dates(texts: Sequence[str]) -> Dates | None:
    """The one format of the dates or times in `texts`; None: most are neither."""
    matches: dict[tuple[str, str], list[re.Match[str]]] = {}
    for text in texts:
        for order, pattern in _PATTERNS.items():
            if (match := pattern.fullmatch(text)) and _is_day(order, match):
                key = (order, match.groupdict().get("sep") or "")
                matches.setdefault(key, []).append(match)
                break
    if not matches:
        return None
    (order, separator), found = max(matches.items(), key=lambda one: len(one[1]))
    share, time, zoned = len(found) / len(texts), _time(found), any(m["zone"] for m in found)
    timed = any(m["h"] for m in found)
    if order == "ymd" and separator == "-" and all(len(m["a"]) == len(m["b"]) == 2 for m in found) and _is_iso(found):
        return Dates(share, "", timed, zoned)
    days = {
        "ymd": f"yyyy{separator}M{separator}d",
        "kanji": "yyyy年M月d日",
        "compact": "yyyyMMdd",
        "named": f"d{separator}MMM{separator}yyyy",
    }
    if order != "dmy":
        return Dates(share, days[order] + time, timed, zoned)
    year = "yy" if all(len(m["y"]) == 2 for m in found) else "yyyy"
    day_first, month_first = (f"{p}{separator}{q}{separator}{year}{time}" for p, q in ("dM", "Md"))
    first, second = max(int(m["a"]) for m in found), max(int(m["b"]) for m in found)
    if first > 12 and second > 12:  # both orders in one column: most values decide, the check shows the others
        month_wins = sum(int(m["b"]) > 12 for m in found) > sum(int(m["a"]) > 12 for m in found)
        return Dates(
            share, month_first if month_wins else day_first, timed, zoned, day_first if month_wins else month_first
        )
    if second > 12:
        return Dates(share, month_first, timed, zoned)
    certain = first > 12 or separator == "."
    return Dates(share, day_first, timed, zoned, "" if certain else month_first)


def _is_day(order: str, match: re.Match[str]) -> bool:
    if order == "named":
        return 1 <= int(match["b"]) <= 31
    year, a, b = int(match["y"]), int(match["a"]), int(match["b"])
    for month, day in ((a, b),) if order != "dmy" else ((a, b), (b, a)):
        try:
            date(year if year > 99 else 2000 + year, month, day)
        except ValueError:
            continue
        return True
    return False


def _is_iso(found: list[re.Match[str]]) -> bool:
    """Whether Spark reads the times without a pattern."""
    return all(not m["ampm"] and re.fullmatch(r"|Z|[+-]\d\d:\d\d", m["zone"] or "") for m in found)


def _time(found: list[re.Match[str]]) -> str:
    """Spark's pattern of the time of day; what only some values have stands in brackets."""

    def part(group: str, pattern: str) -> str:
        n = sum(bool(m[group]) for m in found)
        return "" if n == 0 else pattern if n == len(found) else f"[{pattern}]"

    ampm = any(m["ampm"] for m in found)
    digits = max((len(m["f"] or "") for m in found), default=0) - 1
    hours = "h" if ampm else "H"
    zone = next((m["zone"] for m in found if m["zone"]), "")
    letters = {"": "", "Z": "X", "UTC": "VV", "GMT": "VV"}.get(zone.strip(), "XXX" if ":" in zone else "XX")
    start = "'T'" if any((m["t"] or "").startswith("T") for m in found) else " "
    clock = f"{start}{hours}:mm{part('s', ':ss')}{part('f', '.' + 'S' * digits)}"
    clock += (" a" if any((m["ampm"] or "").startswith(" ") for m in found) else "a") if ampm else ""
    clock += (" " if zone.startswith(" ") else "") + letters
    return part("h", clock)


def epoch(texts: Sequence[str]) -> str:
    """seconds, millis or micros since 1970, where nearly all are whole numbers that are times from 2001 to 2036; else empty."""
    lengths = Counter(len(text) for text in texts if text.isdecimal())
    length = max(lengths, key=lambda n: lengths[n], default=0)
    if length not in _EPOCHS:
        return ""
    second = 10 ** (length - 10)
    alike = [int(text) for text in texts if text.isdecimal() and len(text) == length]
    times = sum(10**9 * second <= moment < 21 * 10**8 * second for moment in alike)
    return _EPOCHS[length] if times > 0.95 * len(texts) else ""


SIGNS = {
    "€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY", "￥": "JPY", "円": "JPY", "EUR": "EUR", "GBP": "GBP", "USD": "USD",
    "JPY": "JPY", "CHF": "CHF", "kr": "", "zł": "PLN", "Fr.": "CHF",
}  # fmt: skip
_SIGNS = sorted(SIGNS, key=len, reverse=True)
UNITS = (
    "kg",
    "g",
    "l",
    "ml",
    "Stk.",
    "Stk",
    "St.",
    "St",
    "Stück",
    "pcs",
    "pc",
    "個",
    "点",
    "本",
    "枚",
    "uds",
    "pz",
    "lb",
    "oz",
    "m",
    "cm",
)
_WITH_UNIT = re.compile(rf"([-\d.,]+) ?({'|'.join(sorted(map(re.escape, UNITS), key=len, reverse=True))})")
_BODY = re.compile(r"[+-]?\d[\d.,'’ \u00a0\u202f]*")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([.,'’ \u00a0\u202f])\d{3})(?:\1\d{3})*")


@dataclass(frozen=True)
class Numbers:
    """`mark`: the decimal mark; `thousands`: what stands between thousands; `signs`, `units`: what stands beside the digits;
    `whole`: no value has a fraction; `doubt`: a mark with three digits after it, of which the values do not say what it is."""

    share: float
    mark: str = "."
    thousands: frozenset[str] = frozenset()
    signs: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    whole: bool = True
    doubt: str = ""
    largest: float = 0.0
    negative: bool = False


def numbers(texts: Sequence[str], mark: str = "") -> Numbers | None:
    """The one way in which the numbers in `texts` are written; None: most are none. `mark`: the decimal mark of the file's
    other numbers, where these leave it open."""
    bodies, signs, units = list[str](), set[str](), set[str]()
    for text in texts:
        body = text
        for sign in _SIGNS:
            if body.startswith(sign) or body.endswith(sign):
                signs.add(sign)
                body = body.replace(sign, "").strip(" \u00a0\u202f")
                break
        if match := _WITH_UNIT.fullmatch(body):
            units.add(match[2])
            body = match[1]
        if _BODY.fullmatch(body):
            bodies.append(body)
    if not bodies:
        return None
    found, thousands, doubt = "", set[str](), ""
    for body in bodies:
        marks = [c for c in body if c in ".,"]
        thousands |= {c for c in body if c in "'’ \u00a0\u202f"}
        if len(set(marks)) == 2:
            found = marks[-1]
        elif len(marks) == 1 and (body.lstrip("+-")[:1] == "0" or not _GROUPED.fullmatch(body)):
            found = found or marks[0]
    single = {c for body in bodies for c in body if c in ".,"}
    if not found and single:
        one = next(iter(single))
        many = any(body.count(one) > 1 for body in bodies)
        found, doubt = (mark, "") if mark else ("," if one == "." else ".", "") if many else (".", one)
    found = found or mark or "."
    thousands |= {c for c in single - {found} if any(c in b and _value(b, found, {c}) is not None for b in bodies)}
    values = [v for body in bodies if (v := _value(body, found, thousands)) is not None]
    if not values:
        return None
    return Numbers(
        len(values) / len(texts), found, frozenset(thousands), frozenset(signs), frozenset(units),
        all(v == int(v) for v in values), doubt, max(map(abs, values)), any(v < 0 for v in values),
    )  # fmt: skip


def _value(body: str, mark: str, thousands: Iterable[str]) -> float | None:
    head, _, tail = body.partition(mark)
    for separator in thousands:
        groups = head.lstrip("+-").split(separator)
        if len(groups) > 1 and not (0 < len(groups[0]) <= 3 and all(len(g) == 3 for g in groups[1:])):
            return None
        head = head.replace(separator, "")
    try:
        value = float(f"{head}.{tail or '0'}")
        return value if abs(value) < 1e30 else None
    except ValueError:
        return None
