"""What became of each feed's rows, and whether that is good enough."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass

from pyspark.sql import DataFrame

from onecart.context import Result
from onecart.errors import DataError
from onecart.quality.drift.column_shares import Count
from onecart.stats.proportions import Z_95, wilson

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Account:
    """What became of one feed's rows; `late` ones are among `out`, and those that left silver as their database has them no
    more."""

    rows_in: int = 0
    out: int = 0
    quarantined: int = 0
    duplicates: int = 0
    superseded: int = 0  # versions of a row older than one that came with them or was there
    suppressed: int = 0
    dropped: int = 0  # by a rule of the shop's own
    late: int = 0

    @property
    def accounted(self) -> int:
        return self.out + self.quarantined + self.duplicates + self.superseded + self.suppressed + self.dropped

    def balance(self) -> str:
        text = f"in {self.rows_in:,} = out {self.out:,} + quarantined {self.quarantined:,} + duplicates {self.duplicates:,}"
        text += f" + superseded {self.superseded:,}"
        more = {"suppressed": self.suppressed, "dropped": self.dropped}
        return text + "".join(f" + {word} {rows:,}" for word, rows in more.items() if rows)


@dataclass(frozen=True)
class Cleaned:
    """A feed that is in silver. `bad`: its rows of ops.quarantine, still to be written; `left`: lines of suppressed rows
    (source_file, line_no, record_no) that are to leave bronze after that. None: there are none. `stopped`: why the feed's new
    rows did not go into silver; empty: they did."""

    account: Account
    bad: DataFrame | None = None
    left: DataFrame | None = None
    shares: Sequence[Count] = ()
    stopped: str = ""


def total(accounts: Iterable[Account]) -> Account:
    """The sum of one account or more."""
    return Account(*map(sum, zip(*map(astuple, accounts), strict=True)))


def result_of(accounts: Iterable[Account], headline: str | None = None) -> Result:
    """The sum of the accounts as a job gives it back; headline None: their balance."""
    sums = total(accounts)
    return Result(
        sums.rows_in,
        sums.out,
        sums.quarantined + sums.suppressed,
        sums.duplicates,
        sums.superseded,
        f"{sums.balance()}; {sums.late:,} late" if headline is None else headline,
        sums.dropped,
    )


def told(cleaned: Mapping[str, Cleaned], limit: float) -> Result:
    """The account of all feeds. DataError: of some, too much is bad, or they were stopped. limit: the share of a feed's new rows that may be bad."""
    accounts = {name: feed.account for name, feed in cleaned.items()}
    for name, a in accounts.items():
        _log.info("  %-16s %s", name, a.balance(), extra={"fields": {"feed": name, **asdict(a)}})
    result = result_of(accounts.values())
    bad = [
        f"{n} ({a.quarantined:,} of {a.rows_in:,} new rows)"
        for n, a in accounts.items()
        if wilson(a.quarantined, a.rows_in, Z_95)[0] > limit  # one bad row of ten says little yet
    ]
    stopped = [f"{name} is stopped: {feed.stopped}" for name, feed in cleaned.items() if feed.stopped]
    if stopped:
        stopped.append("its new rows wait in bronze for the next run, all other feeds are in silver")
    if bad:
        stopped.append(
            f"more than {limit:.1%} of the rows are bad in {', '.join(bad)}; nothing is lost: see ops.quarantine for the reasons, "
            "mend the feed, or allow more with --set quality.max_quarantine_share=..."
        )
    if stopped:
        error = DataError("; ".join(stopped))
        error.result = result  # type: ignore[attr-defined]
        raise error
    return result
