"""Finds a person's identifiers in any bytes. Removal and certificate use the same finder, so they agree."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache

from onecart.governance.phones import country_codes
from onecart.governance.suppression import normal

_WORD = re.compile(rb"[0-9a-z_\x80-\xff]{4,}")
_GAP = rb"[ ().\-/]{0,3}"
_SPELLED = {"@": rb"(?:@|%40|\\u0040)", "+": rb"(?:\+|%2b)", " ": rb"[^0-9a-z_\x80-\xff]{1,3}"}
OVERLAP = 1024  # bytes that two chunks of one file must share, so that no identifier falls between them


class Matcher:
    """Knows identifiers of one person: (kind, value) pairs; finds them as whole words, whatever their case.

    An e-mail also URL-encoded, a phone number however it is spaced and prefixed, a name with anything short between its
    parts, in both orders.
    """

    def __init__(self, identifiers: Iterable[tuple[str, str]]) -> None:
        self._anchored: dict[bytes, list[tuple[str, re.Pattern[bytes]]]] = {}
        self._direct: list[tuple[str, re.Pattern[bytes]]] = []
        self._numbers: list[tuple[str, re.Pattern[bytes]]] = []
        for kind, value in identifiers:
            if kind == "phone":
                digits = normal("phone", value).encode()
                pattern = _GAP.join(bytes([d]) for d in digits) + rb"(?![0-9])"
                self._numbers.append((kind, re.compile(pattern)))
                continue
            for form in _forms(kind, value):
                self._add(kind, form)

    def _add(self, kind: str, form: str) -> None:
        spelled = b"".join(_SPELLED.get(c) or re.escape(c.encode().lower()) for c in form)
        tail = rb"(?![0-9a-z_\x80-\xff])" + (rb"(?!\.[0-9])" if form.isdigit() else b"")
        pattern = re.compile(
            (rb"(?<![0-9]\.)" if form.isdigit() else b"") + rb"(?<![0-9a-z_\x80-\xff])" + spelled + tail
        )
        words = _WORD.findall(form.encode().lower())
        if words:
            self._anchored.setdefault(max(words, key=len), []).append((kind, pattern))
        else:
            self._direct.append((kind, pattern))

    def find(self, data: bytes) -> Iterator[tuple[str, int]]:
        """(kind, position) of what stands in `data`; of each identifier its first place at least."""
        low = data.lower()
        for word in self._anchored.keys() & set(_WORD.findall(low)):
            for kind, pattern in self._anchored[word]:
                for hit in pattern.finditer(low):
                    yield kind, hit.start()
        for kind, pattern in self._direct:
            for hit in pattern.finditer(low):
                yield kind, hit.start()
        for kind, pattern in self._numbers:
            for hit in pattern.finditer(low):
                if _before_number().search(low[max(0, hit.start() - 12) : hit.start()]):
                    yield kind, hit.start()

    def kinds(self, data: bytes) -> set[str]:
        """The kinds of identifier that stand in `data`."""
        return {kind for kind, _ in self.find(data)}

    def stands_in(self, text: str) -> bool:
        """Whether the text holds an identifier."""
        return any(self.find(text.encode()))

    def __bool__(self) -> bool:
        return bool(self._anchored or self._direct or self._numbers)


@cache
def _before_number() -> re.Pattern[bytes]:
    """What may stand before a national number: nothing, zeros, or a country's code; of 44 also without a sign of it."""
    code = rb"(?:\+|00)" + _GAP + rb"(?:" + country_codes().encode() + rb")?"
    return re.compile(rb"(?:^|[^0-9a-z_])(?:" + code + rb"|44)?" + _GAP + rb"0?" + _GAP + rb"$")


def _forms(kind: str, value: str) -> set[str]:
    """The ways a value is written; bytes are compared in lower case, which for letters beyond ASCII needs each case."""
    words = value.split()
    orders = {value.strip(), " ".join(reversed(words))} if kind == "name" else {value.strip()}
    if value.isascii():
        return {form.lower() for form in orders}
    cases = {case for form in orders for case in (form, form.lower(), form.upper(), form.title())}
    return cases | {json.dumps(case)[1:-1] for case in cases}
