"""The front door: `onecart demo | test | run JOB | show | report | erase | config | tables | samples | bench | ...`."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from onecart.errors import UsageError, nearest
from onecart.jobs import add_arguments, guarded, load_settings, open_lake


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0 done, 1 failed, 2 wrong use, 3 bad data beyond the allowed share."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: _dispatch(arguments))


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if argv else 2
    name, rest = argv[0], argv[1:]
    if name not in COMMANDS:
        raise UsageError(f"no command '{name}'{nearest(name, COMMANDS)}")
    return COMMANDS[name][0](rest)


def _help() -> str:
    lines = [
        "Every channel, one customer, more conversions.",
        "",
        "usage: onecart COMMAND [...]   (COMMAND --help says more)",
        "",
    ]
    return "\n".join(lines + [f"  {name:<14} {text}" for name, (_, text) in COMMANDS.items()])


def demo(argv: list[str]) -> int:
    """Real data -> all jobs -> summary table and report.html."""
    parser = argparse.ArgumentParser(prog="onecart demo", description=demo.__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="200 customers and 40 products, a few minutes, in ./lake-quick"
    )
    add_arguments(parser)
    args = parser.parse_args(argv)
    if args.quick:
        args.lake = args.lake or "lake-quick"
        args.overrides = ["samples.customers=200", "forecast.top_skus=40", "spark.small=true", *args.overrides]
    settings = load_settings(args)
    from onecart import demo as story

    return story.run(settings, as_json=args.json)


def run(argv: list[str]) -> int:
    """One job, or all of them in order."""
    from onecart import jobs

    return jobs.run_command(argv)


def report(argv: list[str]) -> int:
    """Writes report.html from the tables as they are."""
    return run(["report", *argv])


def show(argv: list[str]) -> int:
    """The single view of one customer, with the evidence of each link."""
    parser = argparse.ArgumentParser(prog="onecart show", description=show.__doc__)
    parser.add_argument("what", choices=["profile"])
    parser.add_argument("customer_id")
    parser.add_argument(
        "--as-of", type=date.fromisoformat, metavar="DAY", help="the profile as it was on that day, as in 2011-06-01"
    )
    add_arguments(parser)
    args = parser.parse_args(argv)
    from onecart.profile import show as view

    lake = open_lake(load_settings(args))
    seen = view.to_dict(lake, args.customer_id, args.as_of)
    print(json.dumps(seen, default=str) if args.json else view.text(seen))
    return 0


def config(argv: list[str]) -> int:
    """The merged settings and where each value comes from; secrets stay references."""
    parser = argparse.ArgumentParser(prog="onecart config", description=config.__doc__)
    add_arguments(parser)
    args = parser.parse_args(argv)
    from onecart import config as settings_module

    settings = load_settings(args)
    origin = settings_module.load(args.env, args.gpu, args.overrides)[1]
    rows = [
        (key, value, origin.get(key, "--set" if key == "lake.root" and args.lake else "default"))
        for key, value in settings_module.flatten(settings)
    ]
    if args.json:
        print(json.dumps({key: {"value": value, "origin": where} for key, value, where in rows}))
        return 0
    for key, value, where in rows:
        text = " ".join(str(value).split())
        print(f"{key:<44} {text if len(text) <= 80 else text[:77] + '...':<80} {where}")
    return 0


def tables(argv: list[str]) -> int:
    """The lake's tables: rows, Delta version, files, size."""
    parser = argparse.ArgumentParser(prog="onecart tables", description=tables.__doc__)
    add_arguments(parser)
    args = parser.parse_args(argv)
    from onecart.contracts import contract

    lake = open_lake(load_settings(args))
    rows = []
    for name in lake.names():
        files, size = lake.size(name)
        rows.append(
            {
                "table": name,
                "rows": lake.read(name).count(),
                "version": lake.version(name),
                "files": files,
                "bytes": size,
                "restricted": contract(name).restricted,
            }
        )
    if args.json:
        print(json.dumps(rows))
        return 0
    print(f"{'table':<28} {'rows':>12} {'version':>8} {'files':>6} {'MiB':>9}  personal data")
    for r in rows:
        print(
            f"{r['table']:<28} {r['rows']:>12,} {r['version']:>8} {r['files']:>6} {r['bytes'] / 2**20:>9.1f}"
            + ("  restricted" if r["restricted"] else "")
        )
    if not rows:
        print(f"no tables in {lake.root} yet; `onecart demo` makes some")
    return 0


