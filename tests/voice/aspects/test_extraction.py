"""`voice.aspects` and `voice.mine_terms` on frames as strangers bring them."""

from typing import Any

import pytest
from chispa import assert_df_equality

from onecart.errors import UsageError
from onecart.voice import aspects, mine_terms


def test_rows_of_a_frame_with_ids_products_and_odd_texts(spark: Any) -> None:
    rows = [(7, "s1", "😀😀 Great sound, awful battery"), (8, "s2", None), (9, None, ""), (7, "s3", "great sound")]
    found = aspects(spark.createDataFrame(rows, "review_id INT, sku STRING, text STRING"))
    assert found.columns == ["review_id", "aspect", "polarity", "evidence", "start", "end", "term", "score", "sku"]
    assert dict(found.dtypes)["review_id"] == "int"
    assert sorted((r.review_id, r.sku, r.aspect, r.polarity, r.evidence, r.start) for r in found.collect()) == [
        (7, "s1", "battery", "negative", "awful battery", 16),
        (7, "s1", "sound", "positive", "Great sound", 3),
        (7, "s3", "sound", "positive", "great sound", 0),
    ]


def test_a_stream_is_read_as_a_frame_is(spark: Any, tmp_path: Any) -> None:
    rows = spark.createDataFrame([("a", "good sound, bad battery"), ("b", None)], "review_id STRING, text STRING")
    rows.coalesce(1).write.parquet(str(tmp_path / "in"))
    stream = aspects(spark.readStream.schema(rows.schema).parquet(str(tmp_path / "in")))
    query = stream.writeStream.format("parquet").option("checkpointLocation", str(tmp_path / "check"))
    query.trigger(availableNow=True).start(str(tmp_path / "out")).awaitTermination()
    found = spark.read.parquet(str(tmp_path / "out")).orderBy("start")
    assert [r.aspect for r in found.collect()] == ["sound", "battery"]
    assert_df_equality(found, aspects(rows).orderBy("start"), ignore_nullable=True)


def test_evidence_is_the_slice_of_the_text(spark: Any) -> None:
    texts = ["Ünïcode 🎧 sound’s great…", "the box\narrived crushed; refund?\tOK", "A" * 5000 + " bad sound"]
    frame = spark.createDataFrame([*zip("abc", texts, strict=True)], "review_id STRING, text STRING")
    rows = aspects(frame).collect()
    assert len(rows) >= 3
    by_id = dict(zip("abc", texts, strict=True))
    assert all(by_id[r.review_id][r.start : r.end] == r.evidence for r in rows)


def test_without_ids_equal_texts_share_one(spark: Any) -> None:
    frame = spark.createDataFrame([("good sound",), ("good sound",), ("bad sound",)], "text STRING")
    ids = [r.review_id for r in aspects(frame).collect()]
    assert len(ids) == 3
    assert len(set(ids)) == 2


def test_frames_without_rows_or_with_nulls_only_give_none(spark: Any) -> None:
    assert aspects(spark.createDataFrame([], "text STRING")).count() == 0
    assert aspects(spark.createDataFrame([(None,), (None,)], "text STRING")).count() == 0


@pytest.mark.parametrize(
    ("schema", "terms", "says"),
    [
        ("body STRING", None, "no column 'text'"),
        ("text INT", None, "the frame: column 'text' must hold text, found int"),
        ("text STRING", {"": "x"}, "must map words to the aspect"),
        ("text STRING", {"dial": 3}, "must map words to the aspect"),
    ],
)
def test_what_cannot_be_read_says_why(spark: Any, schema: str, terms: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        aspects(spark.createDataFrame([], schema), terms=terms)


def test_terms_are_mined_where_opinions_are(spark: Any) -> None:
    rows = [(f"the jog dial is {word}",) for word in ("great", "awful", "lovely", "poor")] * 3
    rows += [(f"we went to the {place} in June",) for place in ("museum", "harbour")] * 12
    rows += [("the brass knob is great",), ("the brass knob is poor",)] * 2
    frame = spark.createDataFrame(rows, "text STRING")
    found = mine_terms(frame).collect()
    assert [(r.term, r.aspect, r.mentions, r.beside_opinion) for r in found] == [("jog dial", "jog dial", 12, 12)]
    assert found[0].g2 > 2.71
    catalogue = spark.createDataFrame([("BRASS KNOB, 4CM",), (None,)], "description STRING")
    assert [r.term for r in mine_terms(frame, catalogue).collect()] == [
        "jog dial",
        "brass knob",
    ]  # half as often will do
    terms = {r.term: r.aspect for r in found}
    assert [r.aspect for r in aspects(frame.limit(1), terms=terms).collect()] == ["jog dial"]


def test_mining_needs_texts_and_descriptions(spark: Any) -> None:
    with pytest.raises(UsageError, match="no column 'text'"):
        mine_terms(spark.createDataFrame([], "body STRING"))
    with pytest.raises(UsageError, match="no column 'description'"):
        mine_terms(spark.createDataFrame([], "text STRING"), spark.createDataFrame([], "sku STRING"))
    assert mine_terms(spark.createDataFrame([], "text STRING")).count() == 0
