import json

import pytest

from onecart import cli
from onecart.bench import engines, identity, runs
from onecart.bench.memory import Peak
from onecart.errors import OneCartError, UsageError
from onecart.samples import persons


@pytest.mark.heavy
def test_figures_of_an_engine_in_a_process_of_its_own(spark, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(persons, "_pools", lambda: POOLS)
    out = tmp_path / "figures.json"
    command = ["bench", "identity", "--data", "clean", "--sizes", "400", "--engines", "splink-duckdb"]
    assert cli.main([*command, "--lake", str(tmp_path / "lake"), "--out", str(out)]) == 0

    (row,) = json.loads(out.read_text())
    assert (row["engine"], row["records"]) == ("splink-duckdb", 400)
    assert 240 <= row["true_customers"] <= 250
    assert row["pair_precision"] > 0.8
    assert row["pair_recall"] > 0.8
    assert row["candidates"] >= row["correct_pairs"]
    assert row["blocking_recall"] >= row["pair_recall"]
    assert row["link_s"] > 0.1
    assert row["peak_gib"] > 0.05
    assert capsys.readouterr().out.splitlines()[-1].split()[:3] == ["clean", "splink-duckdb", "400"]


@pytest.mark.heavy
def test_our_own_engine_writes_its_links_and_the_pairs_it_compared(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(persons, "_pools", lambda: POOLS)
    found = persons.generate(spark, 150, "clean")
    found.records.write.parquet(str(tmp_path / "records"))
    assert engines.main(["onecart", str(tmp_path / "records"), str(tmp_path)]) == 0

    scores = identity._scores(spark, found.truth, str(tmp_path))
    assert scores["pair_recall"] > 0.5
    assert scores["blocking_recall"] >= scores["pair_recall"]
    assert scores["candidates"] >= scores["correct_pairs"] > 0
    assert 0 <= scores["best_threshold"] < 1
    assert json.loads((tmp_path / "stats.json").read_text())["link_s"] > 0


POOLS = {
    "given": [(f"{a}{b}",) for a in ("mar", "jo", "el", "vic") for b in ("in", "sha", "ia", "tor", "anne", "ro")],
    "surname": [(f"{a}{b}",) for a in ("smith", "van", "brook", "clark", "peter") for b in ("", "son", "ley", "dorf")],
    "street": [("stanley street",), ("long place",), ("giblin court",)],
    "number": [(str(i),) for i in range(1, 90)],
    "place": [(f"suburb {i}", str(2000 + 7 * i), "nsw") for i in range(40)],
}


def test_an_engine_that_fails_says_why(spark, tmp_path):
    with pytest.raises(OneCartError, match=r"splink-duckdb failed: .*No files found"):
        identity._run("splink-duckdb", str(tmp_path / "nothing"), str(tmp_path / "out"))
    with pytest.raises(UsageError, match="no engine 'splink'; did you mean 'splink-"):
        next(identity.measure(spark, "febrl1", [], ["splink"], 7))


def test_what_an_engine_does_not_tell_is_a_dash():
    figures = {"data": "default", "engine": "onecart", "records": 1000, "link_s": 2.04, "peak_gib": 1.5}
    row = {name: figures.get(name) for name, _ in identity.TABLE}
    assert runs.table([row], identity.TABLE).splitlines()[-1].split() == [
        *("default", "onecart", "1,000", "-", "-", "-", "2.0", "1.50"),
        *["-"] * 6,
    ]


def test_the_peak_stays_after_the_memory_is_free_again():
    with Peak() as before:
        pass
    with Peak() as peak:
        block = bytearray(b"x" * (300 << 20))
        _wait_until(lambda: peak.gib > before.gib + 0.25)
        del block
    assert peak.gib > before.gib + 0.25


def _wait_until(done, seconds=10):
    import time

    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
