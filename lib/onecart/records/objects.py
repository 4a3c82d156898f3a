"""JSON objects one after another: one a line, several, over many lines, or in an array."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from onecart.records.lines import MOST_CHARACTERS, MOST_LINES, Line, Lines, Record

_decoder = json.JSONDecoder(parse_int=str, parse_float=str)
_scan_once: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]
_NOT_JSON = (ValueError, StopIteration, RecursionError)
_SPACE = re.compile(r"[ \t\ufeff]*")
_NULL = re.compile(r"null(?![\w.])")
_TOKEN = re.compile(
    r'[ \t]*(?:(?P<text>"(?:[^"\\\x00-\x1f]|\\.)*")|(?P<mark>[{}\[\],:])|(?P<plain>[-+.\w]+))', re.DOTALL
)
_DEEPEST = 200


def json_records(lines: Lines) -> Iterator[Record]:
    """The objects of a file, in an array or not; `null` stands where there is none any more, and is no record.

    A line that holds anything else, too, is one record with a problem, never read by half. So is an object that is not
    JSON: up to where it ends by its indentation, else its first line alone.
    """
    in_array = False
    while line := lines.next():
        no, text = line
        if text.startswith("{"):  # most files have one object a line
            try:
                end = _scan_once(text, 0)[1]
            except _NOT_JSON:
                end = -1
            if end == len(text):
                payload, bad = lines.readable(text)
                yield Record(payload, no, 0, None, "encoding" if bad else None, no, 0, end)
                continue
        if text and not text.isspace():
            found, in_array = _in_line(line, lines, in_array)
            yield from found


def _in_line(line: Line, lines: Lines, in_array: bool) -> tuple[list[Record], bool]:
    """The records that begin in the line, and in the last line of one that goes on from there; whether an array is open
    after them."""
    earlier: list[Record] = []  # that end before `here`
    found: list[Record] = []
    here, was_in_array = 0, in_array
    at = count = 0
    while True:
        if space := _SPACE.match(line.text, at):
            at = space.end()
        mark = line.text[at : at + 1]
        taken: list[Line] = []
        if not mark:
            return earlier + found, in_array
        if mark == "[" and not in_array:
            in_array, at = True, at + 1
        elif mark in ",]" and in_array:
            in_array, at = mark == ",", at + 1
        elif _NULL.match(line.text, at):
            at, count = at + 4, count + 1
        elif mark == "{" and (whole := _object(line, at, lines, taken)):
            text, last, end = whole
            payload, bad = lines.readable(text)
            found.append(Record(payload, line.no, count, None, "encoding" if bad else None, last.no, at, end))
            at, count = end, count + 1
            if last is not line:
                line, here, count, was_in_array = last, end, 0, in_array
                earlier, found = earlier + found, []
        else:
            return [*earlier, _malformed(line, here, taken, lines)], was_in_array


def _object(line: Line, at: int, lines: Lines, taken: list[Line]) -> tuple[str, Line, int] | None:
    """The object that begins there: its text, its last line, and where it ends in it. None: there is none that is JSON.
    Lines that it took from `lines` are added to `taken`."""
    try:
        end = _scan_once(line.text, at)[1]
        return line.text[at:end], line, end
    except _NOT_JSON:
        pass
    syntax, parts, size = _Syntax(), [line.text[at:]], len(line.text)
    end = syntax.read(line.text, at)
    while end == _Syntax.OPEN and len(parts) < MOST_LINES and size < MOST_CHARACTERS:
        following = lines.next()
        if following is None:
            return None
        taken.append(following)
        parts.append(following.text)
        size += len(following.text)
        end = syntax.read(following.text, 0)
    if end < 0 or not taken:
        return None
    text = "\n".join([*parts[:-1], parts[-1][:end]])
    try:
        return (text, taken[-1], end) if _scan_once(text, 0)[1] == len(text) else None
    except _NOT_JSON:
        return None


def _malformed(line: Line, start: int, taken: list[Line], lines: Lines) -> Record:
    """What stands in the line from `start` as a record with a problem. An object over lines, which took those after it, is
    one up to the next line that is not further in."""
    block: list[Line] = []
    if taken:
        depth = _indentation(line.text)
        while len(block) < MOST_LINES:
            following = taken.pop(0) if taken else lines.next()
            if following is None:
                break
            block.append(following)
            if following.text.strip() and _indentation(following.text) <= depth:
                if not following.text.lstrip().startswith(("}", "]")):
                    taken, block = [*block, *taken], []  # it has no end: its first line alone
                break
        else:
            taken, block = [*block, *taken], []
    lines.give_back(taken)
    last = block[-1] if block else line
    payload, bad = lines.readable("\n".join([line.text[start:], *(one.text for one in block)]))
    return Record(payload, line.no, 0, None, "encoding" if bad else "malformed", last.no, start, len(last.text))


def _indentation(text: str) -> int:
    return len(text) - len(text.lstrip())


class _Syntax:
    """JSON's grammar, token by token: tells of an object over many lines that it is broken where it is."""

    OPEN, BROKEN = -1, -2

    def __init__(self) -> None:
        self._within: list[str] = []  # the marks that close what is open
        self._next = "value"

    def read(self, text: str, at: int) -> int:
        """Reads the next line from `at`. Where the object ends in it, else OPEN or BROKEN."""
        while token := _TOKEN.match(text, at):
            at = token.end()
            if not self._takes(token):
                return self.BROKEN
            if not self._within:
                return at
        return self.BROKEN if text[at:].strip() else self.OPEN

    def _takes(self, token: re.Match[str]) -> bool:
        mark, expected = token["mark"], self._next
        if mark in ("{", "["):
            self._within.append("}" if mark == "{" else "]")
            self._next = "first key" if mark == "{" else "first value"
            return expected in ("value", "first value") and len(self._within) <= _DEEPEST
        if mark in ("}", "]"):
            self._next = "comma"
            return expected in ("comma", "first key" if mark == "}" else "first value") and self._within.pop() == mark
        if mark == ",":
            self._next = "key" if self._within[-1] == "}" else "value"
            return expected == "comma"
        if mark == ":":
            self._next = "value"
            return expected == "colon"
        if expected in ("key", "first key"):
            self._next = "colon"
            return token["text"] is not None
        self._next = "comma"
        return expected in ("value", "first value")
