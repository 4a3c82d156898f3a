"""Settings of data quality: what is too much, too old or too late, and the shop's own rules."""

from datetime import date
from typing import Literal

from pydantic import Field, field_validator

from onecart.config.sections.section import Section

Severity = Literal["drop", "quarantine", "warn", "fail"]


class RowRule(Section):
    """A rule that rows of one silver table must keep, over the built-in ones. A check that is null is kept, as in SQL."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    check: str = Field(min_length=1)  # SQL over the table's columns, true of a good row
    reason: str = Field(min_length=1)  # what is wrong with a row that breaks it
    # drop: counted and left out; quarantine: set aside; warn: kept and counted; fail: none of the feed's new rows go into silver
    severity: Severity = "quarantine"


class Quality(Section):
    max_quarantine_share: float = Field(0.05, ge=0, le=1)  # more than this per source ends the job with exit code 3
    max_quantity: int = 100_000  # units in one line; more is absurd
    max_unit_price: float | None = Field(None, gt=0)  # in whatever currency the line has; None: no price is absurd
    earliest: date = date(2000, 1, 1)
    # by which the share of rows with a null column, or with a broken rule, may rise from run to run without a warning
    max_null_rise: float = Field(0.05, ge=0, le=1)
    late_hours: int = 24  # an event received this long after it happened is late (kept, counted)
    rules: dict[str, tuple[RowRule, ...]] = {}  # silver table, as in `orders` -> rules of the shop's own

    def own_rules(self, table: str) -> tuple[RowRule, ...]:
        """The rules of a silver table, by its whole name."""
        return self.rules.get(table.removeprefix("silver."), ())

    @field_validator("rules")
    @classmethod
    def _named_once(cls, given: dict[str, tuple[RowRule, ...]]) -> dict[str, tuple[RowRule, ...]]:
        for table, rules in given.items():
            names = [rule.name for rule in rules]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two rules of {table} are called '{twice[0]}'; give each a name of its own")
        return given
