"""One person leaves the lake for good, whatever kills the erasure on its way, and no old file brings them back."""

import gzip
import json
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onecart.channels import job as ingest
from onecart.config import load
from onecart.context import Context
from onecart.contracts import contract
from onecart.errors import OneCartError, UsageError
from onecart.lake import Lake
from onecart.privacy import access, erase, subject
from onecart.quality import job as clean

pytestmark = pytest.mark.slow
NOW = datetime(2012, 1, 2, tzinfo=timezone.utc)
ANN, BOB = "A51cc7488a6c6f9", "A7d410a3112e456"
SECRETS = (b"ann.lee77@x.example", b"7449704000", b"Ann Lee", ANN.encode(), b"490001", b"c_ann00001", b"Tann0000001")
HEADER = "Card No;Name;E-Mail;Phone;Postcode;Issued;Origin"


def account(who: str, given: str, family: str, email: str, phone: str, updated: str) -> str:
    profile = {"given": given, "family": family}
    return json.dumps({"account_id": who, "profile": profile, "email": email, "phone": phone, "updated_at": updated})


def order(who: str, number: str) -> str:
    line = {"sku": "85123A", "title": "HEART", "qty": 2, "price": 2.5}
    placed = "2011-03-04T10:22:00Z"
    return json.dumps({"order_id": number, "placed_at": placed, "account_id": who, "currency": "GBP", "lines": [line]})


def ticket(number: str, email: str, text: str) -> str:
    opened = "2011-03-05T10:22:00Z"
    return json.dumps({"ticket_id": number, "opened_at": opened, "via": "email", "email": email, "message": text})


FEEDS = {
    "web/accounts/a.txt": [
        account(ANN, "Ann", "Lee", "Ann.Lee77@X.example", "07449 704000", "2011-01-01T00:00:00Z"),
        account(BOB, "Bob", "Moor", "bob@x.example", "07449 704001", "2011-01-01T00:00:00Z"),
        account(ANN, "Ann", "Lee", "new.ann@x.example", "07449 704000", "2011-02-01T00:00:00Z"),
    ],
    "web/orders/o.txt": [order(ANN, "490001"), order(BOB, "490002"), order(ANN, "490001")[:60]],
    "store/cards/c.csv": [
        HEADER,
        "6375826745084914;Ann Lee;home@x.example;(07449) 704-000;;01/02/2010;real",
        "7;Bob;home@x.example;;;01/02/2010;real",
    ],
    "support/tickets/t.txt": [
        ticket("Tann0000001", "ann.lee77@x.example", "my order 490001"),
        ticket("Tbob0000001", "bob@x.example", "where is it"),
    ],
}


def put(root: str, path: str, lines: list[str]) -> Path:
    file = Path(root) / "landing" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    data = ("\n".join(lines) + "\n").encode()
    file.write_bytes(gzip.compress(data) if path.endswith(".gz") else data)
    return file


