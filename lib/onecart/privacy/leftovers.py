"""Takes a person out of the files beside the tables: landing files, exports, report, models, truth, checkpoints, logs."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart.frames import quoted
from onecart.jars import cache_dir
from onecart.lake import Lake
from onecart.lake.blanking import blank_records
from onecart.lake.files import delete, listed, read_files, relative, rewrite
from onecart.privacy.matcher import Matcher
from onecart.privacy.rows import holds
from onecart.privacy.scan import Finding
from onecart.records.reader import Reader

WORK = "privacy/work"  # below the lake: the work lists of unfinished erasures, which name their persons
_LISTS = re.compile(rf"/{WORK}/[^/]*\.json(\.new)?(\.crc)?$")
_LINES = (".csv", ".json", ".jsonl", ".ndjson", ".txt", ".log", ".gz", ".zst")
_RUN = re.compile(
    r"^(models/[^/]+/[^/]+|exports/[^/]+)/"
)  # made from the person's data in one piece: goes in one piece


def loose_files(lake: Lake) -> list[tuple[str, int]]:
    """(path, bytes) of every file below the lake that belongs to no Delta table."""
    files = [f for f in listed(lake.spark, lake.root) if not _LISTS.search(f[0])]
    tables = {path.split("/_delta_log/", 1)[0] + "/" for path, _ in files if "/_delta_log/" in path}
    return [f for f in files if not f[0].startswith(tuple(tables))]


def lake_files(lake: Lake) -> list[tuple[str, int]]:
    """(path, bytes) of every file below the lake and of its tables, but the erasures' own work lists."""
    files = {path: size for path, size in listed(lake.spark, lake.root) if not _LISTS.search(path)}
    if lake.catalog:  # its tables lie where the metastore says
        for name in lake.names():
            row = lake.delta(name).detail().select("location").first()
            place = str(row[0]) if row else ""
            files.update(listed(lake.spark, place.removeprefix("file:") if place.startswith("file:/") else place))
    return sorted(files.items())


def drop_rows(spark: SparkSession, path: str, matcher: Matcher, scratch: str) -> None:
    """Rewrites a Parquet file without the rows that `matcher` finds something in."""
    rows = read_files(spark, [path], "parquet", ["*"])
    text = F.concat_ws("\x1f", *[F.to_json(F.struct(quoted(c))) for c in rows.columns])
    rewrite(spark, path, scratch, rows.where(~holds(matcher)(text)).coalesce(1).write.parquet)


def clear(lake: Lake, findings: Iterable[Finding], matcher: Matcher, step: Callable[[str], None]) -> dict[str, int]:
    """Takes the person out of files beside the tables. Returns what was done, as kind of file -> files.

    An export or model that holds an identifier goes whole (the next run makes it again), as does an HTML page; of text
    files the lines go, of Parquet files the rows. What is none of these stays, and the certificate names it.
    """
    done: dict[str, int] = {}
    gone: set[str] = set()
    scratch = f"{lake.root}/{WORK}/scratch"
    for finding in findings:
        place = relative(finding.path, lake.root)
        area, name = place.split("/", 1)[0], place.rsplit("/", 1)[-1]
        if place.startswith(tuple(gone)):
            continue
        step(area)
        if run := _RUN.match(place):
            delete(lake.spark, f"{lake.root}/{run.group(1)}")
            gone.add(f"{run.group(1)}/")
        elif finding.named or name.endswith((".html", ".htm")):
            delete(lake.spark, finding.path)
        elif name[0] in "._":
            continue
        elif name.endswith(".parquet"):
            drop_rows(lake.spark, finding.path, matcher, scratch)
        elif name.endswith(_LINES) or "." not in name:
            blank_records(lake.spark, finding.path, scratch, Reader("text"), found=matcher.stands_in)
        else:
            continue
        done[area] = done.get(area, 0) + 1
    return done


def drop_checkpoints(lake: Lake) -> int:
    """Deletes the checkpoints of streams below the lake: their state is packed and cannot be edited, and the tables
    they read have lost their history. The stream reads its tables again from the start. Returns how many."""
    found = {path.rsplit("/", 2)[0] for path, _ in lake_files(lake) if re.search(r"/(offsets|commits)/[0-9]+$", path)}
    for folder in sorted(found):
        delete(lake.spark, folder)
    return len(found)


def clear_logs(matcher: Matcher) -> int:
    """Empties the lines of this machine's Java logs that name the person; other processes may go on writing to them."""
    cleared = 0
    for path in log_files():
        with suppress(OSError), path.open("r+b") as file:
            lines = file.read().split(b"\n")
            kept = [b"(erased)" if any(matcher.find(line)) else line for line in lines]
            if kept != lines:
                file.seek(0)
                file.write(b"\n".join(kept))
                file.truncate()
                cleared += 1
    return cleared


def log_files() -> list[Path]:
    return sorted((cache_dir() / "logs").glob("*.log"))
