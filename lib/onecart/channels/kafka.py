"""Topics of Kafka as records: from where bronze ends to where the topic ended when the run began, in portions."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import ceil
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.channels.ledger import Delivery, Known, Portion
from onecart.config import Kafka, Source, resolve_secret
from onecart.context import Context
from onecart.errors import OneCartError
from onecart.governance import suppression
from onecart.lake.records import Counted, Counts, counted_batches, json_rows
from onecart.records.reader import Reader

_log = logging.getLogger(__name__)
_SECONDS = 20  # that a broker has to answer
_MESSAGE = (
    "payload STRING, value BINARY, source_file STRING, line_no LONG, record_no INT, problem STRING, record_key STRING, "
    "headers MAP<STRING, STRING>, sent_us LONG"
)
_TYPES = (
    *(pa.string(), pa.binary(), pa.string(), pa.int64(), pa.int32(), pa.string(), pa.string()),
    *(pa.map_(pa.string(), pa.string()), pa.int64()),
)
_NAMES = [column.split()[0] for column in _MESSAGE.replace("MAP<STRING, STRING>", "MAP").split(", ")]
_CONFLUENT = 5  # bytes before a value: a zero, and the number of its schema
SENTENCES = {
    r"UnknownTopicOrPartitionException": "Kafka has no such topic; mend kafka.topic, or make the topic",
    r"(Sasl|Ssl)?AuthenticationException|SaslHandshake": "Kafka refuses who reads; see kafka.options and kafka.secrets",
    r"AuthorizationException": "Kafka does not let this user read the topic; give it the right to describe and read it",
    r"No resolvable bootstrap urls": "no server of kafka.servers is known by its name; mend it",
    r"Failed to (create new KafkaAdminClient|construct kafka)": "Kafka's client does not take kafka.options and kafka.secrets",
    r"OffsetOutOfRange|(Some data may have been lost)": "messages went from Kafka while they were read; nothing was taken of "
    "this part: run it again, and keep the topic's messages longer (retention)",
    r"TimeoutException|DisconnectException|Connection to node": "no broker of kafka.servers answers; start it, or mend the "
    "setting; what was read before is in bronze, and the next run goes on from there",
}


@dataclass(frozen=True)
class _Topic:
    """A topic as it is now: its id, and of each partition where it begins and ends (before the end nothing is open)."""

    topic_id: str
    begins: Mapping[int, int]
    ends: Mapping[int, int]


def secrets_of(kafka: Kafka) -> dict[str, str]:
    """The client's options that are secret, with their values."""
    return {option: resolve_secret(ref) for option, ref in kafka.secrets.items()}


def portions(ctx: Context, name: str, known: Known, suppressions: suppression.Suppressions | None) -> Iterator[Portion]:
    """What the topic has and bronze has not, at most `most_records` each. OneCartError: some of it is gone."""
    source = ctx.settings.sources[name]
    assert source.kafka is not None
    client = {**source.kafka.options, **secrets_of(source.kafka), "bootstrap.servers": source.kafka.servers}
    client.setdefault("isolation.level", "read_committed")  # what a producer took back is no message
    topic = _look(ctx.spark, source.kafka.topic, client)
    names, at = _positions(name, source.kafka, topic, known)
    done = {d.name: d.records for d in known.deliveries.values()}
    if fresh := [Delivery(names[p], topic.topic_id, at[p] - 1) for p in at if names[p] not in known.deliveries]:
        yield Portion(None, lambda _: fresh)
    while left := {p: topic.ends[p] - at[p] for p in at if topic.ends[p] > at[p]}:
        share = min(1.0, source.kafka.most_records / sum(left.values()))
        to = {p: at[p] + ceil(many * share) for p, many in left.items()}
        counter = ctx.spark.sparkContext.accumulator({}, Counts())
        records = _read(ctx.spark, source, client, {p: (at[p], to[p]) for p in to}, names, counter)
        records = records.withColumn("file_state", F.lit(topic.topic_id))
        if suppressions:
            records, _ = suppression.emptied(records, suppressions, None)

        def deliveries(counted: Counted, to: Mapping[int, int] = to) -> list[Delivery]:
            for p in to:
                done[names[p]] = done.get(names[p], 0) + counted.get(names[p], (0, 0))[0]
            return [Delivery(names[p], topic.topic_id, end - 1, done[names[p]]) for p, end in to.items()]

        yield Portion(records, deliveries, partial(getattr, counter, "value"))
        at = {**at, **to}


