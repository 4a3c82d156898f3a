"""Records with bytes flipped, cut, doubled or put in: none is lost on the way to silver or quarantine, and no run ends in a
stack trace."""

import json
import random
from pathlib import Path

import pytest

from onecart.dag import JOBS
from onecart.jobs import run_job

pytestmark = pytest.mark.job
AT, LATER = "2011-03-04T10:22:00Z", "2011-03-04T10:22:05Z"
MS = 1299234120000
RECORDS: dict[str, list[object]] = {
    "web_events": [
        {
            "event_id": "e1", "ts": AT, "received_at": LATER, "type": "add_to_cart", "cookie": "c1",
            "session": {"id": "s1", "campaign": "spring"}, "user": {"account_id": "a1"}, "device": {"type": "mobile", "os": "x"},
            "page": {"url": "/p", "query": None}, "product": {"sku": "85123A", "price": 2.55, "quantity": 2}, "origin": "real",
        },
    ],
    "app_events": [
        {
            "id": "e1", "time": MS, "received": MS + 5, "name": "ProductViewed", "install_id": "d1", "account": {"id": "a1"},
            "context": {"session": "s1", "os": "x", "campaign": None}, "props": {"sku": "85123A", "unit_price": 2.55}, "origin": "real",
        },
    ],
    "web_orders": [
        {
            "order_id": "o1", "placed_at": AT, "received_at": LATER, "account_id": "a1", "ship_country": "France", "currency": "GBP",
            "lines": [{"sku": "85123A", "title": "HEART", "qty": 2, "price": 2.55}, {"sku": "22", "title": "É", "qty": 1, "price": 1}],
            "origin": "real",
        },
    ],
    "app_orders": [
        {
            "id": "o1", "placed_ms": MS, "received_ms": MS, "account": {"id": "a1"}, "install_id": "d1", "country": "France",
            "currency": "GBP", "items": [{"sku": "85123A", "title": "HEART", "qty": 2, "price": 2.55}], "origin": "real",
        },
    ],
    "web_accounts": [
        {
            "account_id": "a1", "profile": {"given": "Ann", "family": "Lee"}, "email": "ann@example.org", "phone": "+447700900123",
            "address": {"street": "1 High St", "city": "Leeds", "postcode": "LS1 1AA", "country": "United Kingdom"},
            "device_id": "d1", "social": "x:ann", "consents": {"email": True, "sms": False, "profiling": True},
            "updated_at": AT, "origin": "simulated",
        },
    ],
    "social_posts": [
        {"post_id": "p1", "platform": "x", "handle": "ann", "text": "nice ✓", "mentions": {"sku": "85123A"}, "posted_at": AT},
    ],
    "reviews": [{"review_id": "r1", "account_id": "a1", "sku": "85123A", "stars": 5, "text": "good, “very” good", "posted_at": AT}],
    "support_tickets": [
        {
            "ticket_id": "t1", "opened_at": AT, "via": "chat", "email": "ann@example.org", "phone": "07700 900123", "order_id": "o1",
            "category": "refund", "subject": "late", "message": "where is it?", "status": "open", "origin": "simulated",
        },
    ],
    "store_receipts": [
        "Receipt No.;Date/Time;Item Code;Item Description;QTY;Unit Price (GBP);Loyalty Card No;Country;Origin",
        '536365;01/12/2010 08:26;85123A;"HEART; ""T-LIGHT""";6;2.55;99;United Kingdom;real',
        "536366;01/12/2010 08:28;22633;HAND WARMER;-1;1.85;;France;real",
    ],
    "crm_customers": [
        "Customer No,First Name,Surname,E-Mail,Telephone,Street,Town,Post Code,Country,Date of Birth,Loyalty Card,Opt-in E-Mail (Y/N),"
        "Opt-in SMS (Y/N),Profiling OK (Y/N),Last Changed,Origin",
        '1,Ann,"Lee, Dr.",ann@example.org,07700 900123,1 High St,Leeds,LS1 1AA,United Kingdom,01/02/1970,99,Y,N,Y,04/03/2011 10:22,real',
    ],
    "store_cards": ["Card No;Name;Phone;E-mail;Postcode;Issued;Origin", "7;Ann Lee;07700 900123;ann@example.org;LS1 1AA;01/02/2010;real"],
    "products": [
        "sku,description,category,list_price,unit_cost,currency,stock,min_age,updated,origin",
        '85123A,"HEART, WHITE",HOME > LIGHT,2.55,1.10,GBP,12,,2011-03-04 10:22:00,real',
    ],
    "weather": ["day,country,temperature_c,rain_mm,origin", "2011-03-04,United Kingdom,7.5,0.2,real"],
    "store_footfall": ["day,store,people_in,origin", "2011-03-04,s1,120,real"],
}  # fmt: skip
INSERTED = (
    *(
        b'"',
        b"'",
        b"\\",
        b",",
        b";",
        b"\t",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"null",
        b"NaN",
        b"-",
        b"1e999",
        b"9" * 400,
        b"\x00",
        b"\xff",
    ),
    *(
        "é".encode(),
        "é".encode("cp1252"),
        "\u2028".encode(),
        "e\u0301".encode(),
        "🎁".encode(),
        b"\r",
        b"\x0c",
        b"--",
        b"' OR 1=1",
    ),
)


