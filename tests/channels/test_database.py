"""A database: rows that are new, have changed or are gone, from a real PostgreSQL, whatever breaks in between."""

from datetime import datetime
from decimal import Decimal

import pytest

from onecart.channels import job as ingest
from onecart.contracts import contract
from onecart.errors import OneCartError
from onecart.governance.pseudonym import key_ring
from onecart.quality import job as clean

pytestmark = pytest.mark.job
TABLE = "CREATE TABLE {} (id int PRIMARY KEY, email text, balance numeric(12, 3), born date, changed timestamptz)"
ROW = "INSERT INTO {} VALUES ({}, '{}', 1.250, '1980-02-29', '2011-01-01 00:00:{:02}+00')"


@pytest.fixture
def feed(postgres, monkeypatch):
    """`feed(table)` -> a feed of contacts by the time of their change."""
    monkeypatch.setenv("CRM_PASSWORD", postgres.password)

    def make(table: str, **more: object) -> dict[str, object]:
        jdbc = {
            "url": postgres.url,
            "user": postgres.user,
            "password": "env:CRM_PASSWORD",
            "table": table,
            "key": ["id"],
        }
        jdbc |= {"watermark": "changed", "overlap": 5, **more}
        columns = {"record_id": "'crm:' || id", "source": "'crm'", "email": "email", "date_of_birth": "born"}
        return {"jdbc": jdbc, "into": "silver.contacts", "columns": {**columns, "updated_ts": "changed"}}

    return make


def records(lake) -> list[tuple[object, ...]]:
    return [
        (r.line_no, r.record_key, r.payload.split('"email":"')[1].split('"')[0], r.gone)
        for r in lake.read("bronze.crm").orderBy("line_no").collect()
    ]


def test_changed_and_gone_rows_come_once(only, lake, postgres, feed):
    """An unchanged row of the overlap is not taken again, one that was late within it is."""
    postgres.run(TABLE.format("crm"), ROW.format("crm", 1, "ann", 10), ROW.format("crm", 2, "bob", 10))
    ctx = only("crm", feed("crm", compare_keys_hours=0))
    assert ingest.run(ctx).rows_out == 2
    change(postgres, "crm")
    assert ingest.run(ctx).rows_out == 3
    assert records(lake)[:2] == [(0, '{"id":1}', "ann", None), (1, '{"id":2}', "bob", None)]
    assert sorted(r[1:] for r in records(lake)[2:]) == [
        ('{"id":1}', "eve", None),
        ('{"id":2}', "bob", True),
        ('{"id":3}', "late", None),
    ]
    assert ingest.run(ctx).rows_out == 0


def change(postgres, table: str) -> None:
    postgres.run(
        f"UPDATE {table} SET email = 'eve', changed = '2011-01-01 00:00:20+00' WHERE id = 1",
        f"DELETE FROM {table} WHERE id = 2",
        ROW.format(table, 3, "late", 6),
    )


@pytest.mark.heavy
@pytest.mark.parametrize("between", [True, False], ids=["cleaned between", "cleaned once"])
def test_rows_that_are_gone_leave_silver(only, lake, postgres, feed, between):
    """Whether `clean` has seen them before, or sees them come and go at once."""
    table = f"left_{between}".lower()
    postgres.run(TABLE.format(table), ROW.format(table, 1, "ann", 10), ROW.format(table, 2, "bob", 10))
    ctx = only("crm", feed(table, compare_keys_hours=0))
    ingest.run(ctx)
    if between:
        clean.run(ctx)
    change(postgres, table)
    ingest.run(ctx)
    result = clean.run(ctx)  # of all rows: no run was noted
    assert (result.rows_in, result.rows_out, result.rows_superseded) == (5, 3, 2)
    kept = lake.read("silver.contacts").orderBy("record_id").select("record_id", "email").collect()
    assert [tuple(row) for row in kept] == [("crm:1", "eve"), ("crm:3", "late")]


@pytest.mark.heavy
def test_only_the_overlap_is_read_again(only, lake, postgres, feed):
    postgres.run(TABLE.format("over"), *(ROW.format("over", i, f"p{i}", 10 * i) for i in (1, 2, 3)))
    ctx = only("crm", feed("over"))
    ingest.run(ctx)
    # Below the overlap nothing is looked for; within it, what is new is found.
    postgres.run(ROW.format("over", 4, "below", 24), ROW.format("over", 5, "within", 26))
    assert ingest.run(ctx).rows_out == 1
    assert records(lake)[-1][2] == "within"
    lake.delta("ops.deliveries").delete()
    assert ingest.run(ctx).rows_out == 0