def _positions(feed: str, kafka: Kafka, topic: _Topic, known: Known) -> tuple[dict[int, str], dict[int, int]]:
    """Of each partition, its name in bronze and the offset to go on from."""
    plain = f"kafka:{kafka.topic}"
    ours = {d.name: d for d in known.deliveries.values() if d.name.startswith((f"{plain}/", f"{plain}@"))}
    same = {n for n, d in ours.items() if d.state == topic.topic_id}
    if ours and not same:
        _lost(feed, kafka, f"topic {kafka.topic} was made anew, and what it had before may never have been read")
    base = next((n.rsplit("/", 1)[0] for n in same), f"{plain}@{topic.topic_id}" if ours else plain)
    names = {p: f"{base}/{p}" for p in topic.begins}
    at: dict[int, int] = {}
    for p, begin in topic.begins.items():
        if names[p] in ours:
            at[p] = ours[names[p]].last_line + 1
            if at[p] < begin:
                _lost(feed, kafka, f"offsets {at[p]:,} to {begin - 1:,} of {names[p]} are gone")
                at[p] = begin
            if at[p] > topic.ends[p]:
                _lost(
                    feed, kafka, f"{names[p]} ends at {topic.ends[p]:,}, before the {at[p]:,} that bronze has read to"
                )
                at[p] = topic.ends[p]
        else:  # a partition that was added later has nothing that could be passed over
            at[p] = topic.ends[p] if kafka.start == "latest" and not ours else begin
    return names, at


def _lost(feed: str, kafka: Kafka, what: str) -> None:
    if kafka.when_lost == "stop":
        raise OneCartError(
            f"{what}; nothing was read. Keep its messages longer (retention); to go on without them: --set "
            f"channels.{feed}.kafka.when_lost=skip"
        )
    _log.warning("channels.%s: %s; goes on without them, as kafka.when_lost says", feed, what)


@contextmanager
def _admin(spark: SparkSession, client: Mapping[str, str]) -> Iterator[Any]:
    jvm: Any = spark.sparkContext._jvm
    waits = {"request.timeout.ms": str(_SECONDS * 500), "default.api.timeout.ms": str(_SECONDS * 1000)}
    known = {key: value for key, value in client.items() if key != "isolation.level"}
    admin = jvm.org.apache.kafka.clients.admin.Admin.create(_java_map(jvm, {**waits, **known}))
    try:
        yield admin
    finally:
        admin.close(jvm.java.time.Duration.ofSeconds(1))


def _look(spark: SparkSession, topic: str, client: Mapping[str, str]) -> _Topic:
    jvm: Any = spark.sparkContext._jvm
    classes = jvm.org.apache.kafka.clients.admin
    with _admin(spark, client) as admin:
        told = admin.describeTopics([topic]).allTopicNames().get().get(topic)
        partitions = sorted(part.partition() for part in told.partitions())
        places = {p: jvm.org.apache.kafka.common.TopicPartition(topic, p) for p in partitions}
        level = getattr(jvm.org.apache.kafka.common.IsolationLevel, client["isolation.level"].upper())
        found = {}
        for edge in ("earliest", "latest"):
            wanted = _java_map(jvm, {place: getattr(classes.OffsetSpec, edge)() for place in places.values()})
            offsets = admin.listOffsets(wanted, classes.ListOffsetsOptions(level))
            found[edge] = {p: int(offsets.partitionResult(places[p]).get().offset()) for p in partitions}
        return _Topic(str(told.topicId().toString()), found["earliest"], found["latest"])


def _java_map(jvm: Any, entries: Mapping[Any, Any]) -> Any:
    made = jvm.java.util.HashMap()
    for key, value in entries.items():
        made.put(key, value)
    return made


