"""The command `onecart bench`."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onecart.bench import runs
from onecart.config.arguments import command_parser, load_settings, parse
from onecart.connect import open_session
from onecart.errors import UsageError, nearest

_log = logging.getLogger(__name__)
_BENCHES = {
    "identity": ["identity"],
    "intent": ["questions", "behaviour", "training"],
    "recommend": ["quality", "lists", "tune"],
    "forecast": ["models", "speed", "stock"],
    "voice": ["quality", "small", "speed", "mentions", "terms"],
    "decide": ["assign", "coupons", "market", "gate", "uplift"],
    "measure": ["experiments"],
}


def bench(argv: Sequence[str]) -> int:
    """Measures OneCart beside others on the same records: identity (Splink on DuckDB and on Spark); intent, in three
    parts: questions (a recency-frequency baseline), behaviour (sessions and features), training (XGBoost, LightGBM);
    recommend, in three: quality (all models on public data), lists (Spark's own top-k and implicit), tune (default
    settings beside searched ones); forecast, in three: models (all on public data), speed (the same models without Spark),
    stock (orders by quantiles and by Normal laws); voice, in five: quality (sentiment on public texts beside
    VADER, scikit-learn, SnowNLP), small (what 50 to 5,000 labelled texts teach), speed (reviews a second), mentions
    (sentences with an aspect), terms (words hidden from the tagger that it finds); decide, in five: assign (offers to
    ever more customers), coupons (who redeems, beside the lists that shops make), market (policies on simulated customers
    who answer), gate (a learned policy before it goes live), uplift (learners by engine); measure (an experiment's verdict at
    size)."""
    args = _arguments(argv)
    wanted = [args.part] if args.part else _BENCHES[args.name]
    if args.part not in (None, *_BENCHES[args.name]):
        raise UsageError(f"bench {args.name} has no part '{args.part}'{nearest(args.part, _BENCHES[args.name])}")
    if len(wanted) > 1 and args.sizes:
        raise UsageError(f"--sizes mean something else in each part: say --part {' or '.join(wanted)}")
    settings = load_settings(args)
    parts = _parts(args, settings, open_session(settings, nlp=args.name == "voice"))
    rows, tables = [], []
    for part in wanted:
        columns, figures = parts[args.name, part]
        found = []
        for row in figures:
            found.append(row)
            _log.info("%s", "  ".join(runs.cells(row, columns)), extra={"fields": {"part": part, **row}})
        rows += [{"part": part, **row} for row in found]
        tables.append(runs.table(found, columns))
    if args.out:
        Path(args.out).write_text(json.dumps(rows, indent=1) + "\n")
    print(json.dumps(rows) if args.json else "\n\n".join(tables))
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    from onecart.samples.persons import FEBRL, PROFILES

    parser = command_parser("bench", bench.__doc__, "bench identity --sizes 10000 --out figures.json")
    parser.add_argument("name", choices=[*_BENCHES])
    parser.add_argument("--data", default="default", choices=[*FEBRL, *PROFILES], help="identity: febrl*, or generated")
    parser.add_argument(
        "--part",
        choices=[p for parts in _BENCHES.values() for p in parts],
        help="this part only",
    )
    parser.add_argument(
        "--sizes",
        type=int,
        nargs="+",
        metavar="N",
        help="records, events, rows to train on, users, series or customers",
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
    return parse(parser, argv)


def _parts(args: argparse.Namespace, settings: Any, spark: Any) -> dict[tuple[str, str], tuple[Any, Any]]:
    """(Bench, part) -> its table's columns and its rows, which are measured when they are asked for."""
    from onecart.bench import behaviour, boosters, identity, lists, measure, questions, recommenders
    from onecart.bench.coupons import measure as coupons
    from onecart.bench.decisions import assignment, uplift
    from onecart.bench.forecast import models, stocks
    from onecart.bench.market import gate, month
    from onecart.bench.voice import hidden_terms, mentions, sentiment, small, speed

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
            boosters.measure(spark, sizes or [12_000, 100_000, 1_000_000], args.engines, seed),
        ),
        ("recommend", "quality"): (recommenders.TABLE, recommenders.measure(spark, args.questions, args.engines, seed)),
        ("recommend", "tune"): (recommenders.TUNED, recommenders.tuned(spark, args.engines, seed)),
        ("forecast", "models"): (models.TABLE, models.measure(spark, args.questions, args.engines, seed)),
        ("forecast", "speed"): (models.SPEED, models.speed(spark, sizes, args.engines, seed)),
        ("forecast", "stock"): (stocks.TABLE, stocks.measure(spark, seed)),
        ("recommend", "lists"): (lists.TABLE, lists.measure(spark, sizes or [10_000, 100_000], args.engines, seed)),
        ("voice", "quality"): (sentiment.TABLE, sentiment.measure(spark, args.questions, args.engines, seed)),
        ("voice", "small"): (small.TABLE, small.measure(spark, args.questions, sizes, args.engines, seed)),
        ("voice", "mentions"): (mentions.TABLE, mentions.measure(spark, args.engines, seed)),
        ("voice", "speed"): (speed.TABLE, speed.measure(spark, sizes, args.engines, seed)),
        ("decide", "assign"): (
            assignment.TABLE,
            assignment.measure(spark, sizes or [*assignment.SIZES], args.engines, seed),
        ),
        ("decide", "market"): (month.TABLE, month.measure(spark, sizes or [20_000], seed, args.engines)),
        ("decide", "gate"): (gate.TABLE, gate.measure(spark, sizes or [20_000], seed)),
        ("decide", "coupons"): (coupons.TABLE, coupons.measure(seed)),
        ("decide", "uplift"): (uplift.TABLE, uplift.measure(spark, args.engines, seed)),
        ("measure", "experiments"): (
            measure.TABLE,
            measure.measure(spark, sizes or [100_000, 1_000_000, 10_000_000], seed),
        ),
        ("voice", "terms"): (hidden_terms.TABLE, hidden_terms.measure(spark, seed)),
    }
