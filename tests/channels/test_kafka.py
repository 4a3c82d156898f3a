"""Kafka: each message once in bronze, from a real broker, whatever breaks in between."""

import json

import pytest

from onecart.channels import job as ingest
from onecart.errors import OneCartError
from onecart.quality import job as clean

pytestmark = pytest.mark.job
AVRO = {"type": "record", "name": "sale", "fields": [{"name": "id", "type": "long"}, {"name": "sku", "type": "string"}]}


@pytest.fixture
def feed(broker):
    """`feed(topic)` -> a feed of posts."""

    def make(topic: str, **more: object) -> dict[str, object]:
        kafka = {"servers": broker.servers, "topic": topic, "most_records": 2, **more}
        columns = {"event_id": "post_id", "event_ts": "to_timestamp(posted_at)", "channel": "'social'"}
        columns |= {"event_type": "'social_post'", "handle": "__record_key"}
        schema = "post_id STRING, posted_at STRING"
        return {"kafka": kafka, "format": "json", "schema": schema, "into": "silver.interactions", "columns": columns}

    return make


def records(lake, feed="posts"):
    rows = lake.read(f"bronze.{feed}").orderBy("source_file", "line_no", "record_no").collect()
    return [(r.source_file, r.line_no, r.record_no, r.payload, r.problem) for r in rows]


def test_messages_come_once_in_portions(only, lake, topics, feed):
    """Several objects in a message, a key, headers; a second run has nothing to do."""
    topics.make("posts", 2)
    topics.send("posts", {"post_id": "1"}, key="ann", source="app")
    topics.send("posts", b'{"post_id": "2"} {"post_id": "3"}', b"\xff", None, partition=1)
    ctx = only("posts", feed("posts"))
    assert ingest.run(ctx).rows_out == 5
    first = lake.read("bronze.posts").where("source_file = 'kafka:posts/0'").first()
    assert (first.record_key, first.headers, first.sent_ts is None) == ("ann", {"source": "app"}, False)
    expected = [
        ("kafka:posts/0", 0, 0, '{"post_id": "1"}', None),
        ("kafka:posts/1", 0, 0, '{"post_id": "2"}', None),
        ("kafka:posts/1", 0, 1, '{"post_id": "3"}', None),
        ("kafka:posts/1", 1, 0, "\\xff", "encoding"),
        ("kafka:posts/1", 2, 0, "", "tombstone"),
    ]
    assert records(lake) == expected
    noted = {r.delivery: (r.last_line, r.records) for r in lake.read("ops.deliveries").collect()}
    assert noted == {"kafka:posts/0": (0, 1), "kafka:posts/1": (2, 4), "*": (-1, 0)}
    assert ingest.run(ctx).rows_out == 0


@pytest.mark.heavy
def test_a_lost_ledger_is_made_again_from_bronze(only, lake, topics, feed):
    topics.make("ledger")
    topics.send("ledger", {"post_id": "1"}, {"post_id": "2"})
    ctx = only("posts", feed("ledger"))
    ingest.run(ctx)
    lake.delta("ops.deliveries").delete()
    topics.send("ledger", {"post_id": "3"})
    assert (ingest.run(ctx).rows_out, ingest.run(ctx).rows_out) == (1, 0)
    assert [r[1] for r in records(lake)] == [0, 1, 2]


@pytest.mark.heavy
def test_messages_reach_silver_with_their_key(only, lake, topics, feed):
    topics.make("keyed")
    topics.send("keyed", {"post_id": "1", "posted_at": "2011-01-01T00:00:00Z"}, key="Ann")
    ctx = only("posts", feed("keyed"))
    ingest.run(ctx)
    clean.run(ctx)
    row = lake.read("silver.interactions").first()
    assert (row.event_id, row.handle) == ("posts:1", "Ann")


@pytest.mark.heavy
@pytest.mark.parametrize("confluent", [False, True])
def test_avro_values_are_records_with_types(only, lake, topics, feed, confluent):
    topic = f"sales{confluent}"
    head = b"\0\0\0\0\7" if confluent else b""
    topics.make(topic)
    topics.send(topic, head + bytes([84]) + bytes([6]) + b"A-1", head + b"\xff")
    avro = {**feed(topic, confluent=confluent), "format": "avro", "schema": json.dumps(AVRO)}
    ctx = only("sales", {**avro, "columns": {"event_id": "string(id)", "sku": "sku"}})
    assert ingest.run(ctx).rows_out == 2
    assert [r[3:] for r in records(lake, "sales")] == [('{"id":42,"sku":"A-1"}', None), ("\xff", "malformed")]
    header = json.loads(lake.read("bronze.sales").first().header)
    assert [f["type"] for f in header["fields"]] == ["long", "string"]


