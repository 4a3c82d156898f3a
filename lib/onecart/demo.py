"""`onecart demo`: grows the sample world, runs every job, prints one summary."""

import json
import sys
import time
from typing import Any

from onecart.config import Settings
from onecart.dag import DAG
from onecart.jobs import open_session, run_jobs, table


def run(settings: Settings, *, as_json: bool = False) -> int:
    """Returns the exit code. The lake is the settings'; run again, it goes on from what is there."""
    from onecart.samples.world import grow

    clock = time.monotonic()
    spark = open_session(settings, nlp=True)
    print(
        "onecart: growing the sample world around the real invoices of Online Retail II (UCI, Chen 2019)",
        file=sys.stderr,
    )
    counts = grow(spark, settings, progress=show_feed)
    rows: list[dict[str, Any]] = [_grown(counts, time.monotonic() - clock), *run_jobs(DAG, settings, spark)]
    total = time.monotonic() - clock
    page = settings.report.path or f"{settings.lake.root}/report.html"
    if as_json:
        print(json.dumps({"seconds": round(total, 1), "report": page, "steps": rows}))
    else:
        print(f"\n{table(rows)}\n\ndone in {total / 60:.1f} minutes; open {page}")
    return 0


def show_feed(feed: str, lines: int) -> None:
    """One line on stderr a feed grown."""
    print(f"onecart:   {feed:<16} {lines:>10,} lines", file=sys.stderr)


def _grown(counts: dict[str, int], seconds: float) -> dict[str, Any]:
    records = sum(n for feed, n in counts.items() if "." not in feed)  # feed.kind counts the dirt among them
    headline = "customers are real, their other channels simulated (column origin)"
    account = {"rows_in": 0, "rows_out": records, "rows_quarantined": 0, "rows_duplicate": 0}
    return {"job": "samples", **account, "seconds": seconds, "headline": headline}
