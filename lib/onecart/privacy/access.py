"""`onecart export-subject`: everything the lake has about one person, for that person (GDPR, article 15)."""

import json
import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any

from pyspark.sql import Row

from onecart.config import Settings
from onecart.contracts import contract
from onecart.errors import OneCartError
from onecart.lake import Lake
from onecart.privacy.rows import personal_tables, rows_about
from onecart.privacy.subject import Subject


def write(lake: Lake, settings: Settings, subject: Subject, out: str) -> dict[str, int]:
    """Writes the person's rows of every table: one JSON file where `out` ends in .json, else a folder with a file a table.

    Each table has its grain, the meaning of its columns and its rows. Only the owner may read the files. Returns rows by
    table.
    """
    target, whole = Path(out), out.endswith(".json")
    counts: dict[str, int] = {}
    try:
        (target.parent if whole else target).mkdir(parents=True, exist_ok=True)
        if whole:
            with _private(target) as file:
                about = {"customer_ids": subject.customers, "record_ids": subject.records}
                file.write(f'{{"subject": {json.dumps(about)},\n"tables": {{')
                for name, rows in _sections(lake, settings, subject):
                    file.write(f"{',' if counts else ''}\n{json.dumps(name)}: ")
                    counts[name] = _section(file, name, rows)
                file.write("\n}}\n")
        else:
            for name, rows in _sections(lake, settings, subject):
                with _private(target / f"{name}.json") as file:
                    counts[name] = _section(file, name, rows)
    except OSError as e:
        raise OneCartError(f"cannot write {out}: {e.strerror}; give another place with --out") from e
    return counts


def _sections(lake: Lake, settings: Settings, subject: Subject) -> Iterator[tuple[str, Iterator[Row]]]:
    """The tables that have rows about the person, and these rows."""
    for name in personal_tables(lake):
        rows = rows_about(lake, name, subject, settings).toLocalIterator()
        if first := next(rows, None):
            yield name, chain([first], rows)


def _section(file: IO[str], name: str, rows: Iterator[Row]) -> int:
    table = contract(name)
    columns = {c.name: c.comment for c in table.columns}
    file.write(f'{{"grain": {json.dumps(table.grain)}, "columns": {json.dumps(columns)}, "rows": [')
    count = 0
    for row in rows:
        text = json.dumps(row.asDict(recursive=True), default=str, ensure_ascii=False)
        file.write(f"{',' if count else ''}\n {text}")
        count += 1
    file.write("\n]}")
    return count


def _private(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")
