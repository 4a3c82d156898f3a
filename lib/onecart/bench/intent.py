"""Purchase intent, measured: four questions on a forward holdout beside a recency-frequency baseline, and three engines
at size. `onecart bench intent`."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from onecart.bench.boosters import BOOSTERS
from onecart.bench.questions import LABEL, QUESTIONS, TIME, Question
from onecart.errors import OneCartError, UsageError, nearest

_FIGURES = ("auc", "average_precision", "ece", "lift_at_decile_1")
_FEATURES = 20


def ask(spark: SparkSession, names: Sequence[str] | None, model: str, seed: int) -> Iterator[dict[str, Any]]:
    """Two rows per question: `model` with all features, and logistic regression on recency and frequency. Both learn from
    the same earlier days and are measured on the same later ones, which decide nothing else: settings are the defaults.
    beats: the model's AUC is above the upper end of the baseline's 95 % interval."""
    for name in set(names or ()) - set(QUESTIONS):
        raise UsageError(f"there is no question '{name}'{nearest(name, QUESTIONS)}")
    for name in names or QUESTIONS:
        question = QUESTIONS[name]()
        with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
            # From a file: a frame made of Python rows would travel with every task of every tree.
            spark.createDataFrame(question.frame).withColumn(TIME, F.to_date(TIME)).write.parquet(f"{folder}/cases")
            frame = spark.read.parquet(f"{folder}/cases")
            found = [_answer(frame, question, m, c, seed) for m, c in ((model, None), ("logistic", question.baseline))]
        for row in found:
            row["beats"] = None if row is found[1] else row["auc"] > found[1]["auc_high"]
            yield row


def _answer(frame: Any, question: Question, model: str, columns: Sequence[str] | None, seed: int) -> dict[str, Any]:
    from onecart import intent

    made = intent.train(
        frame,
        LABEL,
        TIME,
        model,
        columns=columns,
        holdout_from=question.holdout_from.date(),
        gap=question.horizon_days,
        seed=seed,
    )
    return {
        "question": question.name,
        "data": f"{question.data} ({question.origin})",
        "model": model if columns is None else "recency-frequency",
        "n": int(made.metrics["n"]),
        "prevalence": made.metrics["prevalence"],
        **{f: made.metrics[f] for f in _FIGURES},
        **made.intervals,
    }


def sizes(
    spark: SparkSession, rows: Sequence[int], engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per size and engine: seconds to train, peak memory of its processes (GiB), AUC on the same other rows. Each
    engine is a process of its own, with 100 trees of depth 5 and steps of 0.1."""
    for engine in set(engines or ()) - set(BOOSTERS):
        raise UsageError(f"there is no engine '{engine}'{nearest(engine, BOOSTERS)}")
    for n in rows:
        with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
            _write(spark, n, f"{folder}/train", seed)
            _write(spark, 100_000, f"{folder}/test", seed + 1)
            for engine in engines or BOOSTERS:
                yield {"rows": n, "engine": engine, **_run(engine, folder)}


def _write(spark: SparkSession, n: int, path: str, seed: int) -> None:
    """Made-up sessions: 20 numbers, of which some matter together only; a tenth are positive."""
    numbers = [F.randn(seed * 100 + i).alias(f"x{i}") for i in range(_FEATURES)]
    z = F.expr(
        "-3 + x0 + 0.8 * x1 * x2 + IF(x3 > 0.5 AND x4 > 0, 1.5, 0) + 0.5 * sin(3 * x5) + abs(x6) - 0.3 * x7 * x7"
    )
    hit = (F.rand(seed * 100 + 99) < 1 / (1 + F.exp(-z))).cast("int")
    spark.range(0, n, numPartitions=4).select(*numbers).withColumn("y", hit).write.parquet(path)


def _run(engine: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "onecart.bench.boosters", engine, folder]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise OneCartError(f"{engine} failed: {last} (the engines come with: pip install 'onecart[bench,xgboost]')")
    found: dict[str, Any] = json.loads(Path(folder, f"{engine}.json").read_text())
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows of `ask` or of `sizes` as text, a head above."""
    if not rows:
        return ""
    answers = "question" in rows[0]
    head = ["question", "data", "model", "n", "rate", "AUC", "AP", "ECE", "lift at 10 %", "beats the baseline"]
    head = head if answers else ["rows", "engine", "seconds", "peak GiB", "AUC"]
    cells = [head, *(_answered(r) if answers else _sized(r) for r in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def _answered(r: dict[str, Any]) -> list[str]:
    figures = [f"{r[f]:.3f} ({r[f'{f}_low']:.3f}-{r[f'{f}_high']:.3f})" for f in _FIGURES]
    beats = "" if r["beats"] is None else "yes" if r["beats"] else "no"
    return [r["question"], r["data"], r["model"], f"{r['n']:,}", f"{r['prevalence']:.1%}", *figures, beats]


def _sized(r: dict[str, Any]) -> list[str]:
    return [f"{r['rows']:,}", r["engine"], f"{r['seconds']:.1f}", f"{r['peak_gib']:.2f}", f"{r['auc']:.4f}"]
