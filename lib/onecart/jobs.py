"""Runs jobs: one function for the command line, spark-submit, Databricks and tests, and one row in ops.runs a run."""

import argparse
import importlib
import json
import logging
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timezone
from typing import Any

from onecart import log
from onecart.config import Settings
from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_session
from onecart.dag import DAG, JOBS, Job
from onecart.errors import NothingToDo, OneCartError, UsageError, nearest

_log = logging.getLogger(__name__)
Work = Callable[[Any], Any]  # Context -> Result


def main(name: str, argv: Sequence[str] | None = None) -> int:
    """Entry of `jobs/<name>.py`: parses --env, --gpu, --set, --json; returns the exit code."""
    return guarded(lambda: run_command([name, *(sys.argv[1:] if argv is None else argv)]))


def guarded(work: Callable[[], int]) -> int:
    """Sets up the log and runs `work`; an error becomes one sentence on stderr and an exit code, its stack trace goes to
    the log file."""
    log.set_up()
    try:
        return work()
    except OneCartError as e:
        _log.error("%s", e)
        return e.exit_code
    except KeyboardInterrupt:
        _log.warning("stopped; what was committed stays, the next run goes on from there")
        return 130
    except Exception as e:
        from onecart.spark import log_file

        with log_file().open("a") as file:
            traceback.print_exc(file=file)
        first = next((line for line in str(e).splitlines() if line.strip()), "")
        _log.error("%s: %s (the stack trace is in %s)", type(e).__name__, first[:300], log_file())
        return 1


def run_command(argv: Sequence[str]) -> int:
    """Runs one job, or all of them in order; prints the summary table, or the rows of ops.runs as JSON."""
    parser = command_parser("run", run_command.__doc__, "run clean --set quality.late_hours=48")
    parser.add_argument("job", help=f"all, or one of {', '.join(JOBS)}")
    parser.add_argument(
        "--available-now", action="store_true", help="stream and live: take what is there and stop, for a schedule"
    )
    args = parse(parser, argv)
    if args.job != "all" and args.job not in JOBS:
        raise UsageError(f"no job '{args.job}'{nearest(args.job, [*JOBS, 'all'])}")
    jobs = DAG if args.job == "all" else (JOBS[args.job],)
    if args.available_now:
        if not jobs[0].streams:
            raise UsageError(
                f"--available-now is for jobs that go on: {', '.join(j.name for j in JOBS.values() if j.streams)}"
            )
        args.overrides.append(f"{args.job}.every_seconds=null")
    return _run(jobs, args)


def report_command(argv: Sequence[str]) -> int:
    """Writes report.html from the tables as they are: the job `report` alone."""
    parser = command_parser("report", report_command.__doc__, "report --set report.path=week.html")
    return _run((JOBS["report"],), parse(parser, argv))


def _run(jobs: Sequence[Job], args: argparse.Namespace) -> int:
    rows = run_jobs(jobs, load_settings(args))
    print(json.dumps(rows) if args.json else table(rows))
    return 0


def run_jobs(jobs: Sequence[Job], settings: Settings, spark: Any = None) -> list[dict[str, Any]]:
    """Runs the jobs in order, as one chain, on one session (a new one unless given). Returns their rows of ops.runs as dicts."""
    spark, settled = spark or open_session(settings, nlp=any(j.nlp for j in jobs)), dict[str, date]()
    return [run_job(job, settings, spark, settled) for job in jobs]


def run_job(
    job: Job, settings: Settings, spark: Any, settled: dict[str, date] | None = None, work: Work | None = None
) -> dict[str, Any]:
    """Runs one job and records it in ops.runs, also when it fails. settled: what earlier jobs of the chain have settled; work: what
    the job does, where that is not `run` of its room.

    `spark` may be anybody's: the job runs on a session beside it that has our SQL settings.
    """
    from onecart.sql_settings import beside, our_settings

    with our_settings(beside(spark)) as own:
        return _run_job(job, settings, own, {} if settled is None else settled, work)


def _run_job(job: Job, settings: Settings, spark: Any, settled: dict[str, date], work: Work | None) -> dict[str, Any]:
    from onecart.context import Context, Result
    from onecart.lake import Lake
    from onecart.spark import work_done

    lake = Lake(spark, settings.lake.root, settings.lake.catalog, pinned=not job.streams)
    lake = lake.for_purpose(job.purpose) if job.purpose else lake
    ctx = Context(spark, lake, settings, uuid.uuid4().hex[:12], settled)
    started, clock, before = datetime.now(timezone.utc), time.monotonic(), work_done(spark)
    result = Result()
    nothing_cached = spark._jsparkSession.sharedState().cacheManager().isEmpty()
    try:
        result = (work or importlib.import_module(f"onecart.{job.room}.job").run)(ctx)
    except NothingToDo as e:
        result = Result(headline=f"nothing to do: {e}")
    except BaseException as e:
        error = (str(e).splitlines() or [type(e).__name__])[0][:1000] or type(e).__name__
        whole = hasattr(e, "result")  # a job that ends badly because of what it has read, all of it
        result = getattr(e, "result", result)
        with suppress(Exception):  # the first error is the one to show
            _record(ctx, job, started, time.monotonic() - clock, before, result, error, whole)
        raise
    finally:
        if nothing_cached:  # else there are frames of the user's among the cached ones
            spark.catalog.clearCache()
    row = _record(ctx, job, started, time.monotonic() - clock, before, result)
    _log.info(
        "%-10s %10s rows %7.1f s  %s",
        job.name,
        f"{row['rows_out']:,}",
        row["seconds"],
        row["headline"],
        extra={"fields": {key: row[key] for key in ("run_id", "job", "rows_in", "rows_out", "seconds")}},
    )
    return row


def _record(
    ctx: Any,
    job: Job,
    started: datetime,
    seconds: float,
    before: dict[str, int] | None,
    result: Any,
    error: str = "",
    whole: bool = True,
) -> dict[str, Any]:
    from onecart.spark import KINDS_OF_WORK, work_done

    now = work_done(ctx.spark)
    row = {
        "run_id": ctx.run_id,
        "job": job.name,
        "started_ts": started,
        "seconds": round(seconds, 2),
        "status": "failed" if error else "done",
        "inputs": dict(ctx.lake.reads),
        "outputs": dict(ctx.lake.writes),
        "input_ids": dict(ctx.lake.ids) if whole else None,
        **asdict(result),
        "error": error or None,
        **{f"spark_{kind}": now[kind] - before[kind] if now and before else None for kind in KINDS_OF_WORK},
    }
    ctx.lake.append_once("ops.runs", ctx.lake.frame("ops.runs", [row]), app_id=ctx.run_id, version=0)
    return {**row, "started_ts": started.isoformat()}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The summary: step, rows in, rows out, quarantined, duplicates, seconds, headline figure."""
    head = ("step", "rows in", "rows out", "quarantined", "duplicates", "seconds", "headline")
    body = [
        (
            r["job"],
            f"{r['rows_in']:,}",
            f"{r['rows_out']:,}",
            f"{r['rows_quarantined']:,}",
            f"{r['rows_duplicate']:,}",
            f"{r['seconds']:.1f}",
            r["headline"],
        )
        for r in rows
    ]
    widths = [max(len(row[i]) for row in (head, *body)) for i in range(len(head))]
    lines = [
        "  ".join(
            c.ljust(w) if i in (0, 6) else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *body)
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
