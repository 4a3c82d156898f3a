"""Conditions on customers as people write them in settings: typed, checked before they run, and made to SQL.

    orders >= 3 AND (recency_score >= 4 OR intent_decile <= 3)
    country IN ('France', 'Spain') AND NOT consent_email
    top_categories CONTAINS 'MUGS' AND days_since(last_seen_ts) < 30
    date_of_birth BETWEEN '1980-01-01' AND '1989-12-31' AND phone IS NOT NULL

What is not known of a customer (null) makes a comparison neither true nor false, as in SQL; a rule then does not hold.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError, nearest
from onecart.frames import sql_literal

NUMBER, TEXT, FLAG, DAY, LIST, NOTHING = "a number", "text", "true or false", "a date", "a list", "null"
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)|(?P<text>'[^']*(?:''[^']*)*')|(?P<word>[^\W\d]\w*)|(?P<mark><=|>=|<>|!=|==|[-+*/()<>=,])"
)
_COMPARE = {"=", "==", "!=", "<>", "<", "<=", ">", ">="}
_RESERVED = {"and", "or", "not", "in", "between", "is", "null", "contains", "true", "false"}
_LONGEST = 2_000  # letters of a condition
_DEEPEST = 50  # brackets within brackets


@dataclass(frozen=True)
class _Part:
    sql: str
    kind: str
    said: str  # as the condition has it
    literal: str | None = None  # the value of a text in quotes


NAMES = {  # column -> what conditions call it
    "rfm_r": "recency_score",
    "rfm_f": "frequency_score",
    "rfm_m": "monetary_score",
    "decile": "intent_decile",
}


def holds(rows: DataFrame, condition: str, what: str) -> Column:
    """Whether the condition holds, over the columns of `rows` by the names that conditions have for them (rfm_r is recency_score,
    rfm_f frequency_score, rfm_m monetary_score, decile intent_decile). UsageError: see `to_sql`."""
    columns = kinds(rows.schema)
    theirs = {name: column for column, name in NAMES.items() if column in columns}
    known = {name: kind for name, kind in columns.items() if name not in NAMES}
    sql = to_sql(condition, known | {name: columns[column] for name, column in theirs.items()}, what, theirs)
    return F.expr(sql)


def kinds(schema: T.StructType) -> dict[str, str]:
    """Column -> what it holds; columns of other types cannot be asked for and are left out."""
    known = (
        (T.NumericType, NUMBER),
        (T.StringType, TEXT),
        (T.BooleanType, FLAG),
        (T.DateType, DAY),
        (T.TimestampType, DAY),
    )
    found = {f.name: next((k for t, k in known if isinstance(f.dataType, t)), "") for f in schema.fields}
    found |= {f.name: LIST for f in schema.fields if f.dataType == T.ArrayType(T.StringType())}
    return {name: kind for name, kind in found.items() if kind}


def to_sql(condition: str, columns: Mapping[str, str], what: str, theirs: Mapping[str, str] | None = None) -> str:
    """The condition as SQL over `columns` (see `kinds`); `as_of` among them is what days_since counts to.

    UsageError: it is no condition, names a column that is not there, or compares what cannot be compared. `what`: whose
    condition it is, as in "the segment 'loyal'". theirs: name -> column, of names that are not the column's.
    """
    return _Reader(condition, columns, what, theirs or {}).read()


class _Reader:
    """Recursive descent, one token ahead."""

    def __init__(self, condition: str, columns: Mapping[str, str], what: str, theirs: Mapping[str, str]) -> None:
        self._text, self._columns, self._what, self._depth = condition, columns, what, 0
        self._theirs = theirs
        if len(condition) > _LONGEST:
            raise self._wrong(f"is longer than {_LONGEST:,} letters")
        self._tokens = self._split()
        self._at = 0

    def read(self) -> str:
        part = self._flag(self._either())
        if self._at < len(self._tokens):
            raise self._wrong(f"cannot go on with {self._tokens[self._at][1]!r}")
        return part.sql

    def _split(self) -> list[tuple[str, str]]:
        found, at, text = [], 0, self._text
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise self._wrong(f"has {text[at]!r} where none can be (texts are in single quotes)")
            found.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return found

    def _wrong(self, why: str) -> UsageError:
        return UsageError(f'{self._what}: the condition "{self._text[:200]}" {why}')

    def _next(self, *wanted: str) -> str | None:
        """The next token, taken, if it is one of `wanted`."""
        if self._at < len(self._tokens) and self._tokens[self._at][0] != "text":
            word = self._tokens[self._at][1].lower()
            if word in wanted:
                self._at += 1
                return word
        return None

    def _must(self, word: str) -> None:
        if not self._next(word):
            now = repr(self._tokens[self._at][1]) if self._at < len(self._tokens) else "its end"
            raise self._wrong(f"needs {word.upper()!r} before {now}")

    def _flag(self, part: _Part) -> _Part:
        if part.kind != FLAG:
            raise self._wrong(f"needs true or false where '{part.said}' is {part.kind}")
        return part

    def _either(self) -> _Part:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"has more than {_DEEPEST} brackets within each other")
        part = self._both()
        while self._next("or"):
            other = self._flag(self._both())
            part = _Part(f"({self._flag(part).sql} OR {other.sql})", FLAG, part.said)
        self._depth -= 1
        return part

    def _both(self) -> _Part:
        part = self._not()
        while self._next("and"):
            other = self._flag(self._not())
            part = _Part(f"({self._flag(part).sql} AND {other.sql})", FLAG, part.said)
        return part

    def _not(self) -> _Part:
        turns = 0
        while self._next("not"):
            turns += 1
        part = self._compared()
        return _Part(f"(NOT {self._flag(part).sql})", FLAG, part.said) if turns % 2 else part

    def _compared(self) -> _Part:
        left = self._sum()
        if mark := self._next(*_COMPARE):
            return self._pair(left, "=" if mark == "==" else mark, self._sum())
        if self._next("is"):
            known = "NOT " if self._next("not") else ""
            self._must("null")
            return _Part(f"({left.sql} IS {known}NULL)", FLAG, left.said)
        if self._next("contains"):
            right = self._sum()
            if (left.kind, right.kind) != (LIST, TEXT):
                raise self._wrong(f"asks with CONTAINS for text in a list, but '{left.said}' is {left.kind}")
            return _Part(f"array_contains({left.sql}, {right.sql})", FLAG, left.said)
        turned = self._next("not")
        if self._next("in"):
            found = self._among(left)
        elif self._next("between"):
            low = self._sum()
            self._must("and")
            found = f"({self._pair(left, '>=', low).sql} AND {self._pair(left, '<=', self._sum()).sql})"
        elif turned:
            raise self._wrong("has NOT where neither IN nor BETWEEN follows")
        else:
            return left
        return _Part(f"(NOT {found})" if turned else found, FLAG, left.said)

    def _among(self, left: _Part) -> str:
        self._must("(")
        parts = [self._pair(left, "=", self._sum()).sql]
        while self._next(","):
            parts.append(self._pair(left, "=", self._sum()).sql)
        self._must(")")
        return f"({' OR '.join(parts)})"

    def _pair(self, left: _Part, mark: str, right: _Part) -> _Part:
        left, right = self._as_day(left, right), self._as_day(right, left)
        if NOTHING in (left.kind, right.kind):
            raise self._wrong("compares with null; write IS NULL or IS NOT NULL")
        if left.kind != right.kind or left.kind == LIST:
            raise self._wrong(f"compares '{left.said}', {left.kind}, with '{right.said}', {right.kind}")
        if left.kind == FLAG and mark not in ("=", "!=", "<>"):
            raise self._wrong(f"asks for an order of true and false with '{mark}'")
        return _Part(f"({left.sql} {mark} {right.sql})", FLAG, f"{left.said} {mark} {right.said}")

    def _as_day(self, part: _Part, beside: _Part) -> _Part:
        """A text in quotes beside a date is one."""
        if beside.kind != DAY or part.literal is None:
            return part
        try:
            day = date.fromisoformat(part.literal)
        except ValueError:
            raise self._wrong(
                f"compares '{beside.said}', a date, with '{part.literal}'; write it as '2026-11-28'"
            ) from None
        return _Part(f"DATE'{day}'", DAY, part.said)

    def _sum(self) -> _Part:
        part = self._product()
        while mark := self._next("+", "-"):
            part = self._computed(part, mark, self._product())
        return part

    def _product(self) -> _Part:
        part = self._one()
        while mark := self._next("*", "/"):
            part = self._computed(part, mark, self._one())
        return part

    def _computed(self, left: _Part, mark: str, right: _Part) -> _Part:
        for part in (left, right):
            if part.kind != NUMBER:
                raise self._wrong(f"computes with '{part.said}', which is {part.kind}")
        sql = f"({left.sql} / nullif({right.sql}, 0))" if mark == "/" else f"({left.sql} {mark} {right.sql})"
        return _Part(sql, NUMBER, f"{left.said} {mark} {right.said}")

    def _one(self) -> _Part:
        if self._next("-"):
            if self._next("-"):
                raise self._wrong("has '-' twice")
            return self._computed(_Part("0", NUMBER, "0"), "-", self._one())
        if self._next("("):
            part = self._either()
            self._must(")")
            return part
        if self._at == len(self._tokens):
            raise self._wrong("ends where a column or a value should be" if self._tokens else "is empty")
        kind, word = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            return _Part(word, NUMBER, word)
        if kind == "text":
            value = word[1:-1].replace("''", "'")
            return _Part(sql_literal(value), TEXT, value, value)
        if kind == "mark":
            raise self._wrong(f"has '{word}' where a column or a value should be")
        return self._named(word)

    def _named(self, word: str) -> _Part:
        lower = word.lower()
        if lower in ("true", "false"):
            return _Part(lower, FLAG, lower)
        if lower == "null":
            return _Part("NULL", NOTHING, "null")
        if lower == "days_since" and self._next("("):
            part = self._one()
            self._must(")")
            if part.kind != DAY:
                raise self._wrong(f"asks for days_since of '{part.said}', which is {part.kind}")
            return _Part(f"datediff(`as_of`, {part.sql})", NUMBER, f"days_since({part.said})")
        if lower in _RESERVED:
            raise self._wrong(f"has {word} where a column or a value should be")
        if word not in self._columns:
            raise self._wrong(f"names a column '{word}' that customers do not have{nearest(word, self._columns)}")
        return _Part(f"`{self._theirs.get(word, word)}`", self._columns[word], word)