def mutated(record: bytes, rng: random.Random) -> bytes:
    """The record with one to three changes; a line end is never put in, so that one line stays one record."""
    for _ in range(rng.randint(1, 3)):
        at, size = rng.randrange(len(record) + 1), rng.choice((1, 1, 3, 20))
        change = rng.choice(("cut", "truncate", "insert", "flip", "double", "digits"))
        if change == "cut":
            record = record[:at] + record[at + size :]
        elif change == "truncate":
            record = record[:at]
        elif change == "insert":
            record = record[:at] + rng.choice(INSERTED) + record[at:]
        elif change == "flip":
            record = record[:at] + bytes(rng.randrange(256) for _ in record[at : at + size]) + record[at + size :]
        elif change == "double":
            record = record[:at] + record[max(0, at - size) : at] * 3 + record[at:]
        else:
            record = bytes(rng.choice(b"0123456789") if chr(b).isdigit() and rng.random() < 0.3 else b for b in record)
    return record.replace(b"\n", b"")


def lines_of(content: bytes) -> list[bytes]:
    """The lines that are not blank, each without its end; a lone carriage return ends a line, too."""
    return [line for line in content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n") if line.strip()]


@pytest.fixture
def count(whole: bool) -> int:
    return 2000 if whole else 40


def test_mutated_records_are_in_silver_or_set_aside(context, lake, count, tmp_path: Path):
    rng, landing = random.Random(23), tmp_path / "landing"
    ctx = context(landing=str(landing), quality={"max_quarantine_share": 1.0})
    contents = {}
    for feed, source in ctx.settings.sources.items():
        header, records = [], RECORDS[feed]
        if source.format == "csv":
            header, records = [records[0].encode()], records[1:]
        texts = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
        good = [text.encode() for text in texts]
        content = b"\n".join([*header, *good, *(mutated(rng.choice(good), rng) for _ in range(count)), *good]) + b"\n"
        file = landing / source.path / "day.txt"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        contents[feed] = lines_of(content)[len(header) :]
    run_job(JOBS["ingest"], ctx.settings, ctx.spark)
    for feed, lines in contents.items():
        payloads = [row[0] for row in lake.read(f"bronze.{feed}").orderBy("line_no").select("payload").collect()]
        found = [line for payload in payloads for line in payload.split("\n") if line.strip()]
        said = [bare(line.decode("utf-8", "backslashreplace")) for line in lines]
        assert [pair for pair in zip(map(bare, found), said, strict=False) if pair[0] != pair[1]][:1] == [], feed
        assert len(found) == len(lines), feed
    row = run_job(JOBS["clean"], ctx.settings, ctx.spark)
    assert row["status"] == "done"
    into = {source.into for source in ctx.settings.sources.values()}
    assert all(lake.read(table).count() >= 1 for table in into)
    assert row["rows_quarantined"] > count
    assert lake.read("ops.quarantine").where("reason IS NULL OR rule IS NULL OR payload IS NULL").count() == 0


def bare(text: str) -> str:
    """Without what stands around a record and says nothing: white space, an array's marks, the `null` of an emptied record."""
    return text.strip("[], \t\r\n\x0b\x0c\x00").removesuffix("null")
