"""What `onecart init` makes of strangers' shops: feeds, tables, expressions, and what it is unsure of."""

import importlib.util
import random
from pathlib import Path

import pandas as pd
import pytest
import yaml

from onecart.config import load
from onecart.onboarding.asking import Asker
from onecart.onboarding.mapping import as_yaml, settings
from onecart.onboarding.propose import propose

spec = importlib.util.spec_from_file_location("shops", Path(__file__).with_name("shops.py"))
shops = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shops)


def proposed(folder: Path):
    found = propose(folder, Asker(False))
    return found, settings(found, folder.parent / "lake")


def test_a_german_grocer(tmp_path):
    found, tree = proposed(shops.grocer(tmp_path / "shop"))
    assert tree["shop"] == {
        "country": "DE",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "channels": {"store": "store"},
    }
    orders, customers = tree["channels"]["bestellungen"], tree["channels"]["kunden"]
    layout = ("path", "files", "format", "encoding", "delimiter", "into")
    assert [orders[k] for k in layout] == [".", "bestellungen*.csv", "csv", "windows-1252", ";", "silver.orders"]
    columns = orders["columns"]
    assert columns["order_ts"] == "to_utc_timestamp(to_timestamp(bestelldatum, 'd.M.yyyy H:mm'), 'Europe/Berlin')"
    assert columns["quantity"] == "translate(menge, ',.', '.,')"
    assert columns["unit_price"] == (
        "translate(regexp_replace(einzelpreis, '(?<!^0)[.](?=[0-9]{3}(?![0-9]))', ''), ',.', '.,')"
    )
    assert (columns["sku"], columns["order_id"], columns["description"]) == ("artikelnr", "bestellnr", "bezeichnung")
    assert columns["record_id"] == customers["columns"]["record_id"] == "'customer:' || nullif(trim(kundennr), '')"
    assert customers["columns"]["consent_email"] == (
        "case when trim(newsletter) in ('ja') then 'true' when trim(newsletter) in ('nein') then 'false'"
        " else newsletter end"
    )
    assert customers["columns"]["date_of_birth"] == "coalesce(to_date(geburtsdatum, 'd.M.yyyy'), geburtsdatum)"
    assert "updated_ts" not in customers["columns"]  # `Kunde seit` is no change
    assert [where for where, _ in found.unsure] == ["privacy.presumed_consent"]


def test_a_japanese_tea_house(tmp_path):
    found, tree = proposed(shops.tea_house(tmp_path / "shop"))
    assert (tree["shop"]["country"], tree["shop"]["currency"], tree["shop"]["time_zone"]) == ("JP", "JPY", "Asia/Tokyo")
    orders, members = tree["channels"]["orders"], tree["channels"]["contacts"]
    assert (orders["path"], orders["explode"], orders["columns"]["sku"]) == ("注文", "明細", "line.`商品コード`")
    assert (members["encoding"], members["columns"]["email"]) == ("cp932", "`メールアドレス`")
    assert members["columns"]["surname"] == "element_at(split(trim(`氏名`), ' +'), 1)"
    assert orders["columns"]["record_id"] == members["columns"]["record_id"]
    assert [where for where, _ in found.unsure] == ["orders.channel", "privacy.presumed_consent"]


def test_the_complete_journeys_layout(tmp_path):
    found, tree = proposed(shops.supermarket(tmp_path / "shop"))
    tables = {name: (source["format"], source["into"]) for name, source in tree["channels"].items()}
    assert tables == {
        "transactions": ("parquet", "silver.orders"),
        "products": ("parquet", "silver.products"),
        "demographics": ("parquet", "silver.contacts"),
    }
    assert tree["channels"]["products"]["columns"]["category"] == "concat_ws(' > ', department, product_category)"
    columns = tree["channels"]["transactions"]["columns"]
    assert (columns["order_id"], columns["channel"], columns["amount"]) == ("basket_id", "'store'", "sales_value")
    assert sorted(found.left) == ["campaigns*.parquet", "coupons*.parquet"]
    assert "no silver table takes records of campaign_id, household_id" in found.left["campaigns*.parquet"]


def test_times_in_nanoseconds_are_read(tmp_path):
    """As pandas writes them; Spark gives them as numbers."""
    lines = pd.read_parquet(shops.supermarket(tmp_path / "shop") / "transactions.parquet")
    lines["transaction_timestamp"] = lines["transaction_timestamp"].astype("datetime64[ns]")
    lines.to_parquet(tmp_path / "shop" / "transactions.parquet")
    columns = proposed(tmp_path / "shop")[1]["channels"]["transactions"]["columns"]
    moment = "timestamp_micros(transaction_timestamp div 1000)"
    assert columns["order_ts"] == f"to_utc_timestamp({moment}, 'America/New_York')"


