"""A folder of files -> feeds, each with a bounded sample of its records."""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import Any

from onecart.channels.landing import is_delivered
from onecart.errors import DataError, UsageError
from onecart.onboarding.profiling.sniff import Layout, sniff, texts
from onecart.records.delimited import csv_records, fields
from onecart.records.header import layout, unique
from onecart.records.lines import Lines
from onecart.records.objects import json_records

_ROWS = 20_000  # records of one feed that are looked at
_DATED = re.compile(r"[\W_]*(\d[\dTZ\W_]*)?$")  # the running number or date at the end of a name
_EXTENSIONS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")


@dataclass
class Field:
    """One field of a feed's records. `path`: its name, within those it is nested in; `header`: as the file calls it;
    `values`: of the sample, blanks left out."""

    path: tuple[str, ...]
    header: str
    values: list[Any] = field(default_factory=list)
    blank: int = 0
    files: int = 1  # that the values come from
    type: str = ""  # of Parquet, where it says: instant | timestamp | date | boolean
    nanos: bool = False  # a time in nanoseconds, as pandas writes it: Spark reads it as a number

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def sql(self) -> str:
        """As expressions call it."""
        return ".".join(quoted(part) for part in self.path)

    @property
    def called(self) -> tuple[str, str]:
        """What it is called, and what it is nested in."""
        return (
            (self.path[-1], " ".join(p for p in self.path[:-1] if p != "line")) if self.path[1:] else (self.header, "")
        )


@dataclass
class Feed:
    """Files alike, as they lie below the landing zone. `rows`: the sample; `shape`: JSON's nesting."""

    name: str
    path: str  # folder below the landing zone
    files: str  # pattern of the files' names
    layout: Layout
    paths: list[Path]
    rows: list[dict[str, Any]]
    fields: dict[str, Field]
    shape: Any = None
    headers: dict[str, str] = field(default_factory=dict)  # column name -> header text


def feeds(folder: Path) -> tuple[list[Feed], dict[str, str]]:
    """The feeds of a folder, and the files that are none: name -> why."""
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}; give the folder that holds the files")
    left, groups = dict[str, str](), dict[tuple[str, str, str], list[Path]]()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if not is_delivered(name):
            continue
        if path.stat().st_size == 0:
            left[name] = "it is empty"
        elif _extension(path) not in _EXTENSIONS:
            left[name] = f"its name ends in none of {', '.join(_EXTENSIONS)}"
        else:
            where = _feed_folder(name)
            groups.setdefault((where, _stem(path), _extension(path)), []).append(path)
    found: list[Feed] = []
    for (where, stem, _), paths in groups.items():
        try:
            others = [p for key, group in groups.items() if key[0] == where and group is not paths for p in group]
            found.append(_feed(where, stem, paths, [p.name for p in others]))
        except DataError as e:
            left[paths[0].relative_to(folder).as_posix()] = str(e)
    return found, left


