"""Settings of the channels: the feeds of the landing zone, and the simulator that grows them."""

from typing import Literal

from pydantic import Field

from onecart.config.sections.section import Section


class Source(Section):
    """One feed of the landing zone and how its fields become the columns of a silver table."""

    path: str  # folder below the landing zone
    format: Literal["json", "csv"]  # one record a line: JSON objects, or CSV with a header in every file
    into: str  # the silver table its rows end in
    schema_: str = Field("", alias="schema")  # DDL of the record; CSV: empty, its columns are read from the header
    delimiter: str = ","
    rename: dict[str, str] = {}  # CSV: header text (case, spaces and punctuation ignored) -> column name
    id_space: str | None = (
        None  # whose event, review or ticket ids these are; None: the feed's own, no other feed has them
    )
    explode: str | None = None  # array field: one row per element, seen as `line`
    columns: dict[str, str]  # silver column -> SQL expression over the record


class Samples(Section):
    """The simulator that grows channels around the real invoices."""

    customers: int | None = Field(None, ge=10)  # how many real customers; None: all
    scale: int = Field(1, ge=1)  # copies of the whole world, for benchmarks
    visits_per_order: int = Field(8, ge=0)  # visits that end in no order, for each order online
    duplicate_rate: float = Field(0.005, ge=0, le=0.5)
    malformed_rate: float = Field(0.002, ge=0, le=0.5)
    absurd_rate: float = Field(0.002, ge=0, le=0.5)
    late_rate: float = Field(0.01, ge=0, le=0.5)
