"""Odd file names: each file is read once, by its own name, and none in place of another."""

import logging
from pathlib import Path

import pytest

from onecart.channels import job as ingest
from onecart.channels.landing import LandingFile, list_files, unread
from onecart.config import load
from onecart.errors import OneCartError
from onecart.lake.files import by_name, read_files

pytestmark = pytest.mark.job
# Each pattern stands beside a file that it would match.
NAMES = [
    *("r[1].json", "r1.json", "o*.csv", "ox.csv", "q?.csv", "a{b,c}.csv", "ab.csv", "a\\b.csv", "[.json", "a^b$.csv"),
    *(
        "a:b.csv",
        "2011-12-01T10:30:00.json",
        "a:[b].csv",
        "a:b*",
        "day:1/w[1]/i.csv",
        "day:1/w1/i.csv",
        "a,b#c%41+d é.csv",
        "día=1/x.csv",
    ),
]
POSTS = "social/posts"


def put(root: Path, *names: str) -> None:
    """Files of one line each, which says whose it is."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{name}\n")


@pytest.fixture
def shop(context, tmp_path):
    """`shop("landing (eu)")` -> the job's context, whose landing zone is this folder and whose only feed is social posts."""
    off = {name: None for name in load("local")[0].channels if name != "social_posts"}
    return lambda folder: context(landing=str(tmp_path / folder), channels=off)


def in_bronze(lake) -> list[tuple[str, str]]:
    rows = lake.read("bronze.social_posts").select("source_file", "payload").collect()
    return sorted((r.source_file.removeprefix(f"{POSTS}/"), r.payload) for r in rows)


@pytest.mark.parametrize("folder", ["landing", "landing (eu)", "land[in]g {a,b}*", "land.ng+"])
def test_each_file_is_read_once_by_its_own_name(shop, lake, folder):
    ctx = shop(folder)
    nested = ["eu/landing/d.json", "us/landing/d.json", f"x/{folder}/d.json", "landing/landing/d.json"]
    names = sorted({*NAMES, *nested})
    put(Path(ctx.settings.landing_root, POSTS), *names)
    assert ingest.run(ctx).rows_out == len(names)
    assert in_bronze(lake) == [(name, name) for name in names]
    assert ingest.run(ctx).rows_out == 0
    put(Path(ctx.settings.landing_root, POSTS), "r[2].json", "r:[2].json", "de/landing/d.json")
    assert ingest.run(ctx).rows_out == 3
    assert ingest.run(ctx).rows_out == 0


def test_a_landing_zone_may_be_given_by_a_way_about(shop, lake, tmp_path):
    put(tmp_path / "landing" / POSTS, "a.json")
    ctx = shop("x//../landing/")
    assert (ingest.run(ctx).rows_out, ingest.run(ctx).rows_out) == (1, 0)
    assert in_bronze(lake) == [("a.json", "a.json")]


def test_what_is_still_arriving_waits(spark, tmp_path):
    arriving = [
        "a.json.tmp",
        "b.part",
        "C.TMP",
        "d.csv.filepart",
        "e.json._COPYING_",
        "f.partial",
        ".g.json",
        "_h/i.json",
    ]
    put(tmp_path, "a.json", "tmp/b.json", "part.json", "my.part/c.json", *arriving)
    found = [file.path.removeprefix(f"file:{tmp_path}/") for file in list_files(spark, str(tmp_path))]
    assert found == ["a.json", "my.part/c.json", "part.json", "tmp/b.json"]
    (tmp_path / "a.json.tmp").rename(tmp_path / "z.json")
    assert list_files(spark, str(tmp_path))[-1].path == f"file:{tmp_path}/z.json"


@pytest.mark.parametrize(
    ("name", "line"),
    [("missing[1].json", "cannot read .*missing.*1"), ("_hidden.json", "does not read .*/_hidden.json;")],
)
def test_a_file_that_is_not_read_is_named(spark, tmp_path, name, line):
    put(tmp_path, "missing1.json", "_hidden.json")
    with pytest.raises(OneCartError, match=line):
        read_files(spark, [f"{tmp_path}/missing1.json", f"{tmp_path}/{name}"], "text", ["value"])


def test_what_nobody_asked_for_is_an_error(spark, tmp_path, monkeypatch):
    put(tmp_path, "ox.csv", "o*.csv", "oy.csv")
    monkeypatch.setattr("onecart.lake.files.literal", lambda path: path)
    with pytest.raises(OneCartError, match=r"would read .*/ox.csv and 1 other files in place of .*/o\*.csv"):
        read_files(spark, [f"{tmp_path}/o*.csv"], "text", ["value"])


def test_older_lakes_are_not_read_again(caplog):
    root, files = "/x/landing", ["file:/x/landing/eu/landing/d.json", "file:/x/landing/eu/e.json"]

    def new(paths: list[str], *names: str) -> list[str]:
        listed = [LandingFile(path, 1, 1) for path in paths]
        found, changed = unread(listed, dict.fromkeys(names), load("local")[0].sources["social_posts"], root)
        assert changed == []
        return [file.path for file in found]

    assert new(files, "d.json", "eu/e.json") == []
    assert new(files, "file:///x/landing/eu/landing/d.json") == files[1:]  # of a root such as `landing (eu)`
    assert not caplog.records
    both = [*files, "file:/x/landing/us/landing/d.json"]
    with caplog.at_level(logging.WARNING):
        assert new(both, "d.json") == files[1:2]
    assert both[0] in caplog.text
    assert both[2] in caplog.text
    # A name that a file has now is its own.
    own = ["file:/x/landing/eu/d.json", "file:/x/landing/eu/landing/eu/d.json"]
    assert new(own, "eu/d.json") == own[1:]
    assert by_name(own, root)["eu/d.json"] == own[:1]


def test_feeds_share_a_folder_by_the_names_of_their_files(context, lake, tmp_path):
    put(tmp_path, "orders_1.csv", "orders_2.csv", "old/orders_[3].csv", "people.csv", "x[1].csv", "x1.csv")
    feeds = {"orders": "orders_*.csv", "people": "people*", "x": "x[[]1].csv"}
    source = {"path": ".", "format": "json", "into": "silver.reviews", "columns": {"review_id": "id"}}
    off = dict.fromkeys(load("local")[0].channels)
    own = {name: {**source, "files": files} for name, files in feeds.items()}
    assert ingest.run(context(landing=str(tmp_path), channels={**off, **own})).rows_out == 5
    assert [r.source_file for r in lake.read("bronze.x").collect()] == ["x[1].csv"]
