"""Settings of data quality: what is too much, too old or too late, and the shop's own rules."""

from datetime import date
from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from onecart.config.sections.section import INCOMPLETE, Section

Severity = Literal["drop", "quarantine", "warn", "fail"]


class RowRule(Section):
    """A rule that rows of one silver table must keep, over the built-in ones. A check that is null is kept, as in SQL."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    check: str = Field(min_length=1)  # SQL over the table's columns, true of a good row
    reason: str = Field(min_length=1)  # what is wrong with a row that breaks it
    # drop: counted and left out; quarantine: set aside; warn: kept and counted; fail: none of the feed's new rows go into silver
    severity: Severity = "quarantine"


class Missing(Section):
    """What becomes of a row that has no value in a column."""

    # reject: set aside; default: gets `value`; impute: gets the median (numbers) or the most frequent value of its group; flag:
    # kept as it is. All but `reject` leave a flag on the row.
    action: Literal["reject", "default", "impute", "flag"]
    value: str | None = None  # of `default`, as text
    by: tuple[str, ...] = ()  # of `impute`: the columns whose values make a group; none: all rows are one

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> "Missing":
        if (self.value is None) == (self.action == "default"):
            raise PydanticCustomError(INCOMPLETE, "`value` goes with `action: default`, and only with it")
        if self.by and self.action != "impute":
            raise PydanticCustomError(INCOMPLETE, "`by` goes with `action: impute` only")
        return self


class Anomaly(Section):
    """Values far from what their group has: |value - median| / scale > limit. Scale: 1.4826 x the median absolute deviation, which is
    a normal distribution's standard deviation, and 1 % of the median at least."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    value: str  # a column of numbers
    by: tuple[str, ...] = ()  # the columns whose values make a group; none: all rows are one
    limit: float = Field(8, gt=0)
    min_rows: int = Field(20, ge=2)  # of a group; of a smaller one nothing is said
    severity: Severity = "warn"


class Quality(Section):
    max_quarantine_share: float = Field(0.05, ge=0, le=1)  # more than this per source ends the job with exit code 3
    max_quantity: int = 100_000  # units in one line; more is absurd
    max_unit_price: float | None = Field(None, gt=0)  # in whatever currency the line has; None: no price is absurd
    earliest: date = date(2000, 1, 1)
    # by which the share of rows with a null column, or with a broken rule, may rise from run to run without a warning
    max_null_rise: float = Field(0.05, ge=0, le=1)
    late_hours: int = 24  # an event received this long after it happened is late (kept, counted)
    # An event that is later than its own receipt by more than this has a wrong clock: it gets the time of receipt, and a flag.
    max_clock_skew_seconds: float = Field(300, ge=0)
    rules: dict[str, tuple[RowRule, ...]] = {}  # silver table, as in `orders` -> rules of the shop's own
    missing: dict[str, dict[str, Missing]] = {}  # silver table -> column -> what becomes of a row without it
    anomalies: dict[str, tuple[Anomaly, ...]] = {}  # silver table -> values to be compared with those of their group

    def own_rules(self, table: str) -> tuple[RowRule, ...]:
        """The rules of a silver table, by its whole name."""
        return self.rules.get(table.removeprefix("silver."), ())

    def missing_of(self, table: str) -> dict[str, Missing]:
        return self.missing.get(table.removeprefix("silver."), {})

    def anomalies_of(self, table: str) -> tuple[Anomaly, ...]:
        return self.anomalies.get(table.removeprefix("silver."), ())

    @model_validator(mode="after")
    def _names_are_told_once(self) -> "Quality":
        for table in {*self.rules, *self.anomalies}:
            names = [r.name for r in self.rules.get(table, ())] + [a.name for a in self.anomalies.get(table, ())]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two rules of {table} are called '{twice[0]}'; give each a name of its own")
        return self