def erase(argv: list[str]) -> int:
    """Removes a person from every table and file, with a certificate."""
    from onecart.privacy.command import erase_command

    return erase_command(argv)


def export_subject(argv: list[str]) -> int:
    """All that the lake has about one person, for that person."""
    from onecart.privacy.command import export_subject as command

    return command(argv)


def rotate_key(argv: list[str]) -> int:
    """A new key for pseudonyms."""
    from onecart.privacy.command import rotate_key as command

    return command(argv)


def samples(argv: list[str]) -> int:
    """The sample data sets: list, fetch NAME, or grow the world around the real invoices."""
    parser = argparse.ArgumentParser(prog="onecart samples", description=samples.__doc__)
    parser.add_argument("action", choices=["list", "fetch", "grow"])
    parser.add_argument("name", nargs="?", help="data set to fetch")
    parser.add_argument("--scale", type=int, help="short for --set samples.scale=N")
    add_arguments(parser)
    args = parser.parse_args(argv)
    if args.action == "list":
        return _list_samples(as_json=args.json)
    if args.action == "fetch":
        from onecart.samples import fetch

        if not args.name:
            raise UsageError("samples fetch needs the name of a data set; `onecart samples list` shows them")
        for path in fetch(args.name):
            print(path)
        return 0
    if args.scale:
        args.overrides = [*args.overrides, f"samples.scale={args.scale}"]
    settings = load_settings(args)
    from onecart.demo import show_feed
    from onecart.jobs import open_session
    from onecart.samples.world import grow

    counts = grow(open_session(settings), settings, progress=show_feed)
    print(json.dumps(counts) if args.json else "\n".join(f"{feed:<24} {n:>12,}" for feed, n in counts.items()))
    return 0


def _list_samples(*, as_json: bool) -> int:
    from dataclasses import asdict

    from onecart.samples import CATALOGUE

    if as_json:
        print(json.dumps([asdict(s) for s in CATALOGUE.values()]))
        return 0
    for s in CATALOGUE.values():
        print(f"{s.name:<18} {s.title}\n{'':<18} from {s.package}; {s.origin}; {s.terms}\n{'':<18} {s.attribution}\n")
    return 0


def python(argv: list[str]) -> int:
    """Python with this environment: onecart python SCRIPT ..."""
    os.execv(sys.executable, [sys.executable, *argv])


_LANES = {  # Spark settings that `./onecart test --all` runs the jobs with once more
    "with adaptive execution": {"spark.sql.adaptive.enabled": "true"},
    "with seven partitions": {"spark.sql.shuffle.partitions": "7", "spark.default.parallelism": "7"},
}


