"""An ingest that is killed again and again brings the same into bronze as one that is not; so does one whose broker goes away."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from onecart.channels import job as ingest
from onecart.config import load
from onecart.errors import OneCartError

pytestmark = [pytest.mark.job, pytest.mark.heavy]
KILLS = 10
MAPPING = {"into": "silver.interactions", "columns": {"event_id": "id"}}


@pytest.fixture
def feeds(request, broker, postgres, topics, lake, monkeypatch):
    """400 messages of two partitions, 300 rows of a database, 20 files of 10 lines."""
    monkeypatch.setenv("CRM_PASSWORD", postgres.password)
    name = request.node.name[:40]
    topics.make(name, 2)
    for p in (0, 1):
        topics.send(name, *({"id": f"{p}-{i}"} for i in range(200)), partition=p)
    postgres.run(f"CREATE TABLE {name} (id int)", f"INSERT INTO {name} SELECT generate_series(1, 300)")
    folder = Path(lake.root, "landing/posts")
    folder.mkdir(parents=True)
    for f in range(20):
        (folder / f"{f}.json").write_text("".join(f'{{"id": "{f}-{i}"}}\n' for i in range(10)))
    text = {"format": "json", "schema": "id STRING", **MAPPING}
    jdbc = {
        "url": postgres.url,
        "user": postgres.user,
        "password": "env:CRM_PASSWORD",
        "table": name,
        "key": ["id"],
    }
    return {
        "messages": {"kafka": {"servers": broker.servers, "topic": name, "most_records": 40}, **text},
        "rows": {"jdbc": {**jdbc, "watermark": "id", "overlap": 5}, **MAPPING},
        "files": {"path": "posts", **text},
    }


def test_a_killed_ingest_leaves_nothing_twice_and_loses_nothing(context, lake, feeds, tmp_path):
    shop = tmp_path / "shop.yaml"
    one = {"spark.master": "local[1]", "spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "1"}
    shop.write_text(yaml.safe_dump({"channels": feeds, "lake": {"root": lake.root}, "spark": {"conf": one}}))
    command = [sys.executable, "-m", "onecart", "run", "ingest", "--env", str(shop)]
    dice, killed = random.Random(7), 0
    for _ in range(KILLS):
        run = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started = time.time()
        while run.poll() is None and not has_begun(lake.root, started) and time.time() < started + 120:
            time.sleep(0.1)
        try:
            run.wait(dice.uniform(0, 6))
        except subprocess.TimeoutExpired:
            killed += 1
        with contextlib.suppress(ProcessLookupError):  # it came to its end
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    off = dict.fromkeys(load("local")[0].channels)
    ingest.run(context(channels={**off, **feeds}))
    assert killed > 1
    for name, (count, places) in {"messages": (400, 2), "rows": (300, 1), "files": (200, 20)}.items():
        rows = lake.read(f"bronze.{name}").select("source_file", "line_no", "payload").collect()
        assert (
            len({(r.source_file, r.line_no) for r in rows}) == len({(r.source_file, r.payload) for r in rows}) == count
        )
        assert (len(rows), len({r.source_file for r in rows})) == (count, places)


def has_begun(root: str, since: float) -> bool:
    """Whether a table of bronze was made or written since."""
    logs = Path(root).glob("bronze/*/_delta_log/*.json")
    return any(log.stat().st_mtime >= since for log in logs)


def test_a_broker_that_goes_away_and_comes_back(context, lake, feeds, broker, monkeypatch):
    """Between two portions: the run waits for it, or breaks off and the next one goes on."""
    commit, done, restart = ingest._commit, [], threading.Timer(2, broker.start)

    def restarted(ctx, name, portion, at):
        done.append(commit(ctx, name, portion, at))
        if len(done) == 3:
            broker.stop()
            restart.start()
        return done[-1]

    monkeypatch.setattr(ingest, "_commit", restarted)
    off = dict.fromkeys(load("local")[0].channels)
    ctx = context(channels={**off, "messages": feeds["messages"]})
    with contextlib.suppress(OneCartError):  # says that no broker answers
        ingest.run(ctx)
    restart.join()
    ingest.run(ctx)
    rows = lake.read("bronze.messages").select("source_file", "line_no").collect()
    assert len(rows) == len(set(rows)) == 400
