"""The bench of sessions and features, small."""

import json

import pytest
from pyspark.sql import functions as F

from onecart.bench import behaviour, runs


def test_the_events_are_seeded_and_one_machine_is_among_them(spark):
    rows = behaviour.events(spark, 4000, 7)
    again, other = (behaviour.events(spark, 4000, seed).agg(F.sum(F.hash(*rows.columns))).first() for seed in (7, 8))
    assert rows.agg(F.sum(F.hash(*rows.columns))).first() == again != other
    assert rows.where("customer_id = 'machine'").count() == 80
    assert rows.where("received_ts > event_ts + INTERVAL '1' HOUR").count() > 10


@pytest.mark.heavy
def test_a_run_leaves_its_figures(spark, tmp_path):
    behaviour.events(spark, 4000, 7).write.parquet(str(tmp_path / "data/events"))
    behaviour.orders(spark, 4000, 7).write.parquet(str(tmp_path / "data/orders"))
    assert behaviour.main([str(tmp_path / "data"), str(tmp_path)]) == 0
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert 490 <= stats["visits"] <= 505  # 490, two of what is too little to be a machine's, and what midnight cuts
    assert stats["feature_rows"] > 100
    row = {"events": 4000, **stats}
    assert runs.table([row], behaviour.TABLE).splitlines()[-1].split()[0] == "4,000"
