"""Landing files as records: those that are new, and those that have changed since bronze read them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.channels.landing import LandingFile, list_files, unread
from onecart.channels.ledger import Delivery, Known, Portion
from onecart.config import Source
from onecart.context import Context
from onecart.contracts.channels import PLACE
from onecart.governance import suppression
from onecart.lake.blanking import blank_records, blank_rows
from onecart.lake.files import qualified, relative
from onecart.lake.records import Counted, Counts, read_records, read_rows

ROWS = ("parquet", "avro")  # formats whose records are rows with types


def files_of(ctx: Context, source: Source) -> list[LandingFile]:
    """The landing files of one feed."""
    root = ctx.settings.landing_root
    below, whole = list_files(ctx.spark, f"{root}/{source.path}"), qualified(ctx.spark, root)
    return [file for file in below if source.takes(relative(file.path, whole))]


def portions(
    ctx: Context,
    name: str,
    files: list[LandingFile],
    known: Known,
    suppressions: suppression.Suppressions | None,
) -> Iterator[Portion]:
    """The changed files of a feed, then its new ones: a portion each. Records about erased persons have no payload."""
    source, root = ctx.settings.sources[name], qualified(ctx.spark, ctx.settings.landing_root)
    new, changed = unread(files, {d.name: d.state for d in known.deliveries.values()}, source, root)
    for some, again in ((changed, True), (new, False)):
        if not some:
            continue
        records, counted = _read(ctx, some, source, root)
        if suppressions:
            records, some = without_erased(ctx, name, records, some, suppressions)
        names = {relative(file.path, root): file.state(source) for file in some}
        yield Portion(
            _with_states(ctx, records, names),
            partial(_deliveries, names),
            counted,
            replaced=tuple(names) if again else (),
            files=len(some),
        )


def _read(
    ctx: Context, files: Sequence[LandingFile], source: Source, root: str
) -> tuple[DataFrame, Callable[[], Counted]]:
    """The records, and what is counted of them once they are written."""
    paths = [file.path for file in files]
    if source.format in ROWS:
        records = read_rows(ctx.spark, paths, root, source.format)
        rows = records.groupBy("source_file").agg(F.count("*").alias("n"), F.max("line_no").alias("last")).collect()
        counted = {row["source_file"]: (row["n"], row["last"]) for row in rows}
        return records, lambda: counted
    counter = ctx.spark.sparkContext.accumulator({}, Counts())
    large = {file.path for file in files if file.is_large}
    return read_records(ctx.spark, paths, root, source.reader, counter, large), lambda: counter.value


def _deliveries(states: dict[str, str], counted: Counted) -> list[Delivery]:
    """Files without a record, too: they need not be read again."""
    nothing = (0, -1)
    return [
        Delivery(name, state, counted.get(name, nothing)[1], counted.get(name, nothing)[0])
        for name, state in states.items()
    ]


def _with_states(ctx: Context, records: DataFrame, states: dict[str, str]) -> DataFrame:
    """Adds file_state, of the files as they were listed."""
    known = ctx.spark.createDataFrame(list(states.items()), "source_file string, file_state string")
    return records.join(F.broadcast(known), "source_file", how="left")


def without_erased(
    ctx: Context, name: str, records: DataFrame, files: list[LandingFile], suppressions: suppression.Suppressions
) -> tuple[DataFrame, list[LandingFile]]:
    """The records, those about erased persons without their payload, and the files as they are then. In landing files below
    the lake, where nothing of an erased person may lie, the records become empty. Before bronze has the file: after a kill in
    between it is read again."""
    source, root = ctx.settings.sources[name], ctx.settings.landing_root
    left, gone = suppression.emptied(records, suppressions, source.csv_delimiter)
    places = _by_file(gone) if root.startswith(f"{ctx.lake.root}/") else {}
    if not places:
        return left, files
    whole = qualified(ctx.spark, root)
    paths = {relative(file.path, whole): file.path for file in files}
    for file in sorted(places):
        scratch = f"{ctx.lake.root}/privacy/work/ingest-{name}"
        if source.format in ROWS:
            lines = {line for line, _ in places[file]}
            blank_rows(ctx.spark, paths[file], scratch, source.format, places=lines)
        else:
            blank_records(ctx.spark, paths[file], scratch, source.reader, places=places[file])
    now = {file.path: file for file in files_of(ctx, source)}
    return left, [now.get(file.path, file) for file in files]


def _by_file(records: DataFrame) -> dict[str, set[tuple[int, int]]]:
    """source_file -> the places (line_no, record_no) of its records."""
    places: dict[str, set[tuple[int, int]]] = {}
    for row in records.select(*PLACE).toLocalIterator():
        places.setdefault(row["source_file"], set()).add((row["line_no"], row["record_no"] or 0))
    return places