def test(argv: list[str]) -> int:
    """The gate: units, style, one run of each job. --all: notebooks, networks and benches too, then each job once more with
    adaptive execution and with seven partitions. pytest arguments go through, and a file that is named runs whole."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "tests").is_dir():
        raise UsageError("the tests are in a checkout of OneCart; run `./onecart test` there")
    os.chdir(root)
    everything = argv == ["--all"]
    coverage = ["--cov", "--cov-report=term:skip-covered"] if everything else []
    # Options alone mean the whole suite; whoever names a test wants it at once, in one process.
    # Files go to the workers in the order that tests/conftest.py gives them: the slow ones first.
    parallel = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    workers = parallel if all(a.startswith("-") for a in argv) else []
    # A fresh interpreter, so that coverage sees the modules this command has imported already.
    command = [sys.executable, "-m", "pytest", *workers]
    if everything:
        return _with_lanes([*command, *coverage, *argv], command)
    os.execv(sys.executable, [*command, *argv])


def _with_lanes(first: list[str], command: list[str]) -> int:
    failed = subprocess.call(first)
    for name, settings in _LANES.items():
        print(f"onecart: the jobs once more, {name}", file=sys.stderr)
        environment = {**os.environ, "ONECART_TEST_SPARK": json.dumps(settings)}
        failed = subprocess.call([*command, "-m", "job and not heavy"], env=environment) or failed
    return failed


def doctor(argv: list[str]) -> int:
    """Checks Java, jars, memory, disk and write access, and says what is wrong."""
    parser = argparse.ArgumentParser(prog="onecart doctor", description=doctor.__doc__)
    add_arguments(parser)
    args = parser.parse_args(argv)
    from onecart.doctor import examine

    return examine(load_settings(args), as_json=args.json)


_BENCHES = {
    "identity": ["identity"],
    "intent": ["questions", "behaviour", "training"],
    "recommend": ["quality", "lists", "tune"],
    "forecast": ["models", "speed", "stock"],
    "voice": ["quality", "speed", "terms"],
}


def bench(argv: list[str]) -> int:
    """Measures OneCart beside others on the same records: identity (Splink on DuckDB and on Spark); intent, in three
    parts: questions (a recency-frequency baseline), behaviour (sessions and features), training (XGBoost, LightGBM);
    recommend, in three: quality (all models on public data), lists (Spark's own top-k and implicit), tune (default
    settings beside searched ones); forecast, in three: models (all on public data), speed (the same models without Spark),
    stock (orders by quantiles and by a Normal law); voice, in three: quality (sentiment on public texts beside
    VADER, scikit-learn, SnowNLP), speed (reviews a second), terms (words hidden from the tagger that it finds)."""
    from onecart.samples.persons import FEBRL, PROFILES

    parser = argparse.ArgumentParser(prog="onecart bench", description=bench.__doc__)
    parser.add_argument("name", choices=[*_BENCHES])
    parser.add_argument("--data", default="default", choices=[*FEBRL, *PROFILES], help="identity: febrl*, or generated")
    parser.add_argument(
        "--part",
        choices=[p for parts in _BENCHES.values() for p in parts],
        help="this part only",
    )
    parser.add_argument(
        "--sizes", type=int, nargs="+", metavar="N", help="records, events, rows to train on, users or series"
    )
    parser.add_argument(
        "--engines", nargs="+", metavar="ENGINE", help="onecart, splink-duckdb, mllib-gbt, als, ...: all"
    )
    parser.add_argument(
        "--questions",
        nargs="+",
        metavar="NAME",
        help="buys30, again90, category, coupon; movielens, ...; weekly, ...; amazon, films, chinese: all",
    )
    parser.add_argument("--seed", type=int, default=7, help="of the generated records")
    parser.add_argument("--out", metavar="FILE", help="also write the figures here, as JSON")
    add_arguments(parser)
    args = parser.parse_args(argv)
    from onecart.bench import runs
    from onecart.jobs import open_session

    wanted = [args.part] if args.part else _BENCHES[args.name]
    if args.part not in (None, *_BENCHES[args.name]):
        raise UsageError(f"bench {args.name} has no part '{args.part}'{nearest(args.part, _BENCHES[args.name])}")
    if len(wanted) > 1 and args.sizes:
        raise UsageError(f"--sizes mean something else in each part: say --part {' or '.join(wanted)}")
    settings = load_settings(args)
    parts = _bench_parts(args, settings, open_session(settings, nlp=args.name == "voice"))
    rows, tables = [], []
    for part in wanted:
        columns, figures = parts[args.name, part]
        found = []
        for row in figures:
            found.append(row)
            print("onecart:", "  ".join(runs.cells(row, columns)), file=sys.stderr)
        rows += [{"part": part, **row} for row in found]
        tables.append(runs.table(found, columns))
    if args.out:
        Path(args.out).write_text(json.dumps(rows, indent=1) + "\n")
    print(json.dumps(rows) if args.json else "\n\n".join(tables))
    return 0


def _bench_parts(args: argparse.Namespace, settings: Any, spark: Any) -> dict[tuple[str, str], tuple[Any, Any]]:
    """(Bench, part) -> its table's columns and its rows, which are measured when they are asked for."""
    from onecart.bench import behaviour, boosters, forecasts, identity, lists, questions, recommenders, stocks
    from onecart.bench.voice import hidden_terms, sentiment, speed

    sizes, seed = args.sizes, args.seed
    return {
        ("identity", "identity"): (
            identity.TABLE,
            identity.measure(spark, args.data, sizes or [10_000], args.engines, seed),
        ),
        ("intent", "questions"): (
            questions.TABLE,
            questions.measure(spark, args.questions, settings.intent.model, seed),
        ),
        ("intent", "behaviour"): (behaviour.TABLE, behaviour.measure(spark, sizes or [1_000_000], seed)),
        ("intent", "training"): (
            boosters.TABLE,
            boosters.measure(spark, sizes or [100_000, 1_000_000], args.engines, seed),
        ),
        ("recommend", "quality"): (recommenders.TABLE, recommenders.measure(spark, args.questions, args.engines, seed)),
        ("recommend", "tune"): (recommenders.TUNED, recommenders.tuned(spark, args.engines, seed)),
        ("forecast", "models"): (forecasts.TABLE, forecasts.measure(spark, args.questions, args.engines, seed)),
        ("forecast", "speed"): (forecasts.SPEED, forecasts.speed(spark, sizes, args.engines, seed)),
        ("forecast", "stock"): (stocks.TABLE, stocks.measure(spark, seed)),
        ("recommend", "lists"): (lists.TABLE, lists.measure(spark, sizes or [10_000, 100_000], args.engines, seed)),
        ("voice", "quality"): (sentiment.TABLE, sentiment.measure(spark, args.questions, args.engines, seed)),
        ("voice", "speed"): (speed.TABLE, speed.measure(spark, sizes, args.engines, seed)),
        ("voice", "terms"): (hidden_terms.TABLE, hidden_terms.measure(spark, seed)),
    }


