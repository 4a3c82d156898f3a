"""A person leaves every table of decisions and of what they brought, found by each identifier alone; nobody else does."""

import json
from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from onecart.contracts.base.table import IDENTIFIERS, Table
from onecart.contracts.decide import DECIDE
from onecart.contracts.measure import MEASURE

TABLES = [table for table in (*DECIDE, *MEASURE) if table.personal]  # a new one is in the test by itself
ANN = {
    "customer_id": "c_ann00001",
    "record_id": "account:ann-1",
    "account_id": "ann-1",
    "email": "ann.lee77@x.example",
    "phone": "+447449704000",
    "ticket_id": "support:71",  # its number is too short to be looked for in texts
}
BOB = {
    "customer_id": "c_bob00001",
    "record_id": "account:bob-1",
    "account_id": "bob-1",
    "email": "bob@x.example",
    "phone": "+447449704001",
    "ticket_id": "support:72",
}
WORDS = {"c_ann00001": "my grey parrot ate it", "c_bob00001": "where is my parcel"}
CHECKED: dict[str, dict[str, Any]] = {  # values that the checks of a table ask for
    "gold.campaign_audience": {"arm": "treated", "send_ts": datetime(2011, 12, 1, 12)},
    "gold.content_choice": {"propensity": 0.5},
    "gold.content_state": {"placement": "home", "item": "mug", "trials": 3, "rewards": 2.0},
    "gold.decision_log": {"kind": "routing", "decision": "chosen", "propensity": 1.0},
}
SECRETS = [*ANN.values(), "Ann Lee", WORDS["c_ann00001"]]


def about(table: Table, who: dict[str, str]) -> list[dict[str, Any]]:
    """A row for each identifier that may say whose it is, the others null where they may be; one per key."""
    identifiers = [c for c in table.columns if c.name in IDENTIFIERS]
    found = {}
    for n, one in enumerate(identifiers):
        row = {c.name: who[c.name] for c in identifiers if c is one or not c.nullable}
        named = {k: f"{n}{who['account_id'][0]}" for k in table.key if not {*table.key} & {*row}}
        said = {"reason": WORDS[who["customer_id"]]} if "reason" in table.schema.names else {}
        whole = {**CHECKED.get(table.name, {}), **row, **named, **said}
        found[tuple(whole.get(k) for k in table.key)] = whole
    return [*found.values()]


class Frames:
    """A lake of these frames, for what only reads."""

    def __init__(self, frames: dict[str, Any]) -> None:
        self._frames = frames

    def names(self) -> list[str]:
        return [*self._frames]

    def read(self, name: str) -> Any:
        return self._frames[name]


def test_each_identifier_in_each_table_of_decisions_says_whose_a_row_is(
    spark: Any, rows_of: Callable[..., Any]
) -> None:
    from onecart.config import Settings
    from onecart.privacy.rows import personal_tables, rows_about
    from onecart.privacy.subject import Subject

    def frame(table: Table) -> Any:
        some = rows_of(table.name, *(row for who in (ANN, BOB) for row in about(table, who)))
        return spark.createDataFrame([tuple(r.get(f) for f in table.schema.names) for r in some], table.schema)

    lake = Frames({table.name: frame(table) for table in TABLES})
    assert personal_tables(lake) == [table.name for table in TABLES]  # type: ignore[arg-type]
    ann = Subject((ANN["customer_id"],), (), {"ticket": (ANN["ticket_id"],)})
    for table in TABLES:
        found = rows_about(lake, table.name, ann, Settings()).collect()  # type: ignore[arg-type]
        ids = [c for c in table.schema.names if c in IDENTIFIERS]
        wanted = [{row.get(c) for c in ids} for row in about(table, ANN)]
        assert [{row[c] for c in ids} for row in found] == wanted != [], table.name


@pytest.fixture
def shop(lake: Any, fill: Callable[..., None], rows_of: Callable[..., Any]) -> Any:
    """Ann and Bob, with a contact and a ticket each, and what was decided about them."""
    people = [(ANN, "Ann", "Lee"), (BOB, "Bob", "Moor")]
    contact = ("record_id", "account_id", "email", "phone")
    contacts = [{**{c: who[c] for c in contact}, "given_name": g, "surname": s} for who, g, s in people]
    tickets = [
        {"ticket_id": who["ticket_id"], "record_id": who["record_id"], "text": WORDS[who["customer_id"]]}
        for who, _, _ in people
    ]
    owned = ("record_id", "customer_id")
    fill("silver.contacts", rows_of("silver.contacts", *contacts))
    fill("silver.tickets", rows_of("silver.tickets", *tickets))
    fill("gold.identity_links", rows_of("gold.identity_links", *({c: who[c] for c in owned} for who, _, _ in people)))
    for table in TABLES:
        fill(table.name, rows_of(table.name, *(row for who, _, _ in people for row in about(table, who))))
    return lake


def rows(lake: Any, name: str) -> list[str]:
    return sorted(str(row) for row in lake.read(name).collect())


def holders(folder: Path) -> set[str]:
    """Files below the folder that hold one of SECRETS, as bytes or in decoded Parquet columns."""
    found = set()
    for path in (p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if any(secret.lower().encode() in data.lower() for secret in SECRETS):
            found.add(str(path.relative_to(folder)))
    return found


@pytest.mark.heavy
def test_nothing_of_a_person_is_left_in_any_table_of_decisions_and_the_others_is_whole(
    shop: Any, context: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onecart.decide.content.state import known
    from onecart.privacy import erase, subject

    monkeypatch.setenv("ONECART_CACHE", str(tmp_path / "cache"))
    root = Path(shop.root)
    settings = context(as_of=date(2011, 12, 1), decide={"placements": {"home": {"items": ["mug", "bag"]}}}).settings
    placements = settings.decide.placements
    assert known(shop.read("gold.content_state"), placements)["home"].trials.tolist() == [6, 0]
    before = {table.name: rows(shop, table.name) for table in TABLES}
    assert {name: len(some) % 2 for name, some in before.items()} == dict.fromkeys(before, 0)
    held = holders(root)
    for table in TABLES:
        assert any(path.startswith(f"{table.name.replace('.', '/')}/") for path in held), table.name

    ann = subject.find(shop, settings, identity="c_ann00001")
    assert ("ticket", "71") not in ann.sure
    now = datetime(2012, 1, 2, tzinfo=timezone.utc)
    outcome = erase.finish(shop, settings, erase.request(shop, settings, ann, now), now)

    for name, some in before.items():
        hers = [row for row in some if ANN["customer_id"] in row or ANN["ticket_id"] in row]
        assert rows(shop, name) == [row for row in some if row not in hers]
        assert (len(hers), outcome.removed[name]) == (len(some) // 2, len(hers)), name
    assert holders(root) == set()
    assert known(shop.read("gold.content_state"), placements)["home"].trials.tolist() == [3, 0]