@pytest.mark.parametrize(
    ("names", "feeds"), [(("2024-01", "2024_02"), {"orders": "[0-9]*.csv"}), (("on",), {"on": "on*.csv"})]
)
def test_names_of_files_that_are_dates_or_words_of_yaml(tmp_path, names, feeds):
    (tmp_path / "shop").mkdir()
    for name in names:
        lines = (f"{name}-{i},2024-03-0{i} 10:00:00,A-{i % 3},{i},2.50" for i in range(1, 9))
        text = "\n".join(["order_id,order_ts,sku,qty,price", *lines])
        (tmp_path / "shop" / f"{name}.csv").write_text(text)
    found, _ = proposed(tmp_path / "shop")
    (tmp_path / "shop.yaml").write_text(as_yaml(found, tmp_path / "lake", "shop.yaml"))
    channels = load(str(tmp_path / "shop.yaml"))[0].channels
    assert {name: source.files for name, source in channels.items()} == feeds


def test_an_order_over_several_lines(tmp_path):
    source = proposed(shops.soap_maker(tmp_path / "shop"))[1]["channels"]["orders_export"]
    assert source["fill_down"]["key"] == "name"
    assert {"created_at", "currency", "billing_country"} <= set(source["fill_down"]["columns"])
    assert not {"email", "lineitem_sku", "lineitem_quantity", "lineitem_price"} & set(source["fill_down"]["columns"])
    columns = source["columns"]
    assert (columns["order_id"], columns["sku"], columns["description"]) == ("name", "lineitem_sku", "lineitem_name")
    assert columns["record_id"] == "'email:' || sha2(lower(nullif(trim(email), '')), 256)"


def test_events_with_nested_parameters(tmp_path):
    source = proposed(shops.visits(tmp_path / "shop"))[1]["channels"]["events"]
    columns = source["columns"]
    assert source["into"] == "silver.interactions"
    assert columns["event_ts"] == "timestamp_micros(cast(event_timestamp as bigint))"
    assert columns["query"] == "filter(event_params, p -> p.key = 'search_term')[0].value.string_value"
    assert (columns["sku"], columns["unit_price"]) == ("items[0].item_id", "items[0].price")
    assert "when 'begin_checkout' then 'checkout'" in columns["event_type"]


def test_the_file_is_what_run_takes_and_shows_nobody(tmp_path):
    found, tree = proposed(shops.grocer(tmp_path / "shop"))
    text = as_yaml(found, tmp_path / "lake", "shop.yaml")
    assert yaml.safe_load(text) == tree
    (tmp_path / "shop.yaml").write_text(text, "utf-8")
    loaded = load(str(tmp_path / "shop.yaml"))[0]
    assert (loaded.shop.country, set(loaded.sources)) == ("DE", {"bestellungen", "kunden"})
    assert 'Newsletter: "ja", "nein"' in text
    assert "juergen" not in text
    assert "4711001" not in text


@pytest.mark.parametrize(
    ("header", "rows", "where"),
    [
        ("order_id,order_date,sku,qty,price,country", ["1,03/04/2024,A-1,1,2.50,", "2,05/04/2024,B-1,2,3.50,"], "orders.order_date"),
        ("order_id,order_date,sku,qty,price", ["1,2024-04-03,A-1,1,\"2,500\"", "2,2024-04-05,B-1,2,\"3,250\""], "orders.unit_price"),
        ("order_id,order_date,sku,price", ["1,2024-04-03,A-1,2.50", "2,2024-04-05,B-1,3.50"], "orders.quantity"),
        ("order_id,order_date,sku,product_code,qty,price", ["1,2024-04-03,A-1,X1,1,2.50", "2,2024-04-05,B-1,X2,1,3.50"], "orders.sku"),
    ],
)  # fmt: skip
def test_what_the_values_leave_open_is_said(tmp_path, header, rows, where):
    (tmp_path / "orders.csv").write_text("\n".join([header, *rows]) + "\n")
    assert where in [place for place, _ in proposed(tmp_path)[0].unsure]


