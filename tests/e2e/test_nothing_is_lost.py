"""A stranger's shop, delivered in every odd way at once: each record is found again in silver with its exact values, in
quarantine with a reason, or it is an exact duplicate or an older version; and the way of delivery changes nothing."""

import csv
import gzip
import io
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from onecart.config import Settings
from onecart.context import Context
from onecart.dag import JOBS
from onecart.jobs import run_job
from onecart.lake import Lake

pytestmark = pytest.mark.job

TIME = "yyyy-MM-dd HH:mm:ss"
FEEDS: dict[str, dict[str, Any]] = {
    "till": {
        "path": "till", "format": "csv", "delimiter": ";", "encoding": "cp1252", "into": "silver.orders",
        "columns": {
            "order_id": "bon", "order_ts": f"to_timestamp(zeit, '{TIME}')", "channel": "'store'", "record_id": "'card:' || karte",
            "sku": "artikel", "description": "text", "quantity": "replace(menge, ',', '.')",
            "unit_price": "replace(preis, ',', '.')", "currency": "'EUR'",
        },
    },
    "shop": {
        "path": "shop", "format": "json", "into": "silver.orders", "explode": "lines",
        "schema": "id STRING, at STRING, who STRING, lines ARRAY<STRUCT<sku: STRING, name: STRING, qty: STRING, price: STRING>>",
        "columns": {
            "order_id": "id", "order_ts": f"to_timestamp(at, '{TIME}')", "channel": "'web'", "record_id": "'account:' || who",
            "sku": "line.sku", "description": "line.name", "quantity": "line.qty", "unit_price": "line.price",
            "currency": "'EUR'",
        },
    },
    "clicks": {
        "path": "clicks", "format": "json", "into": "silver.interactions",
        "schema": "id STRING, at STRING, cookie STRING, kind STRING, sku STRING, qty STRING",
        "columns": {
            "event_id": "id", "event_ts": f"to_timestamp(at, '{TIME}')", "channel": "'web'", "event_type": "kind",
            "record_id": "'cookie:' || cookie", "cookie_id": "cookie", "sku": "sku", "quantity": "qty",
        },
    },
    "reviews": {
        "path": "reviews", "format": "csv", "into": "silver.reviews",
        "columns": {"review_id": "id", "review_ts": f"to_timestamp(at, '{TIME}')", "sku": "sku", "rating": "stars", "text": "text"},
    },
    "tickets": {
        "path": "tickets", "format": "json", "into": "silver.tickets",
        "schema": "id STRING, at STRING, text STRING, status STRING",
        "columns": {"ticket_id": "id", "opened_ts": f"to_timestamp(at, '{TIME}')", "text": "text", "status": "status"},
    },
    "cards": {
        "path": "cards", "format": "csv", "delimiter": "\t", "into": "silver.contacts",
        "columns": {
            "record_id": "'card:' || no", "source": "'card'", "surname": "name", "city": "town", "consent_email": "mail = 'Y'",
            "updated_ts": f"to_timestamp(changed, '{TIME}')",
        },
    },
    "goods": {
        "path": "goods", "format": "csv", "into": "silver.products",
        "columns": {
            "sku": "sku", "description": "text", "list_price": "price", "unit_cost": "cost",
            "updated_ts": f"to_timestamp(changed, '{TIME}')",
        },
    },
    "doors": {
        "path": "doors", "format": "csv", "into": "silver.footfall",
        "columns": {"day": "to_date(day)", "store_id": "store", "visitors": "people"},
    },
}  # fmt: skip
COMPARED = {
    "silver.orders": ("order_id", "sku", "description", "quantity", "unit_price"),
    "silver.interactions": ("event_id", "event_type", "sku", "quantity"),
    "silver.reviews": ("review_id", "sku", "rating", "text"),
    "silver.tickets": ("ticket_id", "text", "status"),
    "silver.contacts": ("record_id", "surname", "city", "consent_email"),
    "silver.products": ("sku", "description", "list_price", "unit_cost"),
    "silver.footfall": ("store_id", "visitors"),
}
TEXTS = (
    "plain", "two\nlines", 'a "quoted" word', "semi;colon, comma\tand tab", "Müller's Käse – 5 €", "it ends with a backslash \\",
    "'", "{not json}", "[1, 2]", "--", "NULL", "a\n\n\nb", '"', ",;", "sep=;", "0x1F", "\u00a0x\u00a0",
)  # fmt: skip
UNICODE = (*TEXTS, "注文番号", "🎁 gift", "e\u0301", "\u2028line separator", "שלום")
NAMES = ("a", "r[1]", "r1", "o*", "ox", "b{c,d}", "with space", "100%", "p+q", "día=1/x", "eu/landing/d")