@pytest.fixture(scope="module")
def shop(spark_session, tmp_path_factory, rows_of):
    """Ann (account, card, ticket, order) and Bob, through ingest and clean; gold, files and logs that name them."""
    folder = tmp_path_factory.mktemp("shop")
    feeds = ("web_accounts", "web_orders", "store_cards", "support_tickets")
    off = [f"channels.{name}=null" for name in load("local")[0].channels if name not in feeds]
    lake = Lake(spark_session, str(folder / "lake"))
    settings = load("local", overrides=[f"lake.root={lake.root}", "quality.max_quarantine_share=1", *off])[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONECART_CACHE", str(folder / "cache"))
        ctx = Context(spark_session, lake, settings, "testrun")
        for path, lines in FEEDS.items():
            put(lake.root, path, lines)
        ingest.run(ctx)
        clean.run(ctx)
        fill_gold(lake, rows_of)
        fill_files(folder / "lake")
        yield ctx
    spark_session.catalog.clearCache()


@pytest.fixture
def lake(shop):
    return shop.lake


def fill_gold(lake: Lake, rows_of) -> None:
    def fill(name: str, *rows: dict[str, str]) -> None:
        schema = contract(name).schema
        whole = [tuple(row.get(f) for f in schema.fieldNames()) for row in rows_of(name, *rows)]
        lake.replace(name, lake.spark.createDataFrame(whole, schema))

    anns = [f"account:{ANN}", "card:6375826745084914", "ticket:Tann0000001"]
    bobs = [f"account:{BOB}", "card:7", "ticket:Tbob0000001"]
    for records in ([*anns, f"old:{ANN}"], anns):  # the first version, with one record more, is history
        owners = {**dict.fromkeys(records, "c_ann00001"), **dict.fromkeys(bobs, "c_bob00001")}
        fill("gold.identity_links", *[{"record_id": r, "customer_id": c} for r, c in owners.items()])
    fill("gold.customer_profile", {"customer_id": "c_ann00001"}, {"customer_id": "c_bob00001"})
    decisions = (
        {"decision_id": "1", "kind": "campaign", "subject": "spring", "customer_id": "c_ann00001"},
        {"decision_id": "2", "kind": "routing", "subject": "Tann0000001"},  # when nobody knew whose it is
        {"decision_id": "3", "kind": "routing", "subject": "Tbob0000001", "customer_id": "c_bob00001"},
    )
    fill("gold.decision_log", *({"decision": "chosen", "propensity": 1.0, **row} for row in decisions))


def fill_files(root: Path) -> None:
    texts = {
        "lake/models/recommend/r2/about": "c_bob00001",
        "lake/exports/segments/part-0.csv": "customer_id\nc_ann00001\n",
        "lake/report.html": "<td>c_ann00001</td>",
        "lake/checkpoints/q/offsets/0": "{}",
        "cache/logs/spark-1.log": "error at ann.lee77@x.example\nall well\n",
    }
    for name, text in texts.items():
        (root.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (root.parent / name).write_text(text)
    (root / "truth").mkdir()
    pq.write_table(pa.table({"record_id": [f"account:{ANN}", f"account:{BOB}"]}), root / "truth" / "records.parquet")
    (root / "models/recommend/r1").mkdir()
    pq.write_table(pa.table({"users": [["c_bob00001", "c_ann00001"]]}), root / "models/recommend/r1/users.parquet")


def holders(*roots: Path) -> list[str]:
    """Files that hold one of SECRETS, as bytes or in decoded Parquet columns: written without the code under test."""
    found = []
    for path in (p for root in roots for p in root.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if path.suffix == ".gz":
            data += gzip.decompress(data)
        if any(secret.lower() in data.lower() for secret in SECRETS):
            found.append(str(path))
    return found


def test_the_person_is_found_whole_and_shared_mail_is_left_alone(shop, lake):
    with pytest.raises(UsageError, match="no customer or record 'nobody'"):
        subject.find(lake, shop.settings, identity="nobody")
    ann = subject.find(lake, shop.settings, identity="c_ann00001")
    assert ann.shared == {"email": 1}
    # The older version of her account is in bronze only.
    assert ann.values["email"] == ("ann.lee77@x.example", "new.ann@x.example")
    assert ann.records == (f"account:{ANN}", "card:6375826745084914", "ticket:Tann0000001")
    assert subject.find(lake, shop.settings, phone="+44 7449 704000").customers == ("c_ann00001",)
    with pytest.raises(UsageError, match="2 or more customers"):
        subject.find(lake, shop.settings, email="HOME@x.example")


def test_a_person_gets_all_their_data_and_nobody_elses(shop, lake, tmp_path):
    ann = subject.find(lake, shop.settings, identity="c_ann00001")
    counts = access.write(lake, shop.settings, ann, str(tmp_path / "ann.json"))
    data = json.loads((tmp_path / "ann.json").read_text())
    assert counts["silver.contacts"] == 2
    assert data["tables"]["silver.contacts"]["columns"]["email"] == "lower case"
    assert {r["record_id"] for r in data["tables"]["gold.identity_links"]["rows"]} == set(ann.records)
    assert "bob" not in (tmp_path / "ann.json").read_text().lower()
    assert (tmp_path / "ann.json").stat().st_mode & 0o077 == 0
    assert access.write(lake, shop.settings, ann, str(tmp_path / "ann")) == counts
    assert {p.stem for p in (tmp_path / "ann").iterdir()} == set(counts)


class Killed(BaseException):
    pass


def test_kills_at_every_stage_then_nothing_is_left_and_nothing_comes_back(shop, lake, whole):
    root, settings = Path(lake.root), shop.settings
    assert len(holders(root)) > 15
    old = lake.version("gold.identity_links")
    erasure = erase.request(lake, settings, subject.find(lake, settings, identity=f"account:{ANN}"), NOW)
    kills = erase.STAGES if whole else ("purge",)
    steps: dict[str, int] = {}
    killed: list[str] = []

    def kill(stage: str, what: str) -> None:
        steps[stage] = steps.get(stage, 0) + 1
        if stage in kills and stage not in killed and steps[stage] == (1 if stage == "suppress" else 2):
            killed.append(stage)
            raise Killed

    outcome = None
    while outcome is None:
        try:
            outcome = erase.finish(lake, settings, erasure, NOW, kill)
        except Killed:
            assert erase.unfinished(lake) == [erasure]
    assert killed == [*kills]
    assert erase.unfinished(lake) == []
    assert holders(root, root.parent / "cache" / "logs") == []
    assert outcome.removed["bronze.web_accounts"] == 2
    assert outcome.removed["landing"] == outcome.removed["bronze.web_accounts"] + 4

    # What is Bob's is where it was, and so are the numbers of the lines.
    left = {r.record_id for r in lake.read("silver.contacts").collect()}
    assert left == {f"account:{BOB}", "card:7"}
    assert [r.decision_id for r in lake.read("gold.decision_log").collect()] == ["3"]
    assert (root / "landing/web/accounts/a.txt").read_text().split("\n") == ["", FEEDS["web/accounts/a.txt"][1], "", ""]
    assert pq.read_table(root / "truth/records.parquet").to_pylist() == [{"record_id": f"account:{BOB}"}]
    assert [p.name for p in (root / "models/recommend").iterdir()] == ["r2"]
    assert not (root / "checkpoints/q").exists()

    # The order stays for the books, without whose it was.
    lines = {r.account_id: r for r in lake.read("silver.orders").collect()}
    assert set(lines) == {None, BOB}
    assert lines[None].order_id.startswith("erased-")
    assert (str(lines[None].amount), lines[None].sku, lines[None].record_id) == ("5.0000", "85123A", None)

    # Older versions are gone, and say so; the receipt and the certificate name nobody.
    with pytest.raises(OneCartError, match=r"cannot read version .* of table gold.identity_links: .*time travel"):
        lake.read("gold.identity_links", old)
    receipt = lake.read("ops.erasures").first()
    assert (receipt.stage, receipt.findings, receipt.removed["silver.orders"]) == ("done", 0, 1)
    certificate = json.loads(Path(outcome.certificate).read_text())
    assert (certificate["result"], certificate["findings"]) == ("clean", [])
    assert certificate["files"] == outcome.files > 50

    # The same files again under other names: read, refused, counted, and nothing comes back.
    assert ingest.run(shop).rows_in == 0
    for path, lines in FEEDS.items():
        put(lake.root, path.replace(".", "-again."), lines)
    again = ingest.run(shop)
    assert again.rows_in == again.rows_out == sum(map(len, FEEDS.values())) - 1
    result = clean.run(shop)
    assert "suppressed" in result.headline
    assert result.rows_in == result.rows_out + result.rows_quarantined + result.rows_duplicate
    assert holders(root) == []
    assert lake.read("ops.quarantine").where("rule = 'suppressed' AND payload IS NOT NULL").count() == 0
