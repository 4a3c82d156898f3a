"""Settings of data quality: what is too much, too old or too late."""

from datetime import date

from pydantic import Field

from onecart.config.sections.section import Section


class Quality(Section):
    max_quarantine_share: float = Field(0.05, ge=0, le=1)  # more than this per source ends the job with exit code 3
    max_quantity: int = 100_000  # units in one line; more is absurd
    max_unit_price: float | None = Field(None, gt=0)  # in whatever currency the line has; None: no price is absurd
    earliest: date = date(2000, 1, 1)
    max_null_rise: float = Field(
        0.05, ge=0, le=1
    )  # by which a column's null share may rise from run to run without a warning
    late_hours: int = 24  # an event received this long after it happened is late (kept, counted)
