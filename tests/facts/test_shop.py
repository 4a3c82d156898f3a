"""What the shop's settings say about rows."""

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from onecart.config import Shop
from onecart.facts.countries import code_of
from onecart.facts.shop import are_goods, in_shop_currency, is_online, of_kind, with_totals
from onecart.frames import day_of

KIOSK = Shop(channels={"web": "online", "ios": "app", "till": "store", "kiosk": "store", "marketplace": "other"})


@pytest.mark.parametrize(
    ("goods", "expected"),
    [
        (None, {"MUG-RED-01", "85123A", "POST", "カップ"}),
        ("^[0-9]{5}", {"85123A"}),
        ("^mug-|カップ", {"MUG-RED-01", "カップ"}),
    ],
)
def test_goods_are_what_the_setting_says_and_everything_without_it(
    goods: str | None, expected: set[str], spark: Any
) -> None:
    rows = spark.createDataFrame([("MUG-RED-01",), ("85123A",), ("POST",), ("カップ",), (None,)], "sku string")
    assert {r.sku for r in rows.where(are_goods(Shop(goods=goods))).collect()} == expected


def test_a_channel_is_what_the_setting_says_and_online_where_it_says_nothing(spark: Any) -> None:
    names = ("web", "ios", "till", "kiosk", "marketplace", "tiktok", "stores")
    rows = spark.createDataFrame([(name,) for name in names], "channel string")
    kinds = {"online": is_online(KIOSK), "app": of_kind(KIOSK, "app"), "store": of_kind(KIOSK, "store")}
    found = rows.select("channel", *[column.alias(kind) for kind, column in kinds.items()]).collect()
    assert {r.channel: {kind for kind in kinds if r[kind]} for r in found} == {
        "web": {"online"},
        "ios": {"online", "app"},
        "till": {"store"},
        "kiosk": {"store"},
        "marketplace": set(),
        "tiktok": {"online"},
        "stores": {"store"},
    }
    counted = with_totals(rows.where("channel <> 'stores'"), KIOSK, online=True).groupBy("channel").count()
    assert {r.channel: r["count"] for r in counted.where("count > 1").collect()} == {"online": 3, "stores": 2}
    assert with_totals(rows, Shop(channels={"till": "store"})).collect() == rows.collect()  # one store is its own total
    assert Shop(channels={"online": "online", "stores": "store", "kiosk": "store"}).all_online == "all online"


def test_money_is_in_the_shops_currency_where_there_is_a_rate(spark: Any) -> None:
    rows = spark.createDataFrame(
        [("EUR", Decimal("10.01"), 1), ("CHF", Decimal("2"), 2), ("JPY", Decimal("7"), 3), (None, Decimal("1"), 4)],
        "currency string, amount decimal(18,4), line int",
    )
    shop = Shop(currency="EUR", rates={"CHF": "1.04", "SEK": "0.0876543"})
    found = in_shop_currency(rows, shop)
    assert found.schema == rows.schema
    assert [tuple(r) for r in found.orderBy("line").collect()] == [
        ("EUR", Decimal("10.0100"), 1),
        ("EUR", Decimal("2.0800"), 2),
        ("JPY", Decimal("7.0000"), 3),
        (None, Decimal("1.0000"), 4),
    ]


def test_a_day_ends_at_the_shops_midnight_also_where_clocks_change(spark: Any) -> None:
    moments = [(8, 31, 21, 59), (8, 31, 22, 0), (10, 30, 22, 59), (10, 30, 23, 0)]  # summer time ended on 30 October
    rows = [(datetime(2011, *m, tzinfo=timezone.utc),) for m in moments]
    days = spark.createDataFrame(rows, "ts timestamp").select("ts", day_of("ts", "Europe/Berlin").alias("day"))
    assert [r.day for r in days.orderBy("ts").collect()] == [
        date(2011, 8, 31), date(2011, 9, 1), date(2011, 10, 30), date(2011, 10, 31)
    ]  # fmt: skip


def test_countries_are_known_by_code_and_by_name_in_any_language() -> None:
    named = {
        "GB": ["United Kingdom", "uk", " GBR ", "Scotland", "Royaume-Uni"],
        "DE": ["de", "Deutschland", "GERMANY"],
        "JP": ["日本", "Japan", "jpn"],
        "CZ": ["Czechia", "Czech Republic"],
    }
    assert {code: {code_of(name) for name in names} for code, names in named.items()} == {c: {c} for c in named}
    assert [code_of(name) for name in (None, "", "Unspecified", "European Community")] == [None] * 4
