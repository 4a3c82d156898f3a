"""The physical lines of one text file: decoded, numbered, and given back where a record does not end as it should."""

import codecs
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# How far a record may go on over lines: where none ends by then, its first line is a record alone.
MOST_LINES, MOST_CHARACTERS = 10_000, 1 << 22
_BYTE = 0xF0000  # an undecodable byte is carried through as a character of Unicode's private plane
_ESCAPED = re.compile(f"[{chr(_BYTE)}-{chr(_BYTE + 255)}]")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ERRORS = "onecart.bytes"


class Record(NamedTuple):
    """One record. It begins at character `start` of line `line_no` (from 1) as the `record_no`th that does (from 0), and ends
    before character `end` of line `last_line`. `problem`: the rule that it breaks as it stands, else None."""

    payload: str
    line_no: int
    record_no: int
    header: str | None
    problem: str | None
    last_line: int
    start: int
    end: int


class Line(NamedTuple):
    """A line's number, from 1, and its text without the line end."""

    no: int
    text: str


class Lines:
    """Lines, numbered, that can be given back."""

    def __init__(self, raw_lines: Iterable[bytes], encoding: str = "utf-8") -> None:
        self.undecodable = False  # whether a line so far had bytes that are not of the encoding
        self._new = self._numbered(raw_lines, encoding)
        self._again: deque[Line] = deque()

    def next(self) -> Line | None:
        return self._again.popleft() if self._again else next(self._new, None)

    def give_back(self, lines: Iterable[Line]) -> None:
        self._again.extendleft(reversed(list(lines)))

    def _numbered(self, raw_lines: Iterable[bytes], encoding: str) -> Iterator[Line]:
        """`raw_lines` are cut at line feeds; a carriage return ends a line, too."""
        no = 0
        for raw in raw_lines:
            if no == 0:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError:
                text, self.undecodable = raw.decode(encoding, _ERRORS), True
            for part in text.removesuffix("\r").split("\r") if "\r" in text else (text,):
                no += 1
                yield Line(no, part)

    def readable(self, text: str) -> tuple[str, bool]:
        """The text with undecodable bytes as escapes (`\\xfc`), and whether it has any."""
        return escaped(text) if self.undecodable else (text, False)


def escaped(text: str) -> tuple[str, bool]:
    shown, count = _ESCAPED.subn(lambda found: f"\\x{ord(found.group()) - _BYTE:02x}", text)
    return shown, count > 0


def original(text: str, encoding: str) -> bytes:
    """The bytes of a text of `Lines`."""
    parts = re.split(f"({_ESCAPED.pattern})", text)
    return b"".join(bytes([ord(p) - _BYTE]) if i % 2 else p.encode(encoding, "replace") for i, p in enumerate(parts))


def is_utf_16(first: bytes) -> bool:
    """Whether a file that begins so says that it is UTF-16, whose lines cannot be told by their bytes."""
    return first.startswith(_UTF_16)


def check_encoding(name: str) -> str:
    """The name, if Python knows it and its line ends and delimiters are those of ASCII. ValueError: it is not so."""
    plain = '\r\n",;|\t{}[]:sep=0123456789'
    try:
        fits = plain.encode(name) == plain.encode("ascii")
    except (LookupError, UnicodeError):
        fits = False
    if not fits:
        raise ValueError(f"encoding '{name}' cannot be read line by line; write utf-8, windows-1252 or the like")
    return name


def _as_characters(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(_BYTE + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_ERRORS, _as_characters)
