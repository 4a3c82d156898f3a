"""Settings of the channels: the feeds, and the simulator that grows them."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from onecart.config.sections.channels.sources import Jdbc, Kafka
from onecart.config.sections.section import INCOMPLETE, Section
from onecart.records.header import wanted_names
from onecart.records.lines import check_encoding
from onecart.records.reader import Reader


class FillDown(Section):
    """Exports that say an order's fields on the first of its lines only: each line gets them from there.

    A line without a key belongs to the key above it in its file; a column that is blank on a line takes the value of the
    first line of that key in the file, and of no other key.
    """

    key: str  # the record's field that says which lines belong together
    columns: tuple[str, ...] = Field(min_length=1)  # the fields that the first line says for all

    @property
    def fields(self) -> tuple[str, ...]:
        return self.key, *self.columns


class Source(Section):
    """One feed, where it comes from (files, a topic or a database) and how its fields become the columns of a silver table."""

    path: str = ""  # files: folder below the landing zone; '.': the zone itself
    kafka: Kafka | None = None  # messages of a topic, in place of files
    jdbc: Jdbc | None = None  # rows of a database, in place of files
    files: str = "*"  # which files of the folder, by name: orders_*.csv
    # JSON objects, one a line or not; CSV has a header in every file. None: rows of a database, which have types of their own
    format: Literal["json", "csv", "parquet", "avro"] | None = None
    into: str  # the silver table its rows end in
    # DDL of the record; Avro of Kafka: its schema as Avro writes it; CSV: empty, its columns are read from the header
    schema_: str = Field("", alias="schema")
    delimiter: str = Field(",", min_length=1)
    encoding: Annotated[str, AfterValidator(check_encoding)] = "utf-8"  # as Python calls it: windows-1252, cp932, ...
    # A file that was changed so lately and has no line end at its end is still being copied: it waits for the next run.
    settle_seconds: float = Field(10, ge=0)
    rename: dict[str, str] = {}  # CSV: header text (case, spaces and punctuation ignored) -> column name
    id_space: str | None = None  # whose event, review or ticket ids these are; None: the feed's own
    fill_down: FillDown | None = None  # an order's fields stand on its first line only
    explode: str | None = None  # array field: one row per element, seen as `line`
    columns: dict[str, str]  # silver column -> SQL expression over the record

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> "Source":
        places = [name for name in ("path", "kafka", "jdbc") if getattr(self, name)]
        if len(places) > 1:
            raise ValueError(f"a feed comes from one place, not from {' and '.join(places)}")
        if not places:
            raise PydanticCustomError(INCOMPLETE, "say where the feed comes from: path (files), kafka or jdbc")
        if self.jdbc:
            if self.format:
                raise ValueError("rows of a database have no format")
            if self.explode and self.jdbc.compare_keys_hours is not None:
                raise ValueError("rows that are exploded have no key by which one that is gone could be found")
        elif self.format is None:
            raise PydanticCustomError(INCOMPLETE, "say the format of the feed")
        if self.kafka and self.format not in ("json", "avro"):
            raise ValueError("messages of Kafka are json or avro")
        if self.kafka and self.format == "avro" and not self.schema_:
            raise PydanticCustomError(INCOMPLETE, "Avro messages need their schema, as Avro writes it")
        if self.fill_down and not self.path:
            raise ValueError("fill_down is for files: other records have no line above them")
        return self

    @property
    def is_typed(self) -> bool:
        """Whether its records bring types of their own, in bronze's `header`."""
        return self.format not in ("json", "csv")

    @property
    def csv_delimiter(self) -> str | None:
        """What stands between the fields of a record; None: it is JSON in bronze."""
        return self.delimiter if self.format == "csv" else None

    @property
    def connectors(self) -> set[str]:
        """What Spark needs to read it, of jars.CONNECTORS."""
        wanted = {"kafka": self.kafka, "postgresql": self.jdbc, "avro": self.format == "avro"}
        return {kind for kind, needed in wanted.items() if needed}

    def takes(self, name: str) -> bool:
        """Whether a file of the landing zone is one of this feed's; `name`: its path below the zone."""
        if not self.path:
            return False
        folder = self.path.strip("/").removeprefix("./")
        below = folder in ("", ".") or name.startswith(f"{folder}/")
        return below and fnmatchcase(name.rsplit("/", 1)[-1], self.files)

    @property
    def reader(self) -> Reader:
        """What the feed's text files are read by."""
        named = [*self.columns.values(), *(self.fill_down.fields if self.fill_down else ())]
        return Reader(self.format or "", self.encoding, self.delimiter, wanted_names(self.rename, named))


class Stream(Section):
    """The job `stream`: which feeds it brings into silver, and how often."""

    feeds: tuple[str, ...] = ()  # none: all
    every_seconds: float | None = Field(10, gt=0)  # a batch so often until it is stopped; None: what is there, once


class Samples(Section):
    """The simulator that grows channels around the real invoices."""

    customers: int | None = Field(None, ge=10)  # how many real customers; None: all
    scale: int = Field(1, ge=1)  # copies of the whole world, for benchmarks
    visits_per_order: int = Field(8, ge=0)  # visits that end in no order, for each order online
    duplicate_rate: float = Field(0.005, ge=0, le=0.5)
    malformed_rate: float = Field(0.002, ge=0, le=0.5)
    absurd_rate: float = Field(0.002, ge=0, le=0.5)
    late_rate: float = Field(0.01, ge=0, le=0.5)
