"""The proposed mapping tried: the exact values that its expressions give, and what would be set aside and why."""

import importlib.util
import json
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from onecart.config import FillDown, Settings, load
from onecart.onboarding import check as trial
from onecart.onboarding.asking import Asker
from onecart.onboarding.mapping import settings
from onecart.onboarding.profiling.kinds import text_of
from onecart.onboarding.propose import propose
from onecart.quality.fill_down import filled_down

spec = importlib.util.spec_from_file_location("shops", Path(__file__).with_name("shops.py"))
shops = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shops)


@pytest.fixture
def mapped(spark, tmp_path):
    """`mapped("grocer", "bestellungen", "sku", ...)`: what the proposed expressions give for each record of a feed, as text."""
    proposals = {}

    def rows(shop, name, *columns):
        if shop not in proposals:
            proposals[shop] = propose(getattr(shops, shop)(tmp_path / shop), Asker(False))
        plan = next(p for p in proposals[shop].plans if p.feed.name == name)
        schema = plan.schema or ", ".join(f"`{field}` STRING" for field in plan.feed.rows[0])
        records = [(json.dumps(row, default=text_of), "f", i) for i, row in enumerate(plan.feed.rows)]
        frame = spark.createDataFrame(records, "record string, file string, place int")
        frame = frame.select(F.from_json("record", schema).alias("r"), "file", "place").select("r.*", "file", "place")
        if plan.fill_down:
            frame = filled_down(frame, name, FillDown(**plan.fill_down), F.lit(False), "file", ["place"])
        if plan.explode:
            frame = frame.select("*", F.explode(plan.explode).alias("line"))
        expressions = {c.name: c.expression for c in plan.columns}
        found = frame.orderBy("place").select(*[F.expr(f"cast({expressions[c]} as string)") for c in columns])
        return [tuple(row) for row in found.collect()]

    return rows


def test_a_grocers_values(mapped):
    assert mapped("grocer", "bestellungen", "order_id", "order_ts", "record_id", "sku", "quantity", "unit_price") == [
        ("B-1001", "2024-03-01 08:12:00", "customer:K-17", "MUG-RED-01", "2", "4.95"),
        ("B-1001", "2024-03-01 08:12:00", "customer:K-17", "KAES-BRG-02", "0.750", "18.90"),
        ("B-1002", "2024-03-02 16:45:00", None, "KAES-BRG-02", "1.5", "18.90"),
        ("B-1003", "2024-03-15 10:00:00", "customer:K-18", "WEIN-RSL-03", "6", "1009.50"),
        ("B-1004", "2024-03-15 11:30:00", "customer:K-19", "MUG-RED-01", "-1", "4.95"),
        # No such day; and a point where the others have commas is no number, rather than another one.
        ("B-1005", None, "customer:K-19", "MUG-RED-01", "1,5", "4.95"),
    ]
    people = ("surname", "email", "date_of_birth", "consent_email")
    assert mapped("grocer", "kunden", *people) == [
        ("Müller", "juergen@example.de", "1971-05-04", "true"),
        ("Groß", "aenne@example.de", "1985-11-23", "false"),
        ("Weiß", "", "", ""),
    ]


def test_a_tea_houses_values(mapped):
    assert mapped("tea_house", "orders", "order_id", "order_ts", "record_id", "sku", "quantity", "unit_price") == [
        ("T0001", "2024-04-01 00:30:00", "customer:M001", "CHA-01", "2", "1080"),
        ("T0001", "2024-04-01 00:30:00", "customer:M001", "YUN-02", "1", "2200"),
        ("T0002", "2024-04-02 09:05:10", None, "CHA-01", "1", "1080"),
        ("T0003", "2024-04-02 23:00:00", "customer:M002", None, "1", "5"),
    ]
    people = ("record_id", "surname", "given_name", "date_of_birth", "consent_email")
    assert mapped("tea_house", "contacts", *people) == [
        ("customer:M001", "山田", "太郎", "1980-01-02", "true"),
        ("customer:M002", "鈴木", "花子", "1992-12-31", "false"),
    ]


