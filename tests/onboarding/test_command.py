"""`onecart init` at the terminal; Spark stays away: --no-check."""

import json

import pytest

from onecart.cli import main

ORDERS = "order_id,order_date,sku,qty,price\n1,03/04/2024,A-1,1,2.50\n2,05/04/2024,B-1,2,3.50\n"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder `shop` of one file, seen from the folder above it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "orders.csv").write_text(ORDERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_edited_file_is_not_written_over(shop, capsys):
    assert main(["init", "shop", "--yes", "--no-check"]) == 0
    (shop / "shop.yaml").write_text("# mine\n")
    assert main(["init", "shop", "--yes", "--no-check"]) == 2
    assert "shop.yaml is there already" in capsys.readouterr().err
    assert (shop / "shop.yaml").read_text() == "# mine\n"
    assert main(["init", "shop", "--yes", "--no-check", "--force"]) == 0
    assert "silver.orders" in (shop / "shop.yaml").read_text()


def test_json_says_what_a_machine_wants_to_know(shop, capsys):
    assert main(["init", "shop", "--json", "--no-check", "--out", "x.yaml", "--lake", "my-lake"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["file"], said["settings"]["lake"]["root"]) == ("x.yaml", str(shop / "my-lake"))
    column = said["feeds"]["orders"]["columns"]["quantity"]
    assert (column["expression"], column["examples"], column["confidence"]) == ("qty", ["1", "2"], 0.99)
    assert {"where": "orders.order_date", "what": "03/04/2024: which is the day?: took d/M/yyyy; or M/d/yyyy"} in said[
        "unsure"
    ]


def test_answers_decide(shop, monkeypatch, capsys):
    answers = iter(["\n", "3\n", "2\n", "x\n", "2\n", "2\n"])
    # no country; pounds; which is the day: the second; a store; all may be profiled
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdin.readline", lambda: next(answers, "\n"))
    assert main(["init", "shop", "--no-check"]) == 0
    assert "orders.order_date: 03/04/2024: which is the day?" in capsys.readouterr().err
    text = (shop / "shop.yaml").read_text()
    assert "to_timestamp(order_date, 'M/d/yyyy')" in text
    assert "channels: { store: store }" in text
    assert "currency: GBP" in text
    assert "privacy: { presumed_consent: [profiling] }" in text


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["init", "nowhere"], "no folder"),
        (["init", "empty"], "can be mapped to a silver table (it holds none)"),
    ],
)
def test_a_folder_without_a_feed_is_one_sentence(shop, capsys, argv, sentence):
    (shop / "empty").mkdir()
    assert main([*argv, "--yes", "--no-check"]) in (2, 3)
    assert sentence in capsys.readouterr().err
    assert not list(shop.glob("*.yaml"))
