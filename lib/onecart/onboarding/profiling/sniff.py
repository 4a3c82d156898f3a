"""What a file is, from its bytes: format, encoding, delimiter."""

import gzip
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from onecart.errors import DataError
from onecart.records.delimited import csv_records, fields
from onecart.records.lines import Lines, is_utf_16

DELIMITERS = (",", ";", "\t", "|")
_HEAD, _PIECE, _PIECES = 4 << 20, 512 << 10, 6  # bytes read at the start of a file, and in pieces further down
_RECORDS, _TEXT = 300, 1 << 18  # records, and letters, that decide on the delimiter


@dataclass(frozen=True)
class Layout:
    """How a file is to be read."""

    format: str  # csv | json | parquet
    encoding: str = "utf-8"
    delimiter: str = ","


def sniff(path: Path) -> Layout:
    """DataError: the file is none that OneCart reads."""
    found = pieces(path)
    head = found[0]
    if head[:4] == b"PAR1":
        return Layout("parquet")
    if head[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise DataError(f"{path} is a workbook or an archive; save each sheet as CSV, or unpack it")
    encoding = encoding_of(b"".join(found))
    text = decoded(head, encoding)
    if text.lstrip()[:1] in ("{", "["):
        return Layout("json", encoding)
    return Layout("csv", encoding, delimiter_of(text))


def pieces(path: Path) -> list[bytes]:
    """The start of a file, and pieces from further down to its end: a bounded part of a file of any size."""
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            return [packed.read(_HEAD)]
    size, found = path.stat().st_size, []
    with path.open("rb") as file:
        found.append(file.read(_HEAD))
        for i in range(1, _PIECES + 1):
            start = _HEAD + (size - _HEAD - _PIECE) * i // _PIECES
            if start > _HEAD:
                file.seek(start)
                found.append(file.read(_PIECE))
    return found


def encoding_of(data: bytes) -> str:
    """The encoding. In strict order: UTF-8's mark at the start, UTF-8, Japanese as Windows writes it, and the code page of
    Western Europe. DataError: it is UTF-16, or no text."""
    if data.startswith(b"\xef\xbb\xbf"):
        return "utf-8"
    if is_utf_16(data):
        raise DataError("it is UTF-16, whose lines cannot be told by their bytes; save it as UTF-8")
    if b"\0" in data[:1000]:
        raise DataError("it looks like UTF-16 without a mark at its start, or like no text; save it as UTF-8")
    if _decodes(data, "utf-8"):
        return "utf-8"
    if _decodes(data, "cp932") and _written_in_runs(data.decode("cp932", "ignore")):
        return "cp932"
    return "windows-1252"


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether all but a few bytes do: pieces of a file begin and end within a letter."""
    broken = data.decode(encoding, "replace").count("\ufffd")
    return broken <= 4 * _PIECES and (broken == 0 or len(data) > _HEAD)


def _written_in_runs(text: str) -> bool:
    """Japanese stands in runs; what a Western letter and its neighbour make when misread stands alone."""
    foreign = [ord(c) > 127 for c in text]
    lonely = sum(
        here and foreign[i - 1 : i] != [True] and foreign[i + 1 : i + 2] != [True] for i, here in enumerate(foreign)
    )
    private = sum(unicodedata.category(c) == "Co" for c in text)
    return private == 0 and lonely < 0.3 * sum(foreign)


def decoded(data: bytes, encoding: str) -> str:
    """The bytes as text, without a mark at the start; what cannot be decoded as replacement characters."""
    return data.decode(encoding, "replace").removeprefix("\ufeff")


def texts(path: Path, layout: Layout) -> list[str]:
    """The pieces of a file as text."""
    return [decoded(piece, layout.encoding) for piece in pieces(path)]


def delimiter_of(text: str) -> str:
    """The separator by which most records have the same number of fields, quoted ones left whole."""
    scores = {}
    for delimiter in DELIMITERS:
        records = islice(csv_records(Lines(text[:_TEXT].encode("utf-8", "replace").splitlines()), delimiter), _RECORDS)
        counts = Counter(len(fields(record.payload, delimiter)) for record in records)
        width, n = max(((f, n) for f, n in counts.items() if f > 1), key=lambda c: c[1], default=(1, 0))
        scores[delimiter] = (n / max(1, counts.total()), width)
    return max(scores, key=lambda d: scores[d])
