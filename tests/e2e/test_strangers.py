"""Strangers' shops, tiny: `onecart init`, then all jobs, to a report, with nothing edited."""

import importlib.util
import json
import os
import random
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import functions as F

from onecart.cli import main
from onecart.config import load
from onecart.dag import DAG
from onecart.jobs import run_jobs
from onecart.lake import Lake

pytestmark = pytest.mark.heavy
spec = importlib.util.spec_from_file_location("shops", Path(__file__).parents[1] / "onboarding" / "shops.py")
shops = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shops)
DAYS, LINES = 100, 160  # of the orders beside those that `shops` has
SMALL = [
    *("privacy.presumed_consent=[profiling]", "forecast.top_skus=3", "intent.cutoffs=3", "intent.params={maxIter: 5}"),
    *(f"recommend.models.als.{setting}" for setting in ("rank=4", "iterations=2", "blocks=1")),
]


def bought(seed: int):
    """Day, place among the persons, place among the goods, units: nobody buys at random alone."""
    dice = random.Random(seed)
    for place in range(LINES):
        person = dice.randrange(12)
        at = datetime(2024, 1, 2, 9) + timedelta(days=DAYS * place // LINES, minutes=dice.randrange(500))
        yield place, at, person, (person + dice.choice((0, 0, 1, 3))) % 6, dice.randrange(1, 4)


def tea_house(folder: Path) -> Decimal:
    shops.tea_house(folder)
    orders = []
    for place, at, person, item, units in bought(1):
        line = {"商品コード": f"CHA-{item:02}", "商品名": "煎茶", "数量": units, "単価": 1000 + item}
        who = f"M{person:03}"
        orders.append(
            {"注文番号": f"T9{place:03}", "注文日時": f"{at:%Y/%m/%d %H:%M:%S}", "会員番号": who, "明細": [line]}
        )
    (folder / "注文" / "2024-01.json").write_text(json.dumps(orders, ensure_ascii=False, indent=1), "utf-8")
    mine = sum(Decimal(o["明細"][0]["数量"] * o["明細"][0]["単価"]) for o in orders)
    return mine + 2 * 1080 + 2200 + 1080  # the bag has no product code: set aside


def grocer(folder: Path) -> Decimal:
    shops.grocer(folder)
    rows, total = (
        ["Bestellnr;Bestelldatum;Kundennr;Artikelnr;Bezeichnung;Menge;Einheit;Einzelpreis;Filiale"],
        Decimal(0),
    )
    for place, at, person, item, units in bought(2):
        weight, price = Decimal(units) / 4, Decimal(1890 + item) / 100
        total += weight * price
        figures = f"{weight};kg;{price}".replace(".", ",")
        rows.append(f"C-{place};{at:%d.%m.%Y %H:%M};K-{person};KAES-BRG-{item};Bergkäse;{figures};Köln")
    (folder / "bestellungen_2024-01.csv").write_bytes("\r\n".join(rows).encode("cp1252"))
    mine = ("9.90", "14.175", "28.35", "6057", "-4.95")
    return total + sum(map(Decimal, mine))


def supermarket(folder: Path) -> Decimal:
    shops.supermarket(folder)
    lines = pd.read_parquet(folder / "transactions.parquet")
    made = [
        {**lines.iloc[0].to_dict(), "household_id": 900 + person, "basket_id": 40000000000 + place, "product_id": 1095275 + item,
         "quantity": units, "sales_value": 0.5 * units, "transaction_timestamp": at}
        for place, at, person, item, units in bought(3)
    ]  # fmt: skip
    pd.concat([lines, pd.DataFrame(made)]).astype(lines.dtypes.to_dict()).to_parquet(folder / "transactions.parquet")
    return sum((Decimal(str(row["sales_value"])) for row in made), Decimal("2.93"))


@pytest.mark.parametrize(
    ("shop", "aside", "currency"),
    [
        (tea_house, {"no_sku"}, "JPY"),
        (grocer, {"unreadable_quantity"}, "EUR"),
        (supermarket, {"no_unit_price"}, "USD"),
    ],
)
def test_a_strangers_shop_comes_to_a_report(tmp_path, monkeypatch, spark_session, shop, aside, currency):
    revenue = shop(tmp_path / "shop")
    for file in (tmp_path / "shop").rglob("*.*"):
        os.utime(file, (1.7e9, 1.7e9))  # else a file may still be on its way
    monkeypatch.chdir(tmp_path)
    assert main(["init", "shop", "--yes", "--no-check"]) == 0
    settings = load(str(tmp_path / "shop.yaml"), overrides=SMALL)[0]
    done = {row["job"]: row for row in run_jobs(DAG, settings, spark_session)}
    assert {row["status"] for row in done.values()} == {"done"}, done
    lake = Lake(spark_session, settings.lake.root)
    orders = lake.read("silver.orders")
    found = orders.agg(F.sum("amount"), F.count("*"), F.collect_set("currency")).first()
    assert (found[0], found[2]) == (revenue, [currency])
    wrong = lake.read("ops.quarantine").select("rule").distinct().collect()
    assert {row.rule for row in wrong} == aside
    clean = done["clean"]
    assert clean["rows_in"] == clean["rows_out"] + clean["rows_quarantined"]
    assert lake.read("gold.customer_profile").count() >= 12
    assert lake.read("gold.recommendations").where("tier <> 'popularity'").count() > 0
    assert lake.read("gold.demand_forecast").count() > 0
    report = Path(lake.root, "report.html").read_text("utf-8")
    assert "CHA-01" in report or currency != "JPY"
