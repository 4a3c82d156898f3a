"""The engines that link the same records, each in a process of its own: `python -m onecart.bench.engines NAME RECORDS OUT`.

Below OUT an engine leaves `links` (record_id, customer_id), `pairs` (record_a, record_b, probability: null for a candidate
whose score was not kept) where it has them, and stats.json, written last: start_s, link_s, peak_gib.
"""

import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from onecart.bench import runs

_SEED = 1


# An engine returns seconds to start, seconds from records on disk to links, and what writes its candidate pairs, which is not
# measured.
_Measured = tuple[float, float, Callable[[], Any]]


def main(argv: list[str]) -> int:
    name, records, out = argv
    return runs.write_stats(out, lambda: ENGINES[name](records, out), _figures)


def _figures(measured: _Measured) -> dict[str, float]:
    start_s, link_s, write_pairs = measured
    write_pairs()
    return {"start_s": start_s, "link_s": link_s}


def onecart(records: str, out: str) -> _Measured:
    """What identity.link does, with its default settings; its customers under the names of their clusters."""
    from onecart import spark
    from onecart.identity import linking

    clock = time.monotonic()
    session = spark.session()
    started = time.monotonic()
    found = linking.resolve(session.read.parquet(records))
    found.members.selectExpr("record_id", "cluster AS customer_id").write.parquet(f"{out}/links")
    linked = time.monotonic()

    def pairs() -> None:
        found.scored.select("record_a", "record_b", "probability").write.parquet(f"{out}/pairs/scored")

    return started - clock, linked - started, pairs


def splink_duckdb(records: str, out: str) -> _Measured:
    clock = time.monotonic()
    from splink import DuckDBAPI

    from onecart.bench import splink_model

    api = DuckDBAPI()
    started = time.monotonic()
    api.duckdb_con.execute(f"CREATE TABLE records AS SELECT * FROM read_parquet('{records}/*.parquet')")
    table = api.duckdb_con.sql("SELECT * FROM records")
    frame = api.register("records")
    linker = splink_model.fit(frame, table.columns, len(table), date_format="%Y%m%d", seed=_SEED)
    predictions, clusters = splink_model.predict(linker)
    _to_parquet(clusters, _LINKS, f"{out}/links")
    linked = time.monotonic()

    def pairs() -> None:
        blocked = linker.inference.compute_blocked_pairs_for_predict()
        _to_parquet(predictions, _SCORED, f"{out}/pairs/scored")
        _to_parquet(blocked, _BLOCKED, f"{out}/pairs/blocked")

    return started - clock, linked - started, pairs


def splink_spark(records: str, out: str) -> _Measured:
    from splink import SparkAPI
    from splink.backends.spark import similarity_jar_location

    from onecart import spark
    from onecart.bench import splink_model

    clock = time.monotonic()
    session = spark.session(conf={"spark.jars": similarity_jar_location()})
    session.sparkContext.setCheckpointDir(f"{out}/checkpoints")
    api: Any = SparkAPI(spark_session=session)
    started = time.monotonic()
    table = session.read.parquet(records)
    # Random sampling of u has no seed on Spark.
    linker = splink_model.fit(api.register(table), table.columns, table.count(), date_format="yyyyMMdd", seed=None)
    predictions, clusters = splink_model.predict(linker)
    clusters.as_spark_dataframe().selectExpr(*_LINKS).write.parquet(f"{out}/links")
    linked = time.monotonic()

    def pairs() -> None:
        blocked = linker.inference.compute_blocked_pairs_for_predict()
        predictions.as_spark_dataframe().selectExpr(*_SCORED).write.parquet(f"{out}/pairs/scored")
        blocked.as_spark_dataframe().selectExpr(*_BLOCKED).write.parquet(f"{out}/pairs/blocked")

    return started - clock, linked - started, pairs


_LINKS = ("record_id", "cluster_id AS customer_id")
_SCORED = ("record_id_l AS record_a", "record_id_r AS record_b", "match_probability AS probability")
_BLOCKED = ("join_key_l AS record_a", "join_key_r AS record_b", "CAST(NULL AS DOUBLE) AS probability")


def _to_parquet(frame: Any, columns: tuple[str, ...], folder: str) -> None:
    os.makedirs(folder)
    frame.as_duckdbpyrelation().project(", ".join(columns)).write_parquet(f"{folder}/part.parquet")


ENGINES: dict[str, Callable[[str, str], _Measured]] = {
    "onecart": onecart,
    "splink-duckdb": splink_duckdb,
    "splink-spark": splink_spark,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
