"""Landing files -> bronze: every line once, in order, with its header and place."""

from pathlib import Path

import pytest
from pyspark.sql import functions as F

from onecart.channels import job as ingest
from onecart.config import Settings, load
from onecart.errors import OneCartError
from onecart.lake.files import relative, relative_path

pytestmark = pytest.mark.job


def only(*names: str) -> dict[str, None]:
    """Switches every other feed off."""
    return {n: None for n in load("local")[0].channels if n not in names}


def put(root: str, path: str, text: str) -> None:
    file = Path(root) / "landing" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def ctx(context, lake):
    put(
        lake.root,
        "store/cards/a b+c.csv",
        "Card No;Name;Phone;E-mail;Postcode;Issued;Origin\n1;A;;;;;real\n\n2;B;;;;;real\n",
    )
    return context(channels=only("store_cards"))


def test_each_line_with_its_header_and_number(ctx, lake):
    result = ingest.run(ctx)
    rows = lake.read("bronze.store_cards").orderBy("line_no").collect()
    assert [(r.payload, r.line_no, r.source_file) for r in rows] == [
        ("1;A;;;;;real", 2, "store/cards/a b+c.csv"),
        ("2;B;;;;;real", 4, "store/cards/a b+c.csv"),
    ]
    assert {r.header for r in rows} == {"Card No;Name;Phone;E-mail;Postcode;Issued;Origin"}
    assert (result.rows_in, result.rows_out) == (2, 2)


def test_a_file_is_read_once_and_a_new_one_is_added(ctx, lake):
    ingest.run(ctx)
    assert ingest.run(ctx).rows_out == 0
    put(lake.root, "store/cards/b.csv", "Card No;Name;Phone;E-mail;Postcode;Issued;Origin\n3;C;;;;;real\n")
    assert ingest.run(ctx).rows_out == 1
    assert lake.read("bronze.store_cards").count() == 3


def test_a_missing_feed_is_named(context, lake):
    with pytest.raises(OneCartError, match=r"landing/reviews/reviews \(channels.reviews\).*channels.NAME=null"):
        ingest.run(context(channels=only("reviews")))


def test_relative_path_is_the_same_on_driver_and_executors(spark):
    file = "/x y/landing/web/a%b+c.json"
    encoded = "file:///x%20y/landing/web/a%25b+c.json"
    found = spark.createDataFrame([(encoded,)], "f string").select(relative_path(F.col("f"), "/x y/landing"))
    assert found.first()[0] == relative(file, "/x y/landing") == "web/a%b+c.json"


def test_settings_can_switch_a_feed_off():
    assert "reviews" not in Settings.model_validate({"channels": {"reviews": None}}).sources
