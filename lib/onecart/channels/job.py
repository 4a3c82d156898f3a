"""Job `ingest`: every landing file, once, line by line, into `bronze.<channel>_<kind>`.

A landing file is immutable: a correction arrives as a new file. The bronze table is its own ledger (a file that is in
it is not read again), and one commit takes all new files of a feed, so a killed run leaves a feed read whole or not at
all. A line about an erased person (ops.suppressions) keeps its place in bronze without its payload, and becomes empty in
a landing file below the lake.
"""

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from onecart.channels.landing import list_files, unread
from onecart.config import Source
from onecart.context import Context, Result
from onecart.errors import OneCartError
from onecart.frames import break_lineage, side_by_side
from onecart.governance import suppression
from onecart.lake.files import blank_lines, qualified, read_files, relative, relative_path


def run(ctx: Context) -> Result:
    """Appends the new files of every feed. rows_in: lines that are records; rows_out: lines appended."""
    root = ctx.settings.landing_root
    found = {name: files_of(ctx, source) for name, source in ctx.settings.sources.items()}
    missing = [name for name, files in found.items() if not files]
    if missing:
        folders = ", ".join(f"{root}/{ctx.settings.sources[name].path} (channels.{name})" for name in missing)
        raise OneCartError(
            f"no files in {folders}; put the feed there, grow a sample world with `onecart samples grow`, "
            "or switch a feed off with --set channels.NAME=null"
        )
    suppressions = suppression.current(ctx.lake, ctx.settings.privacy)
    accounts = side_by_side(lambda feed: ingest_feed(ctx, feed[0], feed[1], suppressions), found.items())
    rows_in, rows_out, files_read = (sum(column) for column in zip(*accounts, strict=True))
    if rows_in != rows_out:
        raise OneCartError(
            f"ingest read {rows_in:,} lines but wrote {rows_out:,}; the landing files changed while they were read"
        )
    return Result(rows_in=rows_in, rows_out=rows_out, headline=f"{files_read} new files of {len(found)} feeds")


def files_of(ctx: Context, source: Source) -> list[str]:
    """The landing files of one feed, in full."""
    root = ctx.settings.landing_root
    below, whole = list_files(ctx.spark, f"{root}/{source.path}"), qualified(ctx.spark, root)
    return [file for file in below if source.takes(relative(file, whole))]


def ingest_feed(
    ctx: Context, name: str, files: list[str], suppressions: suppression.Suppressions | None = None
) -> tuple[int, int, int]:
    """One feed. Returns (record lines read, lines appended, new files)."""
    table = f"bronze.{name}"
    ctx.lake.create(table)
    seen = {row[0] for row in ctx.lake.read(table).select("source_file").distinct().toLocalIterator()}
    root = qualified(ctx.spark, ctx.settings.landing_root)
    new = unread(files, seen, root)
    if not new:
        return 0, 0, 0
    csv = ctx.settings.sources[name].format == "csv"
    lines, places = read_lines(ctx.spark, new, root, header=csv), 0
    if suppressions:
        gone = suppression.refused(lines, suppressions, ctx.settings.sources[name].delimiter).transform(break_lineage)
        places = empty_lines(ctx, name, new, gone)
        left = read_lines(ctx.spark, new, root, header=csv)
        lines = left.join(gone, ["source_file", "line_no"], how="left_anti").select(gone.columns).unionByName(gone)
    records = (
        read_files(ctx.spark, new, "text", ["value"]).where("trim(value) != ''").count()
        - (len(new) if csv else 0)
        + places
    )
    version = ctx.lake.version(table) + 1  # two runs at once write the same version, and Delta drops the second
    written = ctx.lake.append_once(table, lines, app_id=f"ingest.{name}", version=version)
    return records, written.inserted, len(new)


def empty_lines(ctx: Context, name: str, files: list[str], gone: DataFrame) -> int:
    """Empties the lines `gone` of landing files below the lake, where nothing of an erased person may lie.

    Returns how many lines it emptied. Before bronze has the file: after a kill in between it is read again, without them.
    """
    root = ctx.settings.landing_root
    if not root.startswith(f"{ctx.lake.root}/"):
        return 0
    whole = qualified(ctx.spark, root)
    paths = {relative(file, whole): file for file in files}
    counts = {row[0]: row[1] for row in gone.groupBy("source_file").count().toLocalIterator()}
    for file in sorted(counts):
        lines = gone.where(F.col("source_file") == file)
        blank_lines(ctx.spark, paths[file], lines, f"{ctx.lake.root}/privacy/work/ingest-{name}")
    return sum(counts.values())


def read_lines(spark: SparkSession, files: list[str], root: str, *, header: bool) -> DataFrame:
    """One row a line that is not blank: payload, header (CSV), source_file below `root`, line_no, ingested_ts."""
    # Within a file, a split starts at file_block_start and its rows keep their order, so this orders lines as written.
    in_file = Window.partitionBy("source_file").orderBy("block", "position")
    columns = {
        "payload": F.col("value"),
        "source_file": relative_path(F.col("_metadata.file_path"), root),
        "block": F.col("_metadata.file_block_start"),
        "position": F.monotonically_increasing_id(),
    }
    lines = read_files(spark, files, "text", [column.alias(name) for name, column in columns.items()])
    numbered = lines.withColumn("line_no", F.row_number().over(in_file).cast("long"))
    if header:
        numbered = numbered.withColumn("header", F.first("payload").over(in_file)).where("line_no > 1")
    else:
        numbered = numbered.withColumn("header", F.lit(None).cast("string"))
    return numbered.where("trim(payload) != ''").select(
        "payload", "header", "source_file", "line_no", F.current_timestamp().alias("ingested_ts")
    )
