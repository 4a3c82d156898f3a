"""What a feed's text files are read by: as records, and with some of their records blanked."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from onecart.records.delimited import csv_records
from onecart.records.lines import Lines, Record, is_utf_16, original
from onecart.records.objects import json_records

_GONE = "null"  # stands for a blanked object among others of its line, which keep their places


@dataclass(frozen=True)
class Reader:
    """`form`: json, csv, or text, of which each line is a record. `wanted`: plain names of columns that the mapping knows."""

    form: str
    encoding: str = "utf-8"
    delimiter: str = ","
    wanted: frozenset[str] = frozenset()

    def records(self, raw_lines: Iterable[bytes]) -> Iterator[Record]:
        """The records of one file, whose bytes come cut at line feeds. UTF-16 is a problem line by line: its line ends
        cannot be told by their bytes."""
        raws = iter(raw_lines)
        first = next(raws, None)
        if first is None:
            return
        raws = chain([first], raws)
        if is_utf_16(first):
            escapes = (raw.decode("ascii", "backslashreplace") for raw in raws)
            yield from (
                Record(text, no, 0, None, "encoding", no, 0, len(text)) for no, text in enumerate(escapes, 1) if text
            )
            return
        lines = Lines(raws, self.encoding)
        if self.form == "csv":
            yield from csv_records(lines, self.delimiter, self.wanted)
        elif self.form == "json":
            yield from json_records(lines)
        else:
            while line := lines.next():
                yield Record(line.text, line.no, 0, None, None, line.no, 0, len(line.text))

    def blanked(
        self, raw_lines: Iterable[bytes], places: Collection[tuple[int, int]], found: Callable[[str], bool]
    ) -> Iterator[bytes]:
        """The file without the records at `places` (line_no, record_no) and those of which `found` is true: their lines are
        empty, so that all others keep their numbers. So are lines of no record (titles) of which it is true."""
        waiting: deque[_Raw] = deque()

        def noted() -> Iterator[bytes]:
            first = 1
            for raw in raw_lines:
                waiting.append(_Raw(raw, first))
                first = waiting[-1].after
                yield raw

        for record in self.records(noted()):
            while waiting and waiting[0].after <= record.line_no:
                yield waiting.popleft().blanked(self.encoding, found)
            theirs = [raw for raw in waiting if raw.first <= record.last_line]
            for raw in theirs:
                raw.read = True
            if (record.line_no, record.record_no) in places or found(record.payload):
                _cut(theirs, record, self.encoding)
        for raw in waiting:
            yield raw.blanked(self.encoding, found)


class _Raw:
    """Bytes up to a line feed, which are lines `first` to before `after`. `read`: a record has a part of them."""

    def __init__(self, raw: bytes, first: int) -> None:
        self.raw, self.first = raw, first
        self.after = first + 1 + raw.removesuffix(b"\r").count(b"\r")
        self.read = False

    def blanked(self, encoding: str, found: Callable[[str], bool]) -> bytes:
        if not self.read and self.raw.strip() and found(self.raw.decode(encoding, "replace")):
            return b""
        return self.raw

    def texts(self, encoding: str) -> list[str]:
        return [line.text for line in iter(Lines([b"", self.raw], encoding).next, None)][1:]

    def put(self, texts: list[str], encoding: str) -> None:
        ends = self.raw.endswith(b"\r") and any(texts)
        self.raw = b"\r".join(original(text, encoding) for text in texts) + (b"\r" if ends else b"")


def _cut(raws: list[_Raw], record: Record, encoding: str) -> None:
    """Takes a record out of its lines."""
    texts = {raw.first: raw.texts(encoding) for raw in raws}
    lines = {first + i: text for first, those in texts.items() for i, text in enumerate(those)}
    before, after = lines[record.line_no][: record.start], lines[record.last_line][record.end :]
    alone = not before.strip() and not after.strip()
    for no in range(record.line_no, record.last_line + 1):
        lines[no] = ""
    if not alone:
        gap = max(0, record.end - record.start - len(_GONE)) if record.last_line == record.line_no else 0
        lines[record.line_no] = before + _GONE + (" " * gap + after if record.last_line == record.line_no else "")
        if record.last_line != record.line_no:
            # What comes after it begins where it did.
            lines[record.last_line] = " " * record.end + after
    for raw in raws:
        raw.put([lines[raw.first + i] for i in range(raw.after - raw.first)], encoding)
