"""`onecart demo --live`: a broker, a producer of the sample's last day, the job `stream`, and offers that change meanwhile."""

import json
import logging
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from pyspark.sql import functions as F

from onecart import jobs
from onecart.channels.landing import list_files
from onecart.config import Settings, Source
from onecart.connect import open_session
from onecart.dag import JOBS
from onecart.errors import OneCartError
from onecart.lake import Lake
from onecart.lake.files import read_files
from onecart.samples.broker import Broker
from onecart.stream import job as stream

_log = logging.getLogger(__name__)
FEED, _LIKE = "web_events_live", "web_events"
_OFFERS = "gold.recommendations"
_MOST_EVENTS, _TOP, _SHOWN = 20_000, 3, 3


def run(settings: Settings, *, seconds: float, per_second: float, as_json: bool = False) -> int:
    """Returns the exit code. The settings' lake has been filled by the demo; what this starts, it stops. OneCartError: it has not,
    or the broker does not start."""
    with tempfile.TemporaryDirectory(prefix="onecart-live-") as folder:
        broker = Broker(Path(folder))
        settings = with_live_feed(settings, broker.servers)
        spark = open_session(settings)
        lake = Lake(spark, settings.lake.root, settings.lake.catalog)
        if not lake.exists(_OFFERS):
            raise OneCartError(f"{lake.root} has no offers yet; run `onecart demo --quick --lake {lake.root}` first")
        events = last_day(spark, settings)
        jobs.run_job(
            JOBS["live"], settings, spark
        )  # the model of visits, and the visits so far: no part of an event's way
        producer = Producer(spark, broker.servers, events, per_second)
        try:
            broker.start()
            screen = Screen(lake, seconds)
            _log.info("a broker on %s, and %g events a second of %s", broker.servers, per_second, f"{len(events):,}")
            producer.start()
            row = jobs.run_job(JOBS["stream"], settings, spark, work=partial(stream.run, wait=screen.after_batch))
        finally:
            producer.stop()
            broker.stop()
    figures = {"sent": producer.sent, "seconds": row["seconds"], "headline": row["headline"], **screen.lags()}
    if as_json:
        print(json.dumps(figures))
    else:
        print(f"\n{row['headline']}\n{producer.sent:,} events sent; {screen.sentence()}")
    return 0


def with_live_feed(settings: Settings, servers: str) -> Settings:
    """The settings with a topic beside the files of web events, read by the same mapping, and a stream of it alone."""
    like = settings.channels.get(_LIKE)
    if like is None:
        raise OneCartError(f"the live demo sends events of the feed {_LIKE}, which is switched off")
    # The broker is another one each time, and what the last one held is not missed.
    kafka = {"servers": servers, "topic": FEED, "when_lost": "skip"}
    told = like.model_dump(by_alias=True) | {"path": "", "kafka": kafka}
    feed = Source.model_validate({**told, "id_space": like.id_space or _LIKE})
    every = settings.stream.every_seconds or 2
    changes = {
        "channels": {**settings.channels, FEED: feed},
        "stream": settings.stream.model_copy(update={"feeds": (FEED,), "every_seconds": min(every, 2)}),
    }
    return settings.model_copy(update=changes)


def last_day(spark: Any, settings: Settings) -> list[dict[str, Any]]:
    """The web events of the last day in the landing zone, in their order, a day later. OneCartError: there are none."""
    source = settings.channels[_LIKE]
    assert source is not None
    paths = [file.path for file in list_files(spark, f"{settings.landing_root}/{source.path}")]
    if not paths:
        raise OneCartError(f"no web events in {settings.landing_root}; run `onecart demo --quick` first")
    lines = read_files(spark, paths, "text", ["value", F.get_json_object("value", "$.ts").alias("ts")])
    seen = lines.where("to_timestamp(ts) < current_timestamp()")  # the sample plants absurd dates, too
    days = seen.withColumn("day", F.substring("ts", 1, 10))
    last = days.groupBy("day").count().where("count > 5").agg(F.max("day").alias("day"))
    rows = days.join(F.broadcast(last), "day", how="left_semi").orderBy("ts").limit(_MOST_EVENTS).collect()
    return [_later(json.loads(row["value"])) for row in rows]


