"""The pieces around the network: the split by text, the sample, the label words, the figures."""

from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from onecart.voice.sentiment.baseline import places
from onecart.voice.sentiment.evaluation import held_out, metrics
from onecart.voice.sentiment.params import Params
from onecart.voice.sentiment.training import sampled
from onecart.voice.text.tokenizer import LABEL, TERMS, TEXT, WORDS
from onecart.voice.text.vectors import with_label_words


def test_equal_texts_are_on_the_same_side_and_about_the_share_is_held_out(spark: Any) -> None:
    rows = spark.range(2000).select(F.expr("concat('Item ', id, ' broke!')").alias("a"))
    rows = rows.withColumn("b", F.expr("concat('  ', upper(replace(a, '!', ' ...')))"))
    sides = rows.select(*[held_out(F.col(c), share=0.25, seed=7).alias(c) for c in ("a", "b")])
    found = sides.agg(F.avg(F.col("a").cast("int")), F.count_if(F.col("a") != F.col("b"))).first()
    assert found[1] == 0
    assert found[0] == pytest.approx(0.25, abs=0.03)


def test_another_seed_holds_out_other_texts(spark: Any) -> None:
    rows = spark.range(100).select(F.col("id").cast("string").alias("a"))
    same = rows.where(held_out(F.col("a"), share=0.5, seed=1) == held_out(F.col("a"), share=0.5, seed=2)).count()
    assert 25 < same < 75


@pytest.mark.parametrize(
    ("params", "zeros", "ones", "unlabelled"),
    [
        ({}, (300, 300), (250, 350), (50, 50)),  # the 100 rows of label 1 about three times each
        ({"balance": False}, (300, 300), (100, 100), (50, 50)),
        ({"max_rows": 100}, (30, 70), (30, 70), (50, 50)),
    ],
)
def test_the_sample_is_balanced_and_bounded(
    spark: Any, params: dict, zeros: tuple, ones: tuple, unlabelled: tuple
) -> None:
    code = F.expr("CASE WHEN id < 300 THEN '0' WHEN id < 400 THEN '1' END")
    rows = spark.range(450).select(code.alias("label"), code.alias(LABEL), F.expr("concat('text ', id)").alias(TEXT))
    sample = sampled(rows, counts={"0": (300, 0), "1": (100, 0), None: (50, 0)}, p=Params(**params))
    found = {r[LABEL]: r["count"] for r in sample.groupBy(LABEL).count().collect()}
    for label, (low, high) in (("0", zeros), ("1", ones), (None, unlabelled)):
        assert low <= found[label] <= high


def test_the_sample_has_one_order_however_the_rows_lie(spark: Any) -> None:
    rows = spark.range(40).select(
        F.expr("if(id % 2 = 0, '0', '1')").alias("label"), F.expr("concat('text ', id)").alias(TEXT)
    )
    rows = rows.withColumn(LABEL, F.col("label"))
    counts: Any = {"0": (20, 0), "1": (20, 0)}
    a, b = (sampled(r, counts=counts, p=Params()).collect() for r in (rows, rows.orderBy(F.desc(TEXT)).repartition(3)))
    assert a == b


def test_label_words_stand_after_the_first_and_every_third_word(spark: Any) -> None:
    schema = f"{LABEL} STRING, {WORDS} ARRAY<STRUCT<result: STRING>>"

    def words(*found: str) -> list[tuple[str]]:
        return [(word,) for word in found]

    frame = spark.createDataFrame([("1", words("a", "b", "c", "d")), (None, words("a", "b"))], schema)
    expected = [("1", words("a", "_1", "b", "c", "d", "_1")), (None, words("a", "b"))]
    assert_df_equality(frame.transform(with_label_words), spark.createDataFrame(expected, schema), ignore_nullable=True)


def test_metrics_agree_with_counting_row_by_row() -> None:
    table = [("0", "0", 3), ("0", "1", 2), ("1", "1", 4), ("1", "0", 1), ("1", None, 2)]
    rows = [(true, answer) for true, answer, n in table for _ in range(n)]
    f1 = []
    for label in ("0", "1"):
        precision = sum(t == a == label for t, a in rows) / sum(a == label for _, a in rows)
        recall = sum(t == a == label for t, a in rows) / sum(t == label for t, _ in rows)
        f1.append(2 * precision * recall / (precision + recall))
    assert metrics(table) == pytest.approx({"accuracy": 7 / 12, "macro_f1": sum(f1) / 2})


def test_a_label_that_is_never_answered_has_no_f1() -> None:
    assert metrics([("0", "0", 3), ("1", "0", 1)]) == pytest.approx({"accuracy": 0.75, "macro_f1": (6 / 7) / 2})


@pytest.mark.parametrize(("terms", "found"), [(3, 1 << 14), (10_000, 1 << 15), (2_000_000, 1 << 20)])
def test_places_of_terms_are_at_least_twice_as_many_within_bounds(spark: Any, terms: int, found: int) -> None:
    rows = spark.range(200).select(
        F.transform(
            F.sequence(F.lit(0), F.lit(max(0, terms // 200 - 1))), lambda i: F.concat("id", F.lit(" "), i)
        ).alias(TERMS)
    )
    assert places(rows) == found