@pytest.mark.heavy
@pytest.mark.parametrize("watermark", [None, "id", "born"])
def test_rows_are_read_by_several_readers_and_keep_their_types(only, lake, postgres, feed, watermark):
    table = f"typed{watermark}".lower()
    postgres.run(
        f"CREATE TABLE {table} (id bigint, born date, at timestamp, price numeric(30, 10), ok boolean, tags text[], j jsonb)",
        f"INSERT INTO {table} SELECT i, date '2000-01-01' + i, timestamp '2011-03-27 02:30:00.123456', i + .0000000001, "
        f"true, array['a', 'b'], '{{\"x\": 1}}' FROM generate_series(1, 20) AS i",
    )
    jdbc = feed("x", partition_by="born", partitions=3, watermark=watermark)
    query = f"SELECT * FROM {table} WHERE ok"
    jdbc["jdbc"] = {key: value for key, value in jdbc["jdbc"].items() if key != "table"} | {"query": query}
    mapping = {"day": "born", "store_id": "string(at)", "visitors": "id"}
    ctx = only("typed", {**jdbc, "into": "silver.footfall", "columns": mapping})
    assert ingest.run(ctx).rows_out == 20
    rows = lake.read("bronze.typed").orderBy("line_no").collect()
    assert [r.line_no for r in rows] == list(range(20))
    one = next(r for r in rows if r.record_key == '{"id":1}')
    said = '{"id":1,"born":"2000-01-02","at":"2011-03-27T02:30:00.123456","price":1.0000000001,"ok":true'
    assert one.payload == said + ',"tags":["a","b"],"j":"{\\"x\\": 1}"}'
    assert ingest.run(ctx).rows_out == 0
    postgres.run(
        f"UPDATE {table} SET price = 7 WHERE id = 20",
        f"INSERT INTO {table} SELECT 21, born, at, 1, ok, tags, j FROM {table} WHERE id = 20",
    )
    assert ingest.run(ctx).rows_out == 2
    clean.run(ctx)
    kept = lake.read("silver.footfall").where("visitors = 1").first()
    assert (kept.day.isoformat(), kept.store_id) == ("2000-01-02", "2011-03-27 02:30:00.123456")
    assert Decimal("1.0000000001") == Decimal(one.payload.split('"price":')[1].split(",")[0])


@pytest.mark.heavy
def test_rows_about_erased_persons_are_left_out(only, lake, postgres, feed, spark):
    postgres.run(TABLE.format("erased"), ROW.format("erased", 1, "annlee77", 10), ROW.format("erased", 2, "bob", 10))
    ctx = only("crm", feed("erased", watermark=None))
    keys = key_ring(ctx.settings.privacy, lake.root)
    row = ("any", keys.sign("annlee77"), keys.version, "e", datetime(2012, 1, 1))
    lake.upsert("ops.suppressions", spark.createDataFrame([row], contract("ops.suppressions").schema))
    assert (ingest.run(ctx).rows_out, ingest.run(ctx).rows_out) == (1, 0)
    assert [r[2] for r in records(lake)] == ["bob"]


@pytest.mark.heavy
def test_errors_say_what_to_do_and_no_secret(only, lake, postgres, feed, monkeypatch):
    postgres.run("CREATE TABLE plain (id int, note text)", "INSERT INTO plain VALUES (1, 'a'), (1, 'b')")
    wrong = {
        "the database has no relation 'nowhere'; mend jdbc.url": feed("nowhere"),
        "plain has no column 'no'; did you mean 'note'": feed("plain", watermark="no"),
        "jdbc.watermark 'note' is a string; it must be a time": feed("plain", watermark="note"),
        "1 rows share their key with others; mend jdbc.key": feed("plain", watermark=None),
        "no database answers; start it": feed("plain", url="jdbc:postgresql://127.0.0.1:1/postgres"),
        "the database does not take jdbc.table or jdbc.query: syntax error": feed("plain WHERE"),
    }
    for sentence, one in wrong.items():
        with pytest.raises(OneCartError, match=f"channels.crm: .*{sentence}"):
            ingest.run(only("crm", one))
    monkeypatch.setenv("CRM_PASSWORD", "wrong-Word")
    with pytest.raises(OneCartError, match="the database refuses who reads; see") as refused:
        ingest.run(only("crm", feed("plain")))
    assert "wrong-Word" not in str(refused.value)


@pytest.mark.heavy
def test_a_database_that_stops_while_it_is_read(only, lake, postgres, feed):
    """Nothing of the read is taken; when it is back all is, once."""
    import threading
    import time

    slow = "SELECT id, pg_sleep(.2)::text AS email, changed, born FROM crashed"
    postgres.run(TABLE.format("crashed"), *(ROW.format("crashed", i, f"p{i}", i) for i in range(20)))
    one = feed("x")
    one["jdbc"] = {key: value for key, value in one["jdbc"].items() if key != "table"} | {"query": slow}
    ctx = only("crm", one)

    def stop():
        while not reading():
            time.sleep(0.1)
        postgres.stop()

    def reading() -> bool:
        with postgres.connect() as connection:
            asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'"
            return connection.execute(f"{asked} AND pid != pg_backend_pid()").fetchone()[0] > 0

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(OneCartError, match="the database went away while it was read; nothing was taken: run it again"):
        ingest.run(ctx)
    thread.join()
    postgres.start()
    postgres.connect().close()
    assert lake.is_empty("bronze.crm")
    assert (ingest.run(ctx).rows_out, ingest.run(ctx).rows_out) == (20, 0)
