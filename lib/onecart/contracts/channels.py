"""The bronze tables that the job `ingest` writes: every line as received, one contract for all feeds."""

from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

BRONZE_COLUMNS = (
    C("payload", "string", "the record as received, one line", pii=True),
    C("header", "string", "CSV: the header line of its file"),
    C("source_file", "string", "file the record came from", nullable=False),
    C("line_no", "long", "line of the file, from 1", nullable=False),
    C("ingested_ts", "timestamp", "when the file was read, UTC", nullable=False),
)


def bronze(name: str) -> Table:
    """The contract of `bronze.<channel>_<kind>`: the same for every source."""
    return Table(
        name, "one line of a landing file", "ingest", BRONZE_COLUMNS, key=("source_file", "line_no"), followed=True
    )
