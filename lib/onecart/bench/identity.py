"""Identity resolution of OneCart and of Splink on the same records, in one run on one machine."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from onecart.bench import runs
from onecart.bench.engines import ENGINES
from onecart.errors import require_known
from onecart.identity import evaluate
from onecart.lake.files import literal
from onecart.samples import persons

TABLE: tuple[tuple[str, str], ...] = (
    ("data", "{}"),
    ("engine", "{}"),
    ("records", "{:,}"),
    ("candidates", "{:,}"),
    ("blocking_recall", "{:.4f}"),
    ("start_s", "{:.1f}"),
    ("link_s", "{:.1f}"),
    ("peak_gib", "{:.2f}"),
    ("pair_precision", "{:.4f}"),
    ("pair_recall", "{:.4f}"),
    ("pair_f1", "{:.4f}"),
    ("bcubed_f1", "{:.4f}"),
    ("cluster_f1", "{:.4f}"),
    ("best_threshold", "{:.5g}"),
)


def measure(
    spark: SparkSession, data: str, sizes: Sequence[int], engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per size and engine, as soon as it is known: the columns of TABLE (None: the engine does not tell) and all
    figures of `identity.evaluate`.

    candidates: pairs the engine compared; start_s: its session; link_s: from records on disk to links on disk, models
    fitted on the way; peak_gib: resident memory of its processes; pair_*, bcubed_* and cluster_* are of its links, at
    its usual threshold; best_threshold: of its scored pairs alone, before they are clustered.
    FEBRL has its own size. No `engines`: all. Each engine is a process of its own; this one idles meanwhile.
    """
    engines = engines or [*ENGINES]
    require_known(engines, ENGINES, "engine")
    for size in sizes if data in persons.PROFILES else [0]:
        with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
            found = persons.load(spark, data, size, seed)
            records, truth = f"{folder}/records", f"{folder}/truth"
            found.records.orderBy("record_id").write.parquet(records)
            found.truth.write.parquet(truth)
            for engine in engines:
                yield {
                    "data": data,
                    "engine": engine,
                    "seed": seed,
                    **_run(engine, records, f"{folder}/{engine}"),
                    **_scores(spark, spark.read.parquet(truth), f"{folder}/{engine}"),
                }


def _run(engine: str, records: str, out: str) -> dict[str, Any]:
    hint = " (Splink comes with the extra `bench`: pip install 'onecart[bench]')"
    return runs.in_own_process("onecart.bench.engines", engine, records, out, what=engine, hint=hint)


def _scores(spark: SparkSession, truth: DataFrame, out: str) -> dict[str, Any]:
    folder = Path(out, "pairs")
    pairs = spark.read.parquet(*(literal(str(part)) for part in folder.iterdir())) if folder.exists() else None
    found = evaluate(spark.read.parquet(f"{out}/links"), truth, pairs=pairs)
    once = (F.least("record_a", "record_b"), F.greatest("record_a", "record_b"))
    candidates = None if pairs is None else pairs.select(*once).distinct().count()
    best = None if pairs is None else found.best_threshold()
    return {"candidates": candidates, "best_threshold": best, **found.to_dict()}
