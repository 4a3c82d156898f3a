"""Awkward texts: what is read of them, and what is said where nothing can be."""

from typing import Any

import pytest
from pyspark.sql import functions as F

from onecart.stats.top_label_calibration import expected_error, fitted, identity
from onecart.voice.text.cleaning import cleaned, spaced
from onecart.voice.text.languages import language_of


def read(spark: Any, *texts: str | None, max_chars: int = 10_000) -> list[str | None]:
    frame = spark.createDataFrame([(i, t) for i, t in enumerate(texts)], "id INT, text STRING")
    rows = frame.select("id", cleaned(F.col("text"), max_chars=max_chars).alias("t")).orderBy("id").collect()
    return [r["t"] if r["t"] is None else " ".join(r["t"].split()) for r in rows]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<p>Very <b>good</b><br/>mug</p>", "Very good mug"),
        ("<script>var bad = 1;</script>good <!-- bad --> mug", "good mug"),
        ("see https://example.org/bad?x=1 or mail bad@example.org now", "see or mail now"),
        ("fish &amp; chips &lt;3 it", "fish & chips love it"),
        ("I \N{HEAVY BLACK HEART} it \N{THUMBS UP SIGN}", "I love it great"),
        ("broken \N{POUTING FACE}\N{CRYING FACE}", "broken angry sad"),
        ("nice :-) but late :(", "nice happy but late sad"),
        ("at 10:30 a/b, size 3 < 4 > 2", "at 10:30 a/b, size 3 < 4 > 2"),
        ("sooooo goooood", "soo good"),
        ("don’t", "don't"),
        ("WWW.example.org good", "good"),
        ("late T_T", "late sad"),
        ("cute ^_^ or =)", "cute happy or happy"),
        ("", ""),
        (None, None),
    ],
)
def test_what_is_left_of_a_text(spark: Any, text: str | None, left: str | None) -> None:
    assert read(spark, text) == [left]


def test_a_megabyte_is_cut_and_a_page_of_open_tags_ends(spark: Any) -> None:
    assert [len(t or "") for t in read(spark, "word " * 200_000, "<a " * 400_000, max_chars=1000)] == [999, 1000]


def test_characters_without_spaces_become_words(spark: Any) -> None:
    found = spark.createDataFrame([("质量very好",)], "t STRING").select(spaced(F.col("t"))).first()[0]
    assert found.split() == ["质", "量", "very", "好"]


def test_a_language_is_told_by_its_letters_and_shared_letters_by_their_use(spark: Any) -> None:
    pytest.importorskip("py3langid")
    texts = {
        "这个iPhone很好用": "zh",
        "とても良い商品です": "ja",
        "очень хорошо": "ru",
        "The mug arrived broken and nobody answers": "en",
        "Die Tasse kam zerbrochen an und niemand antwortet": "de",
        "12 !!": None,
        "πολύ καλό": None,
    }
    frame = spark.createDataFrame([(t,) for t in texts], "text STRING")
    found = frame.select("text", language_of(F.col("text"), ("en", "de", "zh", "ja", "ru"))).collect()
    assert {r[0]: r[1] for r in found} == texts


def test_calibration_lowers_what_is_too_sure_and_knows_each_label() -> None:
    import numpy as np

    rng = np.random.default_rng(7)
    answer = rng.integers(0, 2, 4000)
    right = rng.uniform(size=4000) < np.where(answer == 0, 0.9, 0.7)
    found = fitted(np.full(4000, 0.95), answer, right, labels=2)
    odds = found.slope * np.log(0.95 / 0.05) + np.array(found.shifts)
    assert 1 / (1 + np.exp(-odds)) == pytest.approx([0.9, 0.7], abs=0.03)


def test_calibration_of_two_texts_stays_near_the_head_s_own() -> None:
    import numpy as np

    found = fitted(np.array([0.8, 0.8]), np.array([0, 1]), np.array([True, False]), labels=2)
    assert found.slope == pytest.approx(1, abs=0.5)
    assert found.shifts == pytest.approx(identity(2).shifts, abs=0.5)


def test_expected_error_agrees_with_its_definition() -> None:
    bins = [(10, 9, 8.0), (30, 15, 18.0)]
    assert expected_error(bins) == pytest.approx(10 / 40 * abs(0.9 - 0.8) + 30 / 40 * abs(0.5 - 0.6))
    assert expected_error([]) == 0.0


@pytest.mark.parametrize("text", ["x@b" + ".b" * 5000, "<script " * 5000, "<!-- " * 5000, "a" * 40_000])
def test_a_hostile_text_ends(spark: Any, text: str) -> None:
    assert len(read(spark, text, "good", max_chars=100_000)) == 2


def test_what_nothing_closes_goes_to_the_end_but_a_word_in_angles_does_not(spark: Any) -> None:
    texts = ("good <!-- bad", "good <script>bad", "a <style of its own")
    assert read(spark, *texts) == ["good", "good", "a <style of its own"]
