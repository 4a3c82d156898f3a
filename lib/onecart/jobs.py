"""Runs jobs: one function for the command line, spark-submit, Databricks and tests, and one row in ops.runs a run."""

import argparse
import importlib
import json
import os
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timezone
from itertools import accumulate
from pathlib import Path
from typing import Any

from onecart import config
from onecart.config import Settings
from onecart.dag import DAG, JOBS, Job
from onecart.errors import OneCartError, UsageError, nearest

_SMALL_BYTES = 64 * 2**20


def main(name: str, argv: Sequence[str] | None = None) -> int:
    """Entry of `jobs/<name>.py`: parses --env, --gpu, --set, --json; returns the exit code."""
    return guarded(lambda: run_command([name, *(sys.argv[1:] if argv is None else argv)]))


def guarded(work: Callable[[], int]) -> int:
    """Runs `work`; an error becomes one sentence on stderr and an exit code, its stack trace goes to the log file."""
    try:
        return work()
    except OneCartError as e:
        print(f"onecart: {e}", file=sys.stderr)
        return e.exit_code
    except KeyboardInterrupt:
        print("onecart: stopped; what was committed stays, the next run goes on from there", file=sys.stderr)
        return 130
    except Exception as e:
        from onecart.spark import log_file

        with log_file().open("a") as log:
            traceback.print_exc(file=log)
        first = next((line for line in str(e).splitlines() if line.strip()), "")
        print(f"onecart: {type(e).__name__}: {first[:300]} (the stack trace is in {log_file()})", file=sys.stderr)
        return 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options every command that reads settings shares."""
    parser.add_argument("--env", default="local", help="environment: a file of conf/ (default local)")
    parser.add_argument("--gpu", action="store_true", help="lay conf/gpu.yaml on top")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="one setting")
    parser.add_argument("--lake", metavar="DIR", help="short for --set lake.root=DIR")
    parser.add_argument("--json", action="store_true", help="print machine-readable JSON")


def load_settings(args: argparse.Namespace) -> Settings:
    overrides = [*args.overrides, *([f"lake.root={json.dumps(args.lake)}"] if args.lake else [])]
    return config.load(args.env, args.gpu, overrides)[0]


def run_command(argv: Sequence[str]) -> int:
    """`onecart run JOB|all`; prints the summary table, or the rows of ops.runs as JSON."""
    parser = argparse.ArgumentParser(prog="onecart run", description="Runs one job, or all of them in order.")
    parser.add_argument("job", help=f"all, or one of {', '.join(JOBS)}")
    add_arguments(parser)
    args = parser.parse_args(argv)
    if args.job != "all" and args.job not in JOBS:
        raise UsageError(f"no job '{args.job}'{nearest(args.job, [*JOBS, 'all'])}")
    settings = load_settings(args)
    jobs = DAG if args.job == "all" else (JOBS[args.job],)
    rows = run_jobs(jobs, settings)
    print(json.dumps(rows) if args.json else table(rows))
    return 0


def run_jobs(jobs: Sequence[Job], settings: Settings, spark: Any = None) -> list[dict[str, Any]]:
    """Runs the jobs in order, as one chain, on one session (a new one unless given). Returns their rows of ops.runs as dicts."""
    spark, settled = spark or open_session(settings, nlp=any(j.nlp for j in jobs)), dict[str, date]()
    return [run_job(job, settings, spark, settled) for job in jobs]


def open_session(settings: Settings, nlp: bool = False) -> Any:
    """The session that the settings describe; checks first that a local lake can be written."""
    from onecart import spark as sparks
    from onecart.jars import NLP

    check_writable(settings.lake.root)
    secrets = {key: config.resolve_secret(ref) for key, ref in settings.spark.secrets.items()}
    conf = {**settings.spark.conf, **secrets}
    return sparks.session(nlp, conf, nlp_packages=settings.spark.nlp_packages or NLP, small=_small(settings))


def _small(settings: Settings) -> bool:
    """Whether so little lies in the landing zone, and in silver, that queries take longer to plan than to run."""
    if settings.spark.small is not None:
        return settings.spark.small
    landing, silver = Path(settings.landing_root), Path(settings.lake.root) / "silver"
    if not config.is_local(settings.landing_root) or not landing.is_dir():
        return False
    files = (file for folder in (landing, silver) for file in folder.rglob("*") if file.is_file())
    sizes = accumulate(file.stat().st_size for file in files)
    return all(size < _SMALL_BYTES for size in sizes)  # looks no further than it has to


def open_lake(settings: Settings) -> Any:
    """The settings' lake on a session of its own."""
    from onecart.lake import Lake

    return Lake(open_session(settings), settings.lake.root, settings.lake.catalog)


def run_job(job: Job, settings: Settings, spark: Any, settled: dict[str, date] | None = None) -> dict[str, Any]:
    """Runs one job and records it in ops.runs, also when it fails. settled: what earlier jobs of the chain have settled."""
    from onecart.context import Context, Result
    from onecart.lake import Lake
    from onecart.spark import work_done

    lake = Lake(spark, settings.lake.root, settings.lake.catalog, pinned=not job.streams)
    lake = lake.for_purpose(job.purpose) if job.purpose else lake
    ctx = Context(spark, lake, settings, uuid.uuid4().hex[:12], {} if settled is None else settled)
    started, clock, before = datetime.now(timezone.utc), time.monotonic(), work_done(spark)
    result, error = Result(), ""
    try:
        result = importlib.import_module(f"onecart.{job.room}.job").run(ctx)
    except BaseException as e:
        error = (str(e).splitlines() or [type(e).__name__])[0][:1000] or type(e).__name__
        result = getattr(e, "result", result)
        with suppress(Exception):  # the first error is the one to show
            _record(ctx, job, started, time.monotonic() - clock, before, result, error)
        raise
    finally:
        spark.catalog.clearCache()
    row = _record(ctx, job, started, time.monotonic() - clock, before, result, error)
    print(
        f"onecart: {job.name:<10} {row['rows_out']:>10,} rows {row['seconds']:>7.1f} s  {row['headline']}",
        file=sys.stderr,
    )
    return row


def _record(
    ctx: Any, job: Job, started: datetime, seconds: float, before: dict[str, int] | None, result: Any, error: str
) -> dict[str, Any]:
    from onecart.contracts import contract
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
        **asdict(result),
        "error": error or None,
        **{f"spark_{kind}": now[kind] - before[kind] if now and before else None for kind in KINDS_OF_WORK},
    }
    schema = contract("ops.runs").schema
    frame = ctx.spark.createDataFrame([tuple(row[f.name] for f in schema.fields)], schema)
    ctx.lake.append_once("ops.runs", frame, app_id=ctx.run_id, version=0)
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


def check_writable(root: str) -> None:
    """Fails early, and clearly, where a local lake cannot be written."""
    if not config.is_local(root):
        return
    folder = Path(root).absolute()
    probe = folder / f".onecart-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as e:
        raise OneCartError(
            f"cannot write the lake {root}: {e.strerror} ({e.filename}); give another folder with --lake DIR"
        ) from e