@dataclass
class Shop:
    """What is delivered, feed -> file -> records as bytes; and what must come of it."""

    rng: random.Random
    files: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    silver: dict[str, Counter[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(Counter))
    bad: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    marks: int = 0

    def mark(self) -> str:
        self.marks += 1
        return f"m{self.marks}m"

    def text(self, feed: str) -> str:
        return self.rng.choice(TEXTS if FEEDS[feed].get("encoding") else UNICODE)

    def at(self) -> str:
        return str(datetime(2021, 1, 1) + timedelta(seconds=self.rng.randrange(10**7)))

    def record(self, feed: str) -> tuple[dict[str, Any], tuple[Any, ...] | None]:
        """A record and its row in silver; None: it breaks a rule."""
        rng, n, mark = self.rng, self.marks, self.mark()
        text = self.text(feed)
        kept = text.strip(" ") or None
        sku = rng.choice(("MUG-RED-01", "85123A", "注文-1" if feed != "till" else "Ä-1"))
        quantity, price = rng.choice(("1", "2", "1.5", "-2.5", "0.125")), rng.choice(("2.55", "0", "19.9999", "100"))
        bad = rng.random() < 0.2
        wrong = rng.choice(("when", "number"))
        at = (
            rng.choice(("yesterday", "", "1970-01-01 00:00:00", "2999-01-01 00:00:00"))
            if bad and wrong == "when"
            else self.at()
        )
        number = bad and wrong == "number"
        if feed in ("till", "shop"):
            quantity = rng.choice(("1.23456", "3 pcs", "many", "0", "1e9")) if number else quantity
            row = (f"o{n}", sku, kept, Decimal(quantity), Decimal(price)) if not bad else None
            if feed == "till":
                fields = {
                    "bon": f"o{n}", "zeit": at, "karte": n, "artikel": sku, "text": text, "menge": quantity.replace(".", ","),
                    "preis": price.replace(".", ","),
                }  # fmt: skip
            else:
                lines = [{"sku": sku, "name": text, "qty": quantity, "price": price}]
                fields = {"id": f"o{n}", "at": at, "who": f"w{n}", "lines": lines}
        elif feed == "clicks":
            quantity = rng.choice(("-1", "0", "x", "0.00001")) if number else quantity.lstrip("-")
            fields = {"id": f"e{n}", "at": at, "cookie": f"c{n}", "kind": "add_to_cart", "sku": sku, "qty": quantity}
            row = (f"clicks:e{n}", "add_to_cart", sku, Decimal(quantity)) if not bad else None
        elif feed == "reviews":
            stars = rng.choice(("4.5", "6", "x", "0")) if number else rng.choice(("1", "5", ""))
            fields = {"id": f"e{n}", "at": at, "sku": sku, "stars": stars, "text": text}
            row = (f"reviews:e{n}", sku, int(stars) if stars else None, kept) if not bad else None
        elif feed == "tickets":
            fields = {"id": "" if number else f"e{n}", "at": at, "text": text, "status": "open"}
            row = (f"tickets:e{n}", kept, "open") if not bad else None
        elif feed == "goods":
            cost = rng.choice(("-1.00", "x", "1.23456789")) if number else "1.25"
            fields = {"sku": f"s{n}", "text": text, "price": price, "cost": cost, "changed": at}
            row = (f"S{n}", kept, Decimal(price), Decimal(cost)) if not bad else None
        else:
            people = rng.choice(("-1", "x", "1.5", "")) if number else "17"
            fields = {"day": at[:10], "store": f"s{n}", "people": people}
            row = (f"s{n}", 17) if not bad else None
        return {**fields, "memo": mark}, row

    def cards(self) -> list[dict[str, Any]]:
        """Versions of some cards, whose newest word counts for each field that must be given, and whose last word for the consent."""
        records = []
        for _ in range(4):
            no, times = f"k{self.mark()}", sorted(self.rng.sample(range(10**6), 3))
            said = [self.rng.choice("YN ").strip() for _ in times]
            names = [self.text("cards") for _ in times]
            for time, name, word in zip(times, names, said, strict=True):
                changed = str(datetime(2021, 1, 1) + timedelta(seconds=time))
                town = self.text("cards")
                records.append(
                    {"no": no, "name": name, "town": town, "mail": word, "changed": changed, "memo": self.mark()}
                )
            last = next((word for word in reversed(said) if word), None)
            consent = None if last is None else last == "Y"
            self.silver["silver.contacts"][(f"card:{no}", names[-1].strip(" "), town.strip(" "), consent)] += 1
        self.rng.shuffle(records)
        return records

    def fill(self) -> None:
        for feed, source in FEEDS.items():
            for at in range(3):
                if feed == "cards":
                    records = self.cards()
                else:
                    made = [self.record(feed) for _ in range(8)]
                    records = [fields for fields, _ in made]
                    for fields, row in made:
                        if row is None:
                            self.bad[feed].add(fields["memo"])
                        else:
                            self.silver[source["into"]][row] += 1
                write = self.csv_file if source["format"] == "csv" else self.json_file
                extension, content = write(feed, records)
                packed = self.rng.random() < 0.2
                name = f"{self.rng.choice(NAMES)}-{at}{extension}{'.gz' if packed else ''}"
                self.files[feed][name] = gzip.compress(content, mtime=0) if packed else content
        self.scan_twice()
        self.wrong_header()

    def scan_twice(self) -> None:
        """A till that writes one line per scan: two mugs are two units."""
        _, content = self.csv_file("till", [{
            "bon": "twice", "zeit": "2021-01-01 10:00:00", "karte": 1, "artikel": "MUG", "text": "mug", "menge": "1",
            "preis": "5,00", "memo": self.mark(),
        }] * 2)  # fmt: skip
        self.files["till"]["scans.csv"] = content
        self.silver["silver.orders"][("twice", "MUG", "mug", Decimal(1), Decimal(5))] += 2

    def wrong_header(self) -> None:
        mark = self.mark()
        self.files["goods"]["wrong.csv"] = f"Artikelnummer,Farbe,memo\n1,rot,{mark}\n".encode()
        self.bad["goods"].add(mark)

    def csv_file(self, feed: str, records: list[dict[str, Any]]) -> tuple[str, bytes]:
        source, rng = FEEDS[feed], self.rng
        delimiter, encoding = source.get("delimiter", ","), source.get("encoding", "utf-8")
        columns = list(records[0])
        rng.shuffle(columns)
        out = io.StringIO()
        ending = rng.choice(("\n", "\r\n"))
        out.write(rng.choice(("", "", ending, f"sep={delimiter}{ending}")))
        quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        writer = csv.writer(out, delimiter=delimiter, lineterminator=ending, quoting=quoting)
        writer.writerow(column.upper() if rng.random() < 0.3 else column for column in columns)
        for record in records:
            writer.writerow(record[column] for column in columns)
            if rng.random() < 0.2:
                out.write(ending)
        text = out.getvalue().removesuffix(ending) if rng.random() < 0.3 else out.getvalue()
        content = text.encode(encoding)
        if encoding == "utf-8" and rng.random() < 0.3:
            content = b"\xef\xbb\xbf" + content
        broken = {"utf-8": b"\xff\xfe", "cp1252": b"\x81"}[encoding]
        if rng.random() < 0.3:
            mark = self.mark()
            bad = delimiter.join(mark if column == "memo" else "x" for column in columns).encode() + broken
            content += (b"" if content.endswith(b"\n") else ending.encode()) + bad + b"\n"
            self.bad[feed].add(mark)
        return ".csv", content

    def json_file(self, feed: str, records: list[dict[str, Any]]) -> tuple[str, bytes]:
        rng = self.rng
        texts = [json.dumps(record, ensure_ascii=rng.random() < 0.5) for record in records]
        form = rng.choice(("lines", "lines", "one line", "array", "pretty array", "pretty"))
        if form == "one line":
            return ".json", "".join(texts).encode()
        if form == "array":
            return ".json", f"[{','.join(texts)}]".encode()
        if form == "pretty array":
            return ".json", json.dumps(records, indent=2).encode()
        if form == "pretty":
            return ".json", "\n".join(json.dumps(record, indent=1, ensure_ascii=False) for record in records).encode()
        for bad in (
            lambda t: t[:-5],
            lambda t: f"{t} oops",
            lambda t: f"{t}}}",
            lambda t: f"7 {t}",
            lambda t: t.replace(":", ";"),
        ):
            mark = self.mark()
            texts.insert(rng.randrange(len(texts)), bad(json.dumps({"memo": mark, "id": f"e{self.marks}"})))
            self.bad[feed].add(mark)
        blank = rng.choice(("\n", "\n\n", "\r\n"))
        return ".json", blank.join(texts).encode()


def put(root: Path, shop: Shop, chosen: Callable[[str], bool] = lambda _: True, *, again: str = "") -> None:
    for feed, files in shop.files.items():
        for name, content in files.items():
            if chosen(f"{feed}/{name}"):
                file = root / FEEDS[feed]["path"] / (f"{again}/{name}" if again else name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)


def run(context: Context) -> dict[str, Any]:
    for name in ("ingest", "clean"):
        row = run_job(JOBS[name], context.settings, context.spark)
    return row


def check(lake: Lake, shop: Shop) -> None:
    for table, columns in COMPARED.items():
        rows = lake.read(table).select(*columns).collect()
        found = Counter(tuple(row) for row in rows)
        assert found - shop.silver[table] == Counter(), f"{table}: not as delivered"
        assert shop.silver[table] - found == Counter(), f"{table}: lost"
    aside = defaultdict(set)
    for row in lake.read("ops.quarantine").select("source", "payload", "reason").collect():
        assert row.reason
        aside[row.source].update(re.findall(r"m\d+m", row.payload))
    for feed in FEEDS:
        assert aside[feed] == shop.bad[feed], feed


@pytest.fixture
def shop_of(context, tmp_path) -> Callable[[int], tuple[Shop, Context, Path]]:
    def make(seed: int) -> tuple[Shop, Context, Path]:
        shop = Shop(random.Random(seed))
        shop.fill()
        tree = context(quality={"max_quarantine_share": 1.0}).settings.model_dump(by_alias=True)
        feeds = {name: {**source, "settle_seconds": 0} for name, source in FEEDS.items()}
        settings = Settings.model_validate({**tree, "channels": feeds, "landing": str(tmp_path / "landing")})
        ctx = context()
        return shop, Context(ctx.spark, ctx.lake, settings, "r"), tmp_path / "landing"

    return make


SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.heavy) for seed in range(2, 21))]


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(1, 21))
def test_each_record_is_found_again_delivered_at_once(shop_of, lake, seed):
    shop, ctx, landing = shop_of(seed)
    put(landing, shop)
    row = run(ctx)
    check(lake, shop)
    fates = ("rows_out", "rows_quarantined", "rows_duplicate", "rows_superseded")
    assert (row["status"], row["rows_in"]) == ("done", sum(row[fate] for fate in fates))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_record_is_found_again_in_parts_killed_and_twice(shop_of, lake, monkeypatch, seed):
    shop, ctx, landing = shop_of(seed)
    later = {f"{feed}/{name}" for feed, files in shop.files.items() for name in shop.rng.sample(sorted(files), 2)}
    put(landing, shop, lambda name: name not in later)
    kill_at(monkeypatch, ctx, shop.rng.randrange(1, 12))
    put(landing, shop)
    run(ctx)
    put(landing, shop, lambda name: name not in later, again="again")
    run(ctx)
    check(lake, shop)


def kill_at(monkeypatch: pytest.MonkeyPatch, ctx: Context, nth: int) -> None:
    """A run that dies right after its `nth` write."""
    writes, real = iter(range(1, 1000)), Lake._guard

    def guard(self: Lake, name: str, write: Any) -> None:
        real(self, name, write)
        if not name.startswith("ops.runs") and next(writes) >= nth:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "_guard", guard)
        with pytest.raises(KeyboardInterrupt):
            run(ctx)