def test_french_and_spanish_names(tmp_path):
    for name, text in {
        "commandes.csv": "N° commande;Date commande;Code client;Référence;Désignation;Quantité;Prix unitaire\n"
        "C-1;05/03/2024 10:21;CL-7;TASSE-01;Tasse;2;1 234,50 €\nC-2;15/03/2024 11:00;CL-8;FROM-02;Comté;0,750 kg;24,90 €\n",
        "resenas.csv": "id;producto;estrellas;comentario;fecha\n"
        "1;TZ-1;5;Muy bonita taza, llegó enseguida y sin daños;05/03/2024\n2;TZ-2;2;No es como en la foto, pero sirve;25/03/2024\n",
    }.items():
        (tmp_path / name).write_text(text, "utf-8")
    tree = proposed(tmp_path)[1]
    orders, reviews = (tree["channels"][name]["columns"] for name in ("commandes", "resenas"))
    assert orders["quantity"] == "translate(trim(regexp_replace(`quantité`, '(kg)$', '')), ',.', '.,')"
    assert orders["unit_price"] == (
        "translate(regexp_replace(trim(replace(prix_unitaire, '€', '')), '(?<!^0)[ ](?=[0-9]{3}(?![0-9]))', ''), ',.', '.,')"
    )
    assert (reviews["sku"], reviews["rating"], reviews["text"]) == ("producto", "estrellas", "comentario")
    assert tree["shop"]["country"] == "FR"


def damaged(data: bytes, dice: random.Random) -> bytes:
    """The file with a few bytes changed, cut, doubled, or with something odd in between."""
    odd = [
        b'"',
        b"\n",
        b";",
        b"{",
        b"]",
        b"'",
        b"`",
        b"\0",
        b"\xff",
        b"1e400",
        b"NaN",
        b"\\ud800",
        b"9" * 400,
        b" : # ",
    ]
    for _ in range(dice.choice([1, 3, 20])):
        at = dice.randrange(len(data) + 1)
        middle = dice.choice([dice.choice(odd), dice.randbytes(1), data[max(0, at - 80) : at]])
        data = data[:at] + middle + data[at + dice.choice([0, 0, 1, 30]) :]
    return data[: dice.randrange(len(data))] if dice.random() < 0.1 else data


@pytest.mark.parametrize("name", ["grocer", "tea_house", "supermarket", "soap_maker", "visits"])
def test_damaged_files_are_read_as_far_as_they_go(tmp_path, name):
    dice = random.Random(name)
    whole, mapped = getattr(shops, name)(tmp_path / "whole"), 0
    for i in range(15):
        for file in (f for f in whole.rglob("*") if f.is_file()):
            copy = tmp_path / f"{i}" / file.relative_to(whole)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(damaged(file.read_bytes(), dice))
        found, tree = proposed(tmp_path / f"{i}")
        text = as_yaml(found, tmp_path / "lake", "shop.yaml").encode("utf-8")
        mapped += bool(found.plans)
        assert not found.plans or yaml.safe_load(text) == tree
    assert mapped


def test_ids_of_two_systems_have_two_names(tmp_path):
    (tmp_path / "orders.csv").write_text(
        "order_id,order_date,customer_id,sku,qty,price\n1,2024-04-03,17,A-1,1,2.50\n2,2024-04-03,18,A-1,1,2.50\n"
    )
    (tmp_path / "customers.csv").write_text("customer_id,first_name,last_name\nC-aa,Ann,Lee\nC-bb,Bob,Ray\n")
    found, tree = proposed(tmp_path)
    named = [tree["channels"][name]["columns"]["record_id"].split("'")[1] for name in ("orders", "customers")]
    assert len(set(named)) == 2
    assert any("share no value" in what for _, what in found.unsure)


def test_files_are_grouped_by_folder_and_by_stem(tmp_path):
    order, person = (
        "order_id,order_date,sku,qty,price\n1,2024-04-03,A-1,1,2.50\n",
        "customer_id,first_name,last_name\n1,Ann,Lee\n2,Bo,Ray\n",
    )
    for name, text in {
        "orders_2024-01.csv": order,
        "orders_2024-02.csv": order,
        "orders_web_1.csv": order,
        "people/2024/05/a.csv": person,
        "people/2024/06/a.csv": person,
        "notes.docx": "x",
        "late.csv.part": order,
        "empty.csv": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found, tree = proposed(tmp_path)
    assert {n: (s["path"], s.get("files", "*")) for n, s in tree["channels"].items()} == {
        "orders": (".", "orders_[0-9]*.csv"),
        "orders_web": (".", "orders_web*.csv"),
        "people": ("people", "*"),
    }
    assert found.left.keys() == {"notes.docx", "empty.csv"}
