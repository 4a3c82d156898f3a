"""Settings of the lake, of Spark, and of what is written beside the tables: records of models, and the report."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from onecart.config.sections.section import SecretRef, Section, absolute


def _text(value: Any) -> Any:
    """Spark's values are text, where YAML reads `true` and 200 as what they look like."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


class Lake(Section):
    """Where tables live."""

    root: Annotated[str, AfterValidator(absolute)] = (
        "lake"  # folder or object-store URI of the Delta tables, the landing zone and the models
    )
    catalog: str | None = None  # metastore or Unity Catalog: tables are then <catalog>.<layer>.<table>
    retention_hours: int = Field(168, ge=168)  # upkeep's VACUUM keeps this much history


class Spark(Section):
    """How Spark starts."""

    conf: dict[str, Annotated[str, BeforeValidator(_text)]] = {}  # any Spark setting
    secrets: dict[str, SecretRef] = {}  # Spark settings whose values are secrets
    nlp_packages: tuple[str, ...] = ()  # Maven coordinates of Spark NLP; empty: the CPU build
    # On one machine, to save planning rather than rows; None: where landing zone and silver hold less than 64 MiB.
    small: bool | None = None


class Models(Section):
    # MLflow (extra `tracking`): file:///folder or a server; off; null: Databricks' own there, else mlruns in a local lake
    tracking_uri: str | None = None


class Report(Section):
    path: str | None = None  # the HTML file; None: report.html in the lake's root