def _read(
    spark: SparkSession,
    source: Source,
    client: Mapping[str, str],
    ranges: Mapping[int, tuple[int, int]],
    names: Mapping[int, str],
    counter: Any,
) -> DataFrame:
    """The records of the messages from the first offset of each range to before the second."""
    assert source.kafka is not None
    topic = source.kafka.topic
    edges = (json.dumps({topic: {str(p): edge[i] for p, edge in ranges.items()}}) for i in (0, 1))
    reader = spark.read.format("kafka").options(**{f"kafka.{key}": value for key, value in client.items()})
    reader = reader.option("assign", json.dumps({topic: list(ranges)})).option("includeHeaders", True)
    reader = reader.option("startingOffsets", next(edges)).option("endingOffsets", next(edges))
    reader = reader.option("minPartitions", max(len(ranges), spark.sparkContext.defaultParallelism))
    columns = [
        *map(F.col, ("partition", "offset", "value", "key", "headers")),
        F.unix_micros("timestamp").alias("sent_us"),
    ]
    form, confluent, text = source.format, source.kafka.confluent, source.reader

    def records(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        messages = chain.from_iterable(zip(*(c.to_pylist() for c in b.columns), strict=True) for b in batches)
        cut = (record for m in messages for record in _records(m, names, form, confluent, text))
        return counted_batches(cut, _NAMES, _TYPES, counter)

    rows = reader.load().select(*columns).mapInArrow(records, _MESSAGE)
    rows = rows.withColumn("sent_ts", F.timestamp_micros("sent_us")).drop("sent_us")
    return rows.drop("value") if form == "json" else _from_avro(rows, source.schema_)


def _records(
    message: tuple[Any, ...], names: Mapping[int, str], form: str | None, confluent: bool, reader: Reader
) -> Iterator[tuple[Any, ...]]:
    """The records of one message; one that holds none is a record with a problem."""
    partition, offset, value, key, headers, sent = message
    told = _headers(headers)
    rest = (_text(key), told, sent)
    if value is None:
        yield "", None, names[partition], offset, 0, "tombstone", *rest
    elif form == "json":
        nth = 0
        for record in reader.records(value.split(b"\n")):
            yield record.payload, None, names[partition], offset, nth, record.problem, *rest
            nth += 1
        if nth == 0:
            yield _text(value), None, names[partition], offset, 0, "malformed", *rest
    elif not confluent:
        yield None, value, names[partition], offset, 0, None, *rest
    elif value[:1] == b"\0" and len(value) > _CONFLUENT:
        told.append(("confluent.schema", str(int.from_bytes(value[1:_CONFLUENT], "big"))))
        yield None, value[_CONFLUENT:], names[partition], offset, 0, None, *rest
    else:
        yield None, value, names[partition], offset, 0, "malformed", *rest


def _headers(headers: list[dict[str, Any]] | None) -> list[tuple[str, str | None]]:
    """By name; the second of one name is called `name_2`."""
    told: dict[str, str | None] = {}
    for header in headers or ():
        name, nth = header["key"], 1
        while name in told:
            nth += 1
            name = f"{header['key']}_{nth}"
        told[name] = _text(header["value"])
    return list(told.items())


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")


def _from_avro(rows: DataFrame, schema: str) -> DataFrame:
    """The values as JSON objects. One that is not of the schema has a problem, and its bytes as text."""
    from pyspark.sql.avro.functions import from_avro

    row = from_avro(F.col("value"), schema, {"mode": "PERMISSIVE"}).alias("row")
    read = rows.select(row, *rows.columns)
    kind = read.schema["row"].dataType
    if not isinstance(kind, T.StructType):
        raise OneCartError(f"the Avro schema must be a record, not a {kind.simpleString()}")
    plain = {c: F.col(c) for c in rows.columns if c not in ("payload", "value", "problem")}
    made = json_rows(
        read, kind.json(), received=F.col("payload"), value=F.col("value"), given=F.col("problem"), **plain
    )
    broken = F.col("given").isNull() & (F.col("payload") == "{}")
    text = F.coalesce("received", F.decode("value", "ISO-8859-1"))
    payload = F.when(broken | F.col("given").isNotNull(), text).otherwise(F.col("payload"))
    problem = F.when(broken, "malformed").otherwise(F.col("given"))
    return made.withColumns({"payload": payload, "problem": problem}).drop("received", "value", "given")