def bundle(argv: list[str]) -> int:
    """Writes deploy/databricks/resources/onecart.job.yml from the DAG."""
    argparse.ArgumentParser(prog="onecart bundle", description=bundle.__doc__).parse_args(argv)
    from onecart.bundle import write

    print(write(Path(__file__).resolve().parents[2] / "deploy" / "databricks" / "resources" / "onecart.job.yml"))
    return 0


COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "demo": (demo, "real data -> all jobs -> summary table and report.html (--quick: 200 customers)"),
    "test": (test, "all tests (pytest arguments go through)"),
    "run": (run, "run JOB | all: one job, or all in order"),
    "show": (show, "show profile CUSTOMER_ID: the single view of one customer"),
    "report": (report, "write report.html from the tables as they are"),
    "erase": (erase, "erase CUSTOMER_ID: remove a person from every table and file, with a certificate"),
    "export-subject": (export_subject, "export-subject CUSTOMER_ID --out FILE.json: a person's own data"),
    "rotate-key": (rotate_key, "a new key for pseudonyms; older ones are still recognised"),
    "config": (config, "the merged settings and where each value comes from"),
    "tables": (tables, "the lake's tables: rows, version, size"),
    "samples": (samples, "list | fetch NAME | grow: sample data and the simulated world around it"),
    "bench": (
        bench,
        "bench identity | intent | recommend | forecast | voice: time, memory and quality beside Splink, LightGBM, implicit",
    ),
    "bundle": (bundle, "write the Databricks job from the DAG"),
    "doctor": (doctor, "check Java, jars, memory, disk, write access"),
    "python": (python, "python SCRIPT ...: Python with this environment"),
}