def test_a_supermarkets_values(mapped):
    lines = ("order_id", "order_ts", "record_id", "sku", "quantity", "unit_price", "amount", "currency")
    assert mapped("supermarket", "transactions", *lines) == [
        ("31198570044", "2017-01-01 16:53:26", "customer:900", "1095275", "1", "0.5000", "0.5", "USD"),
        ("31198570044", "2017-01-01 16:53:26", "customer:900", "9878513", "3", "0.3333", "1.0", "USD"),
        ("31198655051", "2017-07-02 12:00:00", "customer:1228", "1095275", "2", "0.7150", "1.43", "USD"),
        ("31198655052", "2017-07-02 12:00:00", "customer:1228", "1041453", "0", None, "0.0", "USD"),
    ]
    assert mapped("supermarket", "products", "sku", "category")[2] == ("1041453", "PASTRY > BREAD")


def test_an_export_and_events(mapped):
    found = mapped("soap_maker", "orders_export", "order_id", "order_ts", "sku", "quantity", "currency", "record_id")
    assert [row[:5] for row in found] == [
        ("#1001", "2024-03-05 15:21:30", "SOAP-LAV", "2", "USD"),
        ("#1001", "2024-03-05 15:21:30", "SOAP-ROS", "1", "USD"),
        ("#1002", "2024-03-06 15:59:00", "SOAP-ROS", "1", "USD"),
        ("#1002", "2024-03-06 15:59:00", "BOX-1", "3", "USD"),
        ("#1003", "2024-04-16 12:59:00", "SOAP-ROS", "1", "USD"),
    ]
    who = [row[5] for row in found]
    assert who[0] == who[1] != who[4]
    assert who[2:4] == [None, None]
    assert "ann" not in who[0]
    seen = mapped("visits", "events", "event_ts", "event_type", "session_key", "sku", "unit_price", "query", "order_id")
    assert [seen[i] for i in (2, 4, 5)] == [
        ("2024-03-05 10:21:33.000002", "product_view", "17", "MUG-RED-01", "4.95", None, None),
        ("2024-03-05 10:21:33.000004", "search", "17", None, None, "red mug", None),
        ("2024-03-05 10:21:33.000005", "purchase", "17", "MUG-RED-01", "4.95", None, "T-9"),
    ]


@pytest.mark.job
def test_all_rows_are_tried_and_nothing_is_left_behind(spark, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    folder = shops.soap_maker(tmp_path / "shop")
    more = [
        "#1004,eve@example.org,,,,USD,,,,,,yesterday,1,Rose soap,10.00,SOAP-ROS,,,,,,+1 617-555-0104,no,1",
        "#1005,eve@example.org,,,,USD,,,,,,2024-04-17 08:59:00 -0400,1,Rose soap,-1.00,SOAP-ROS,,,,,,,no,2",
    ]
    with (folder / "orders_export_1.csv").open("a") as file:
        file.write("\n".join(more) + "\n")
    tree = load("local")[0].model_dump(by_alias=True)
    own = settings(propose(folder, Asker(False)), tmp_path / "lake")
    (found,) = trial.check(Settings.model_validate({**tree, **own}), spark)
    assert (found.rows, found.good, found.duplicates) == (7, 5, 0)
    assert {aside.rule: aside.rows for aside in found.aside} == {"no_order_ts": 1, "negative_price": 1}
    assert found.nulls["record_id"] == 0.4
    text = trial.as_text([found])
    assert "orders_export_1.csv, line 7: #1004,e***@***" in text
    assert "eve@" not in text
    assert "555-0104" not in text
    assert list((tmp_path / "scratch").iterdir()) == []
    assert not (tmp_path / "lake").exists()
