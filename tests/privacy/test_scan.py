"""The certificate's scan looks into what is packed, nested, named or hidden."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onecart.lake.files import listed
from onecart.privacy.matcher import Matcher
from onecart.privacy.scan import _CHUNK, scan

MATCHER = Matcher([("email", "ann@x.example"), ("card", "6375826745084914"), ("name", "ann lee")])


@pytest.fixture
def folder(tmp_path):
    """File -> what is to be found in it."""
    root = tmp_path / "lake"
    (root / "_delta_log").mkdir(parents=True)
    words = [f"word{i}" for i in range(2000)]
    pq.write_table(pa.table({"e": [*words, "ann@x.example"]}), root / "text.parquet", compression="gzip")
    pq.write_table(pa.table({"given": ["Ann"], "n": [1], "family": ["Lee"]}), root / "names.parquet")
    pq.write_table(pa.table({"l": [[{"a": "ann@x.example"}]]}), root / "nested.parquet")
    pq.write_table(
        pa.table({"m": pa.array([[("k", "ann@x.example")]], pa.map_(pa.string(), pa.string()))}), root / "map.parquet"
    )
    pq.write_table(pa.table({"d": pa.array(["ann@x.example", "b"]).dictionary_encode()}), root / "dictionary.parquet")
    pq.write_table(pa.table({"card": [6375826745084914]}), root / "number.parquet")
    (root / "a.json.gz").write_bytes(gzip.compress(b'{"e":"ann@x.example"}'))
    (root / "_delta_log" / "_last_checkpoint").write_text('{"min":"ann@x.example"}')
    (root / "border.bin").write_bytes(b"\0" * (_CHUNK - 5) + b" ann@x.example")
    (root / "6375826745084914.txt").write_text("named")
    (root / "broken.parquet").write_bytes(b"PAR1 and nothing else")
    (root / "clean.csv").write_text("joann@x.example\n")
    pq.write_table(pa.table({"e": words}), root / "clean.parquet")
    return root


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_finds_each_and_only_those(spark, folder, scheme):
    root = f"{scheme}{folder}"
    found = {f.path.rsplit("/", 1)[-1]: f for f in scan(spark, listed(spark, root), MATCHER, root)}
    assert {name: f.kinds for name, f in found.items()} == {
        "text.parquet": ("email",),
        "names.parquet": ("name",),
        "nested.parquet": ("email",),
        "map.parquet": ("email",),
        "dictionary.parquet": ("email",),
        "number.parquet": ("card",),
        "a.json.gz": ("email",),
        "_last_checkpoint": ("email",),
        "border.bin": ("email",),
        "6375826745084914.txt": ("card",),
        "broken.parquet": (),
    }
    assert found["broken.parquet"].unreadable
    assert found["6375826745084914.txt"].named


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_name_that_would_be_a_pattern_hides_nothing(spark, tmp_path, scheme):
    names = [
        "a[1].csv",
        "o*.csv",
        "a{b,c}.csv",
        "a\\b.csv",
        "a:b.csv",
        "t:[1].csv",
        "w[1]/x.csv",
        "c._COPYING_",
        "q?.gz",
    ]
    root = tmp_path / "lake [eu]"
    (root / "w[1]").mkdir(parents=True)
    for name in names:
        text = b"mail ann@x.example\n"
        (root / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    for clean in ("a1.csv", "ox.csv", "ab.csv", "t:1.csv"):
        (root / clean).write_text("nobody\n")
    found = scan(spark, listed(spark, f"{scheme}{root}"), MATCHER, f"{scheme}{root}")
    assert [(f.path.split("lake [eu]/")[1], f.kinds) for f in found] == [(name, ("email",)) for name in sorted(names)]