@pytest.mark.heavy
def test_what_is_gone_stops_the_feed_or_is_passed_over(only, lake, topics, feed):
    topics.make("short")
    topics.send("short", *({"post_id": str(i)} for i in range(3)))
    ctx = only("posts", feed("short"))
    ingest.run(ctx)
    topics.send("short", *({"post_id": str(i)} for i in range(3, 6)))
    topics.forget("short", 5)
    with pytest.raises(OneCartError, match=r"offsets 3 to 4 of kafka:short/0 are gone; .*when_lost=skip"):
        ingest.run(ctx)
    assert len(records(lake)) == 3
    skipping = only("posts", feed("short", when_lost="skip"))
    assert ingest.run(skipping).rows_out == 1
    topics.drop("short")
    topics.make("short")
    topics.send("short", {"post_id": "again"})
    with pytest.raises(OneCartError, match="topic short was made anew"):
        ingest.run(ctx)
    assert ingest.run(skipping).rows_out == 1
    assert ingest.run(ctx).rows_out == 0
    assert [r[3] for r in records(lake) if "@" in r[0]] == ['{"post_id": "again"}']


@pytest.mark.heavy
def test_a_topic_may_be_begun_at_its_end(only, lake, topics, feed):
    topics.make("late")
    topics.send("late", {"post_id": "old"})
    ctx = only("posts", feed("late", start="latest"))
    assert ingest.run(ctx).rows_out == 0
    topics.send("late", {"post_id": "new"})
    assert ingest.run(ctx).rows_out == 1


@pytest.mark.heavy
def test_two_runs_at_once_take_each_message_once(only, lake, topics, feed, monkeypatch):
    topics.make("twice")
    topics.send("twice", *({"post_id": str(i)} for i in range(5)))
    commit, quick = ingest._commit, []

    def meanwhile(ctx, *args):
        if not quick:
            quick.append(None)
            quick[0] = ingest.run(only("posts", feed("twice"), "quick")).rows_out
        return commit(ctx, *args)

    monkeypatch.setattr(ingest, "_commit", meanwhile)
    assert (ingest.run(only("posts", feed("twice"))).rows_out, quick) == (0, [5])
    assert [r[1] for r in records(lake)] == [0, 1, 2, 3, 4]


@pytest.mark.heavy
def test_a_run_that_is_cut_off_goes_on_where_it_was(only, lake, topics, feed, monkeypatch):
    """After the second portion, before the ledger knows of it."""
    topics.make("cut")
    topics.send("cut", *({"post_id": str(i)} for i in range(5)))
    commit, done = ingest._commit, []

    def cut_off(*args):
        done.append(commit(*args))
        if len(done) == 3:  # the first is where the topic begins
            raise KeyboardInterrupt
        return done[-1]

    monkeypatch.setattr(ingest, "_commit", cut_off)
    with pytest.raises(KeyboardInterrupt):
        ingest.run(only("posts", feed("cut")))
    monkeypatch.setattr(ingest, "_commit", commit)
    assert len(records(lake)) == 4
    assert ingest.run(only("posts", feed("cut"))).rows_out == 1
    assert [r[1] for r in records(lake)] == [0, 1, 2, 3, 4]


@pytest.mark.heavy
def test_errors_say_what_to_do_and_no_secret(only, topics, feed, monkeypatch):
    with pytest.raises(OneCartError, match="Kafka has no such topic; mend"):
        ingest.run(only("posts", feed("nowhere")))
    monkeypatch.setattr("onecart.channels.kafka._SECONDS", 2)
    with pytest.raises(OneCartError, match="answers; start it, or mend the setting"):
        ingest.run(only("posts", feed("posts", servers="127.0.0.1:1")))
    monkeypatch.setenv("JAAS", 'nonsense required username="u" password="s3cret-Word"')
    options = {"options": {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}}
    with pytest.raises(OneCartError) as refused:
        ingest.run(only("posts", feed("posts", **options, secrets={"sasl.jaas.config": "env:JAAS"})))
    assert "s3cret" not in str(refused.value)