def _extension(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _stem(path: Path) -> str:
    whole = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return _DATED.sub("", whole)


def _feed_folder(name: str) -> str:
    """The folder of a file without its partitions: web/orders/2024/05/x.json is of web/orders."""
    parts: list[str] = []
    for part in name.split("/")[:-1]:
        if "=" in part or re.fullmatch(r"[\d\W_]+", part):
            break
        parts.append(part)
    return "/".join(parts) or "."


def _pattern(stem: str, paths: list[Path], others: list[str]) -> str:
    """The names of these files and of those that will come, and of none of the `others` in their folder."""
    names = [path.name for path in paths]
    end = names[0].removesuffix(".gz").rpartition(".")[2] + ("*" if names[0].endswith(".gz") else "")
    start = escape(min(re.split(r"\d", name)[0] for name in names))
    for pattern in ([f"{escape(stem)}*.{end}"] if stem else []) + [f"{start}[0-9]*.{end}"]:
        if all(fnmatchcase(n, pattern) for n in names) and not any(fnmatchcase(n, pattern) for n in others):
            return pattern
    return escape(names[0])


def slug(text: str) -> str:
    """A name for a table: Latin letters, digits, underscores; empty where there are none."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _feed(where: str, stem: str, paths: list[Path], others: list[str]) -> Feed:
    """Looks at a group of files: the first and the last of them."""
    ends = list(dict.fromkeys([paths[0], paths[-1]]))
    written = sniff(ends[0])
    folder = "" if where == "." else slug(where)
    alone = where != "." and not others
    name = folder if alone else "_".join(part for part in (folder, slug(stem)) if part)
    pattern = "*" if alone else _pattern(stem, paths, others)
    feed = Feed(name, where, pattern, written, paths, [], {})
    for path in ends:
        reader = {"csv": _csv_rows, "json": _json_rows, "parquet": _parquet_rows}[written.format]
        feed.rows += reader(feed, path)
    if not feed.rows:
        raise DataError(f"{paths[0].name} holds no record")
    if written.format != "csv":
        feed.shape = _shape(feed.rows)
    feed.fields = profiled(feed.rows, feed.headers)
    for one in feed.fields.values():
        one.files = len(ends)
    if written.format == "parquet":
        _typed(feed)
    return feed


def _csv_rows(feed: Feed, path: Path) -> list[dict[str, Any]]:
    """Records with as many fields as the header has; the others are for the check to show."""
    first, *further = texts(path, feed.layout)
    found = list(csv_records(_lines(first), feed.layout.delimiter))
    if not found:
        raise DataError(f"{path.name} has a header and no record, or neither")
    header, delimiter = layout(found[0].header or "", feed.layout.delimiter)
    headers = fields(header, delimiter)
    names = unique(headers, {})
    feed.headers.update(zip(names, (h.strip() for h in headers), strict=True))
    records = [r.payload for r in (found[:-1] if further else found)]
    for text in further:
        records += text.partition("\n")[2].splitlines()[:-1]
    split = (fields(record, delimiter) for record in records)
    return thinned([dict(zip(names, record, strict=True)) for record in split if len(record) == len(names)])


def _json_rows(feed: Feed, path: Path) -> list[dict[str, Any]]:
    first, *further = texts(path, feed.layout)
    rows = _objects(first)
    by_line = rows and first.count("\n") >= len(rows) - 1 and first.lstrip()[:1] == "{"
    for text in further if by_line else []:
        rows += _objects(text.partition("\n")[2])
    if not rows:
        raise DataError(f"{path.name} holds no JSON object that can be read")
    return thinned(rows)


def _objects(text: str) -> list[dict[str, Any]]:
    found = []
    for record in json_records(_lines(text)):
        if record.problem is None:
            value = json.loads(record.payload, parse_float=Decimal)
            found.append(value if isinstance(value, dict) else {})
    return found


def _lines(text: str) -> Lines:
    return Lines(text.encode("utf-8", "replace").splitlines())


def _parquet_rows(feed: Feed, path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = []
    try:
        file = pq.ParquetFile(path)
        groups = sorted(
            {0, file.num_row_groups // 2, max(0, file.num_row_groups - 1)} & set(range(file.num_row_groups))
        )
        for group in groups:
            batches = file.iter_batches(batch_size=_ROWS // len(groups), row_groups=[group])
            rows += next(batches, pa.RecordBatch.from_pylist([])).to_pylist()
            if len(groups) == 1 and file.metadata.num_rows < 50 * _ROWS and (last := deque(batches, maxlen=1)):
                rows += last[0].to_pylist()
    except (OSError, pa.ArrowException) as e:
        raise DataError(f"it cannot be read: {str(e).partition(chr(10))[0]}") from e
    feed.headers.update({name: name for name in file.schema_arrow.names})
    return rows


def _typed(feed: Feed) -> None:
    """Fields of Parquet know their type."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for column in pq.read_schema(feed.paths[0]):
        if column.name not in feed.fields:
            continue
        if pa.types.is_timestamp(column.type):
            feed.fields[column.name].type = "instant" if column.type.tz else "timestamp"
            feed.fields[column.name].nanos = column.type.unit == "ns"
        elif pa.types.is_date(column.type):
            feed.fields[column.name].type = "date"
        elif pa.types.is_boolean(column.type):
            feed.fields[column.name].type = "boolean"


def thinned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first and the last rows, and a stride of those between."""
    if len(rows) <= _ROWS:
        return rows
    third = _ROWS // 3
    middle = rows[third:-third]
    return rows[:third] + middle[:: len(middle) // third + 1] + rows[-third:]


def profiled(rows: Iterable[Mapping[str, Any]], headers: Mapping[str, str]) -> dict[str, Field]:
    """Every field of the records, nested ones by their path; arrays are left to `layouts`."""
    found: dict[str, Field] = {}
    n = 0
    for row in rows:
        n += 1
        for path, value in leaves(row):
            name = ".".join(path)
            one = found.setdefault(name, Field(path, headers.get(name, name)))
            if value is not None and str(value).strip():
                one.values.append(value.strip() if isinstance(value, str) else value)
    for one in found.values():
        one.blank = n - len(one.values)
    return found


def leaves(record: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, value) of every single value."""
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, key))
        elif not isinstance(value, list):
            yield (*above, key), value


def quoted(name: str) -> str:
    """A field's name in SQL: in backticks unless it is a plain word."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else f"`{name.replace('`', '``')}`"


def _shape(values: Iterable[Any]) -> Any:
    """The nesting of records: a dict of fields, a list of one shape, or None for a single value."""
    objects_, lists = [v for v in values if isinstance(v, Mapping)], [v for v in values if isinstance(v, list)]
    if objects_:
        keys = dict.fromkeys(key for o in objects_ for key in o)
        return {key: _shape([o[key] for o in objects_ if o.get(key) is not None]) for key in keys}
    if lists:
        return [_shape([item for one in lists for item in one if item is not None])]
    return None


def ddl(shape: Mapping[str, Any]) -> str:
    """The shape as Spark's DDL; single values are strings: whatever they are, they are kept."""

    def one(inner: Any) -> str:
        if isinstance(inner, dict):
            return (
                "STRUCT<" + ", ".join(f"{quoted(k)}: {one(v)}" for k, v in inner.items()) + ">" if inner else "STRING"
            )
        return f"ARRAY<{one(inner[0])}>" if isinstance(inner, list) else "STRING"

    return ", ".join(f"{quoted(key)} {one(inner)}" for key, inner in shape.items())
