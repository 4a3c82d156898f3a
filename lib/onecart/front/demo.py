"""`onecart demo`: grows the sample world, runs every job, prints one summary."""

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

from onecart.config import Settings
from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_session
from onecart.dag import DAG
from onecart.front import live_demo
from onecart.jobs import run_jobs, table
from onecart.samples.command import show_feed

_log = logging.getLogger(__name__)


def demo(argv: Sequence[str]) -> int:
    """Real data -> all jobs -> summary table and report.html."""
    parser = command_parser("demo", demo.__doc__, "demo --quick --lake my-lake")
    parser.add_argument(
        "--quick", action="store_true", help="200 customers and 40 products, a few minutes, in ./lake-quick"
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="events of a day sent to a broker, scores and offers that follow; on a lake of the demo",
    )
    parser.add_argument("--seconds", type=float, default=120, help="how long --live goes on (default 120)")
    parser.add_argument("--per-second", type=float, default=20, help="events that --live sends a second (default 20)")
    args = parse(parser, argv)
    if args.live:
        args.lake = args.lake or "lake-quick"
        settings = load_settings(args)
        return live_demo.run(settings, seconds=args.seconds, per_second=args.per_second, as_json=args.json)
    if args.quick:
        args.lake = args.lake or "lake-quick"
        args.overrides = ["samples.customers=200", "forecast.top_skus=40", "spark.small=true", *args.overrides]
    return run(load_settings(args), as_json=args.json)


def run(settings: Settings, *, as_json: bool = False) -> int:
    """Returns the exit code. The lake is the settings'; run again, it goes on from what is there."""
    from onecart.samples.world import grow

    clock = time.monotonic()
    spark = open_session(settings, nlp=True)
    _log.info("growing the sample world around the real invoices of Online Retail II (UCI, Chen 2019)")
    counts = grow(spark, settings, progress=show_feed)
    rows: list[dict[str, Any]] = [_grown(counts, time.monotonic() - clock), *run_jobs(DAG, settings, spark)]
    total = time.monotonic() - clock
    page = settings.report.path or f"{settings.lake.root}/report.html"
    if as_json:
        print(json.dumps({"seconds": round(total, 1), "report": page, "steps": rows}))
    else:
        print(f"\n{table(rows)}\n\ndone in {total / 60:.1f} minutes; open {page}")
    return 0


def _grown(counts: dict[str, int], seconds: float) -> dict[str, Any]:
    records = sum(n for feed, n in counts.items() if "." not in feed)  # feed.kind counts the dirt among them
    headline = (
        "customers are real, their other channels simulated (column origin); review texts speak of cameras and players"
    )
    account = {"rows_in": 0, "rows_out": records, "rows_quarantined": 0, "rows_duplicate": 0}
    return {"job": "samples", **account, "seconds": seconds, "headline": headline}
