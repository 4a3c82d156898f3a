"""CSV as in RFC 4180: a quote opens at a field's start only, is written twice within, and may hold line ends."""

from collections.abc import Iterator

from onecart.records.header import layout, plain, separator
from onecart.records.lines import MOST_CHARACTERS, MOST_LINES, Line, Lines, Record

_TITLE_LINES = 4  # that may stand above a header


def csv_records(lines: Lines, delimiter: str, wanted: frozenset[str] = frozenset()) -> Iterator[Record]:
    """The records below a file's header, blank lines left out. `wanted`: plain names of columns that the mapping asks for.

    A field whose quote never closes does not swallow the file: its first line is a record alone, with a problem. `header` is
    the header record, after the line `sep=...` where the file has one.
    """
    header, delimiter = _header(lines, delimiter, wanted)
    header, unreadable = lines.readable(header)
    width = len(fields(layout(header, delimiter)[0], delimiter))
    while record := _next(lines, delimiter, width):
        payload, bad = lines.readable(record.payload)
        yield record._replace(
            payload=payload, header=header, problem="encoding" if bad or unreadable else record.problem
        )


def fields(record: str, delimiter: str) -> list[str]:
    """The fields of one record, without their quotes."""
    found, at = [], 0
    while True:
        closed = _closing(record, at + 1) if record.startswith('"', at) else -1
        end = record.find(delimiter, max(closed, at))
        text = record[at : end if end >= 0 else len(record)]
        if closed > 0 and not record[closed : at + len(text)].strip(" \t"):
            text = record[at + 1 : closed - 1].replace('""', '"')
        found.append(text)
        if end < 0:
            return found
        at = end + len(delimiter)


def _header(lines: Lines, delimiter: str, wanted: frozenset[str]) -> tuple[str, str]:
    """The header and the file's delimiter. A line of one field above it is a title, unless the mapping knows that field."""
    above = ""
    first = _next(lines, delimiter)
    if first and (said := separator(first.payload.strip())):
        above, delimiter = f"{first.payload.strip()}\n", said
        first = _next(lines, delimiter)
    if first is None:
        return above, delimiter
    if len(_filled(first, delimiter)) == 1 and plain(_filled(first, delimiter)[0]) not in wanted:
        below: list[Line] = []
        for _ in range(_TITLE_LINES):
            record = _next(lines, delimiter)
            if record is None:
                break
            if len(_filled(record, delimiter)) > 1:
                return above + record.payload, delimiter
            below += [Line(record.line_no + i, text) for i, text in enumerate(record.payload.split("\n"))]
        lines.give_back(below)
    return above + first.payload, delimiter


def _filled(record: Record, delimiter: str) -> list[str]:
    return [field for field in fields(record.payload, delimiter) if field.strip()]


def _next(lines: Lines, delimiter: str, width: int | None = None) -> Record | None:
    """The next record that is not blank. `width`: how many fields a record over several lines has to have."""
    while line := lines.next():
        no, text = line
        if not text or text.isspace():
            continue
        if '"' not in text or not _scan(text, delimiter, within=False)[0]:
            return Record(text, no, 0, None, None, no, 0, len(text))
        return _over_lines(line, lines, delimiter, width)
    return None


def _over_lines(first: Line, lines: Lines, delimiter: str, width: int | None) -> Record:
    """The record that `first` begins and whose quote it leaves open."""
    is_open, ends, sloppy = _scan(first.text, delimiter, within=False)
    taken: list[Line] = []
    size = len(first.text)
    while is_open and not sloppy and len(taken) < MOST_LINES and size < MOST_CHARACTERS:
        line = lines.next()
        if line is None:
            break
        taken.append(line)
        size += len(line.text) + 1
        is_open, more, sloppy = _scan(line.text, delimiter, within=True)
        ends += more
    if is_open or sloppy or width not in (None, ends + 1):
        lines.give_back(taken)
        return Record(first.text, first.no, 0, None, "malformed", first.no, 0, len(first.text))
    text = "\n".join([first.text, *(line.text for line in taken)])
    return Record(text, first.no, 0, None, None, taken[-1].no, 0, len(taken[-1].text))


def _scan(text: str, delimiter: str, *, within: bool) -> tuple[bool, int, bool]:
    """Of one line, which begins `within` quotes or not: whether it ends within quotes, how many delimiters end a field in
    it, and whether anything but blanks stands between a closing quote and the field's end."""
    at, ends, sloppy = 0, 0, False
    while True:
        if within or text.startswith('"', at):
            closed = _closing(text, at if within else at + 1)
            if closed < 0:
                return True, ends, sloppy
            end = text.find(delimiter, closed)
            sloppy = sloppy or bool(text[closed : end if end >= 0 else len(text)].strip(" \t"))
            within = False
        else:
            end = text.find(delimiter, at)
        if end < 0:
            return False, ends, sloppy
        at, ends = end + len(delimiter), ends + 1


def _closing(text: str, at: int) -> int:
    """The place after the quote that closes a field; -1: none does."""
    while True:
        at = text.find('"', at)
        if at < 0:
            return -1
        if not text.startswith('""', at):
            return at + 1
        at += 2
