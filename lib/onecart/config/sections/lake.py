"""Settings of the lake, of Spark, and of the report that is written beside the tables."""

from typing import Annotated

from pydantic import AfterValidator, Field

from onecart.config.sections.section import SecretRef, Section, absolute


class Lake(Section):
    """Where tables live."""

    root: Annotated[str, AfterValidator(absolute)] = (
        "lake"  # folder or object-store URI of the Delta tables, the landing zone and the models
    )
    catalog: str | None = None  # metastore or Unity Catalog: tables are then <catalog>.<layer>.<table>
    retention_hours: int = Field(168, ge=168)  # upkeep's VACUUM keeps this much history


class Spark(Section):
    """How Spark starts."""

    conf: dict[str, str] = {}  # any Spark setting
    secrets: dict[str, SecretRef] = {}  # Spark settings whose values are secrets
    nlp_packages: tuple[str, ...] = ()  # Maven coordinates of Spark NLP; empty: the CPU build
    # On one machine, to save planning rather than rows; None: where landing zone and silver hold less than 64 MiB.
    small: bool | None = None


class Report(Section):
    path: str | None = None  # the HTML file; None: report.html in the lake's root
