"""Takes a person out of the landing files below the lake."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pyspark.sql import functions as F

from onecart.channels import ledger
from onecart.channels.files import ROWS
from onecart.channels.landing import list_files
from onecart.config import Settings, Source
from onecart.contracts import contract
from onecart.contracts.channels import PLACE
from onecart.frames import break_lineage
from onecart.lake import Lake
from onecart.lake.blanking import blank_records, blank_rows
from onecart.lake.files import by_name, delete, listed, qualified, relative
from onecart.lake.purge import change_rows
from onecart.privacy import leftovers
from onecart.privacy.rows import holds, rows_about
from onecart.privacy.scan import scan
from onecart.privacy.subject import Subject
from onecart.records.reader import Reader


@dataclass
class _File:
    """A landing file: the feed it is of, and its records (line_no, record_no) that bronze says are the person's."""

    feed: str | None = None
    source: Source | None = None
    places: set[tuple[int, int]] = field(default_factory=set)


def clear(
    lake: Lake, settings: Settings, subject: Subject, note: Callable[[int], None], step: Callable[[str], None]
) -> None:
    """Empties the person's records in all files: those that bronze knows, and those that name the person. A file whose very
    name does goes whole. `note` is told how many there are, `step` each file."""
    root = settings.landing_root.rstrip("/")
    files = listed(lake.spark, root) if root.startswith(f"{lake.root}/") else []
    if not files:
        return
    matcher = subject.matcher()
    dirty = {f.path: f.named for f in scan(lake.spark, files, matcher, lake.root) if f.kinds}
    todo, count = _known(lake, settings, subject, [path for path, _ in files], root)
    others = {path for path in dirty if path not in todo and path.rsplit("/", 1)[-1][0] not in "._"}
    note(count + len(others))
    feeds = settings.sources.items()
    for path in others:
        feed = next(((name, source) for name, source in feeds if source.takes(relative(path, root))), (None, None))
        todo[path] = _File(*feed)
    scratch = f"{lake.root}/{leftovers.WORK}/scratch"
    for path, file in sorted(todo.items()):
        step(path)
        if dirty.get(path):
            delete(lake.spark, path)
        elif form := _rows_form(path, file.source):
            blank_rows(lake.spark, path, scratch, form, places={line for line, _ in file.places}, found=holds(matcher))
        else:
            reader = file.source.reader if file.source else Reader("text")
            blank_records(lake.spark, path, scratch, reader, places=file.places, found=matcher.stands_in)
    _note_states(lake, todo, qualified(lake.spark, root))


def _rows_form(path: str, source: Source | None) -> str | None:
    """The format of a file of rows with types; None: it is text."""
    named = next((form for form in ROWS if path.endswith(f".{form}")), None)
    return source.format if source and source.format in ROWS else named


def _known(
    lake: Lake, settings: Settings, subject: Subject, files: list[str], root: str
) -> tuple[dict[str, _File], int]:
    """The files with records that bronze says are the person's, and how many such records there are."""
    known: dict[str, _File] = {}
    count = 0
    for feed, source in settings.sources.items():
        if not source.path or not lake.exists(f"bronze.{feed}"):
            continue
        about = rows_about(lake, f"bronze.{feed}", subject, settings)
        names = by_name((path for path in files if source.takes(relative(path, root))), root)
        for name, line_no, record_no in about.select(*PLACE).collect():
            count += 1
            paths = names.get(relative(name, root), [])
            # An old name that several files share numbers their lines together; the scan finds what is in them.
            if len(paths) == 1:
                file = known.setdefault(paths[0], _File(feed, source))
                file.places.add((line_no, record_no or 0))
    return known, count


def _note_states(lake: Lake, files: dict[str, _File], root: str) -> None:
    """Tells bronze of the files as they are now, so that `ingest` does not take them for changed."""
    feeds = {file.feed: file.source for file in files.values() if file.feed and file.source}
    for feed, source in feeds.items():
        table = f"bronze.{feed}"
        if not lake.exists(table):
            continue
        theirs = {relative(path, root) for path, file in files.items() if file.feed == feed}
        below = list_files(lake.spark, f"{root}/{source.path}")
        states = [(relative(f.path, root), f.state(source)) for f in below]
        now = [(name, state) for name, state in states if name in theirs]
        if not now:
            continue
        fresh = lake.spark.createDataFrame(now, "source_file string, file_state string")
        rows = lake.read(table).where("file_state IS NOT NULL").select(*contract(table).key)
        change_rows(
            lake,
            table,
            rows.join(F.broadcast(fresh), "source_file", how="inner").transform(break_lineage),
            {"file_state": "new.file_state"},
        )
        if lake.exists(ledger.TABLE):
            key = contract(ledger.TABLE).key
            noted = lake.read(ledger.TABLE).where(F.col("source") == feed).select(*key)
            same = noted.join(F.broadcast(fresh), F.col("delivery") == F.col("source_file"), how="inner")
            change_rows(lake, ledger.TABLE, same.transform(break_lineage), {"state": "new.file_state"})
