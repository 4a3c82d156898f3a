"""The bronze tables that the job `ingest` writes: every record as received, one contract for all feeds."""

from onecart.contracts.base.table import Column as C
from onecart.contracts.base.table import Table

BRONZE_COLUMNS = (
    C("payload", "string", "the record as received; null: it was about a person who was erased", pii=True),
    C(
        "header",
        "string",
        "CSV: the header of its file, after its line `sep=`; Parquet, Avro, databases: the columns and their types, as Spark's "
        "JSON",
    ),
    C("source_file", "string", "where it came from: a file, kafka:topic/partition, jdbc:table", nullable=False),
    C(
        "line_no",
        "long",
        "line of the file on which the record begins, from 1; Parquet, Avro: row; Kafka: offset; a database: running number of "
        "what was read from it",
        nullable=False,
    ),
    C(
        "record_no",
        "int",
        "the record's place among those that begin on its line or are in its message, from 0; null: the only one",
    ),
    C(
        "problem",
        "string",
        "rule that the record or its file breaks as it stands: encoding | malformed | tombstone; null: none",
    ),
    C(
        "file_state",
        "string",
        "size and time of change of the file when it was read; Kafka: id of the topic; a database: the row's watermark; null: "
        "not known",
    ),
    C("ingested_ts", "timestamp", "when it was read, UTC", nullable=False),
    C("record_key", "string", "Kafka: the message's key; a database: the row's key as JSON; null: none", pii=True),
    C("headers", "names", "Kafka: the message's headers", pii=True),
    C("sent_ts", "timestamp", "Kafka: the message's time, UTC"),
    C("gone", "boolean", "true: the row is no longer in its database, and was last as `payload` says"),
)


PLACE = ("source_file", "line_no", "record_no")  # where a record stands


def bronze(name: str) -> Table:
    """The contract of `bronze.<feed>`: the same for every feed."""
    grain = "one record of a file, a topic or a database"
    return Table(name, grain, "ingest", BRONZE_COLUMNS, key=PLACE, followed=True)
