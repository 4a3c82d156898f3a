"""An erased person's identifiers keep lines out of bronze and rows out of silver, by HMAC only."""

from datetime import datetime

import pytest

from onecart.config import Privacy
from onecart.errors import OneCartError
from onecart.governance import suppression
from onecart.governance.pseudonym import key_ring, rotate

NOW = datetime(2012, 1, 1)
PRIVACY = Privacy()


@pytest.fixture
def listed(lake, spark, fill, tmp_path, monkeypatch):
    """`listed((kind, value), ...)` puts identifiers on the list, signed with the newest key."""
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path / "cache"))

    def put(*pairs: tuple[str, str]) -> suppression.Suppressions:
        keys = key_ring(PRIVACY, lake.root)
        rows = [
            {"kind": k, "hash": keys.sign(v), "key_version": keys.version, "erasure_id": "e", "added_ts": NOW}
            for k, v in pairs
        ]
        lake.upsert(
            "ops.suppressions",
            spark.createDataFrame(
                rows, "kind string, hash string, key_version string, erasure_id string, added_ts timestamp"
            ),
        )
        found = suppression.current(lake, PRIVACY)
        assert found is not None
        return found

    return put


def kept(spark, suppressions, *payloads: str, header: str | None = None) -> list[str | None]:
    rows = [(p, header, "f", i, 0) for i, p in enumerate(payloads)]
    lines = spark.createDataFrame(
        rows, "payload string, header string, source_file string, line_no long, record_no int"
    )
    gone = suppression.refused(lines, suppressions, ";" if header else None).collect()
    assert all(row.payload is None for row in gone)
    return [None if i in {row.line_no for row in gone} else p for i, p in enumerate(payloads)]


def test_without_a_list_nothing_is_asked_for_and_nothing_changes(lake, spark):
    assert suppression.current(lake, Privacy(key="env:NO_SUCH_KEY")) is None


def test_a_line_with_an_erased_identifier_keeps_its_place_only(spark, listed):
    found = listed(("any", "ann@x.example"), ("any", "7449704000"), ("any", "a51cc7488a6c"))
    lines = [
        '{"e":"ANN@x.example"}',
        '{"p":"07449 704000"}',
        '{"a":"A51cc7488a6c"',
        '{"e":"joann@x.example"}',
        '{"u":"?e=ann%40x.example"}',
    ]
    assert kept(spark, found, *lines) == [None, None, None, lines[3], None]


def test_a_short_number_tells_only_in_a_broken_line(spark, listed):
    found = listed(("number", "490001"))
    assert kept(spark, found, '{"n":"490001"}', '{"n":"490001","x', '{"n":"490002","x') == [
        '{"n":"490001"}',
        None,
        '{"n":"490002","x',
    ]
    assert kept(spark, found, "490001;2", "490001", header="n;q") == ["490001;2", None]


def test_rows_are_judged_by_their_identifier_columns(spark, listed):
    found = listed(("record", "card:7"), ("phone", "7449704000"), ("email", "ann@x.example"))
    rows = [
        ("card:7", None, None),
        ("card:77", "+447449704000", None),
        ("crm:7", None, "Ann@x.example"),
        ("crm:8", "7", "b@x.example"),
        (None, None, None),
    ]
    frame = spark.createDataFrame(rows, "record_id string, phone string, email string")
    marked = suppression.with_suppressed(frame, found)
    assert marked.columns == ["record_id", "phone", "email", "suppressed"]
    assert {r.record_id: r.suppressed for r in marked.collect()} == {
        "card:7": True,
        "card:77": True,
        "crm:7": True,
        "crm:8": False,
        None: False,
    }


def test_what_an_older_key_signed_still_counts_and_a_lost_key_is_an_error(spark, lake, listed, tmp_path, monkeypatch):
    listed(("any", "ann@x.example"))
    rotate(PRIVACY, lake.root)
    found = listed(("any", "bob@x.example"))
    assert kept(spark, found, "ann@x.example", "bob@x.example", "eve@x.example") == [None, None, "eve@x.example"]
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path / "other"))
    with pytest.raises(OneCartError, match="erased persons could return"):
        suppression.current(lake, PRIVACY)


def test_clean_takes_out_of_bronze_what_the_line_alone_did_not_tell(lake, context, fill, listed):
    """Card 7 is too short to look for in lines: the row tells, and the line goes from bronze for good."""
    from onecart.config import load
    from onecart.quality import job as clean

    listed(("record", "card:7"))
    header = "Card No;Name;E-Mail;Phone;Postcode;Issued;Origin"
    lines = ["7;Ann Unsearchable;;;;01/02/2010;real", "8;Bob;;;;01/02/2010;real"]
    fill(
        "bronze.store_cards",
        [
            {"payload": p, "header": header, "source_file": "f", "line_no": i, "ingested_ts": NOW}
            for i, p in enumerate(lines, 2)
        ],
    )
    ctx = context(channels={n: None for n in load("local")[0].channels if n != "store_cards"})
    result = clean.run(ctx)
    assert (result.rows_in, result.rows_out, result.rows_quarantined) == (2, 1, 1)
    assert "suppressed 1;" in result.headline
    assert [r.line_no for r in lake.read("bronze.store_cards").collect()] == [3]
    assert [r.record_id for r in lake.read("silver.contacts").collect()] == ["card:8"]
    note = lake.read("ops.quarantine").first()
    assert (note.rule, note.payload, note.line_no) == ("suppressed", None, 2)
    assert lake.added_since("bronze.store_cards", ctx.lake.reads["bronze.store_cards"]).isEmpty()
