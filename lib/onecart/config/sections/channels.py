"""Settings of the channels: the feeds of the landing zone, and the simulator that grows them."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from onecart.config.sections.section import Section
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
    """One feed of the landing zone and how its fields become the columns of a silver table."""

    path: str  # folder below the landing zone; '.': the zone itself
    files: str = "*"  # which files of the folder, by name: orders_*.csv
    format: Literal["json", "csv", "parquet"]  # JSON objects, one a line or not; CSV has a header in every file
    into: str  # the silver table its rows end in
    schema_: str = Field("", alias="schema")  # DDL of the record; CSV: empty, its columns are read from the header
    delimiter: str = Field(",", min_length=1)
    encoding: Annotated[str, AfterValidator(check_encoding)] = "utf-8"  # as Python calls it: windows-1252, cp932, ...
    # A file that was changed so lately and has no line end at its end is still being copied: it waits for the next run.
    settle_seconds: float = Field(10, ge=0)
    rename: dict[str, str] = {}  # CSV: header text (case, spaces and punctuation ignored) -> column name
    id_space: str | None = None  # whose event, review or ticket ids these are; None: the feed's own
    fill_down: FillDown | None = None  # an order's fields stand on its first line only
    explode: str | None = None  # array field: one row per element, seen as `line`
    columns: dict[str, str]  # silver column -> SQL expression over the record

    def takes(self, name: str) -> bool:
        """Whether a file of the landing zone is one of this feed's; `name`: its path below the zone."""
        folder = self.path.strip("/").removeprefix("./")
        below = folder in ("", ".") or name.startswith(f"{folder}/")
        return below and fnmatchcase(name.rsplit("/", 1)[-1], self.files)

    @property
    def reader(self) -> Reader:
        """What the feed's text files are read by."""
        named = [*self.columns.values(), *(self.fill_down.fields if self.fill_down else ())]
        return Reader(self.format, self.encoding, self.delimiter, wanted_names(self.rename, named))


class Samples(Section):
    """The simulator that grows channels around the real invoices."""

    customers: int | None = Field(None, ge=10)  # how many real customers; None: all
    scale: int = Field(1, ge=1)  # copies of the whole world, for benchmarks
    visits_per_order: int = Field(8, ge=0)  # visits that end in no order, for each order online
    duplicate_rate: float = Field(0.005, ge=0, le=0.5)
    malformed_rate: float = Field(0.002, ge=0, le=0.5)
    absurd_rate: float = Field(0.002, ge=0, le=0.5)
    late_rate: float = Field(0.01, ge=0, le=0.5)