def _later(event: dict[str, Any]) -> dict[str, Any]:
    for name in ("ts", "received_at"):
        if event.get(name):
            then = datetime.fromisoformat(event[name].replace("Z", "+00:00")) + timedelta(days=1)
            event[name] = then.strftime("%Y-%m-%dT%H:%M:%SZ")
    return event


class Producer(threading.Thread):
    """Sends the events at a steady pace, again and again under new ids, until it is stopped."""

    def __init__(self, spark: Any, servers: str, events: Sequence[dict[str, Any]], per_second: float) -> None:
        super().__init__(name="producer", daemon=True)
        self._jvm, self._servers, self._events, self._pace = spark.sparkContext._jvm, servers, events, 1 / per_second
        self._stopped, self.sent = threading.Event(), 0

    def run(self) -> None:
        kafka = self._jvm.org.apache.kafka
        text = "org.apache.kafka.common.serialization.StringSerializer"
        conf = {"bootstrap.servers": self._servers, "key.serializer": text, "value.serializer": text, "linger.ms": "5"}
        admin = kafka.clients.admin.Admin.create({"bootstrap.servers": self._servers})
        admin.createTopics([kafka.clients.admin.NewTopic(FEED, 2, 1)]).all().get()
        admin.close()
        producer = kafka.clients.producer.KafkaProducer(conf)
        began = time.monotonic()
        for record in _again(self._events, str(time.time_ns())):
            if self._stopped.wait(max(0.0, began + self.sent * self._pace - time.monotonic())):
                break
            key, value = record["session"]["id"], json.dumps(record)
            producer.send(kafka.clients.producer.ProducerRecord(FEED, key, value))
            self.sent += 1
        producer.close()

    def stop(self) -> None:
        self._stopped.set()
        if self.is_alive():
            self.join()


def _again(events: Sequence[dict[str, Any]], mark: str) -> Iterator[dict[str, Any]]:
    for turn in count():
        for event in events:
            session = {**(event.get("session") or {}), "id": f"{(event.get('session') or {}).get('id')}-{mark}-{turn}"}
            yield {**event, "event_id": f"{event['event_id']}-{mark}-{turn}", "session": session}


class Screen:
    """Says after each batch whose offers changed, and how long its events were on their way."""

    def __init__(self, lake: Lake, seconds: float) -> None:
        self._lake, self._end = lake, time.monotonic() + seconds
        self._offers, self._lags, self._seen = self._top(), np.empty(0), datetime.now(timezone.utc)

    def after_batch(self, left: float) -> bool:
        """In the place of `stream.wait`."""
        now, table = time.time(), f"bronze.{FEED}"
        if self._lake.exists(table):
            new = self._lake.read(table).where(F.col("ingested_ts") > F.lit(self._seen))
            read = new.select(F.col("sent_ts").cast("double"), "ingested_ts").collect()
            if read:
                self._lags = np.append(self._lags, [now - row["sent_ts"] for row in read])
                self._seen = max(row["ingested_ts"] for row in read)
                self._show(len(read))
        return stream.wait(left) and time.monotonic() < self._end

    def _show(self, events: int) -> None:
        offers = self._top()
        changed = [c for c, skus in offers.items() if self._offers.get(c) != skus]
        _log.info("%d events; offers of %d customers changed", events, len(changed))
        for customer in changed[:_SHOWN]:
            before = ", ".join(self._offers.get(customer, ())) or "none"
            _log.info("  %s: %s -> %s", customer, before, ", ".join(offers[customer]))
        self._offers = offers

    def _top(self) -> dict[str, tuple[str, ...]]:
        rows = self._lake.read(_OFFERS).where(F.col("rank") <= _TOP).orderBy("customer_id", "rank")
        found: dict[str, tuple[str, ...]] = {}
        for row in rows.select("customer_id", "sku").toLocalIterator():
            found[row["customer_id"]] = (*found.get(row["customer_id"], ()), row["sku"])
        return found

    def lags(self) -> dict[str, float]:
        """Seconds from an event to the end of its batch: half of the events, and 95 of a hundred, took no longer."""
        if not self._lags.size:
            return {}
        return {f"p{share}_s": round(float(np.percentile(self._lags, share)), 2) for share in (50, 95)}

    def sentence(self) -> str:
        lags = self.lags()
        if not lags:
            return "none was read in this time; give it more with --seconds"
        return f"from an event to scores and offers: {lags['p50_s']:.1f} s for half of them, {lags['p95_s']:.1f} s for 95 %"
