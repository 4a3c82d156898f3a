"""The bronze tables that the job `ingest` writes: every record as received, one contract for all feeds."""

from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

BRONZE_COLUMNS = (
    C("payload", "string", "the record as received; null: it was about a person who was erased", pii=True),
    C("header", "string", "CSV: the header of its file, after its line `sep=`; Parquet: its columns as DDL"),
    C("source_file", "string", "file the record came from", nullable=False),
    C("line_no", "long", "line of the file on which the record begins, from 1; Parquet: row", nullable=False),
    C("record_no", "int", "the record's place among those that begin on its line, from 0; null: the only one"),
    C("problem", "string", "rule that the record or its file breaks as it stands: encoding | malformed; null: none"),
    C("file_state", "string", "size and time of change of the file when it was read; null: not known"),
    C("ingested_ts", "timestamp", "when the file was read, UTC", nullable=False),
)


PLACE = ("source_file", "line_no", "record_no")  # where a record stands


def bronze(name: str) -> Table:
    """The contract of `bronze.<feed>`: the same for every feed."""
    return Table(name, "one record of a landing file", "ingest", BRONZE_COLUMNS, key=PLACE, followed=True)
