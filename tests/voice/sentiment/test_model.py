"""Training on sixty plain sentences, with whole-number labels, and what the model then does with any frame."""

from itertools import product
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.ml import PipelineModel
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.linalg import Vectors
from pyspark.sql import functions as F

from onecart.errors import DataError, UsageError
from onecart.voice import SentimentModel, train_sentiment
from onecart.voice.sentiment import classifiers

pytestmark = pytest.mark.nlp

GOOD, BAD = ("great", "lovely", "perfect", "superb", "excellent"), ("awful", "broken", "horrible", "useless", "rubbish")
THINGS = ("mug", "lamp", "clock", "box", "tray", "bag")
ROWS = [
    *[(f"a {word} {thing}, truly {word}", 1) for word, thing in product(GOOD, THINGS)],
    *[(f"a {word} {thing}, truly {word}", 0) for word, thing in product(BAD, THINGS)],
]


@pytest.fixture(scope="module")
def model(spark_session: Any) -> SentimentModel:
    frame = spark_session.createDataFrame(ROWS, "text STRING, label INT")
    return train_sentiment(frame, min_rows=20)


def answers(model: SentimentModel, frame: Any) -> list[str | None]:
    return [row["sentiment"] for row in model.score(frame).orderBy("id").collect()]


def test_an_unseen_pair_is_told_apart_and_labels_come_back_as_strings(spark: Any, model: SentimentModel) -> None:
    unseen = [(1, "lovely and superb, an excellent plate"), (2, "horrible and useless, a broken plate")]
    assert answers(model, spark.createDataFrame(unseen, "id INT, text STRING")) == ["1", "0"]


def test_every_row_and_column_is_kept_also_without_text(spark: Any, model: SentimentModel) -> None:
    rows = [(1, "great", "old", 9.0), (2, None, "old", 9.0), (3, "", "old", 9.0), (4, " -- ", "old", 9.0)]
    frame = spark.createDataFrame(rows, "id INT, text STRING, sentiment STRING, `a.b` DOUBLE")
    expected = [(1, "great", 9.0, "1", None), (2, None, 9.0, None, "no text")]
    expected += [(3, "", 9.0, None, "no text"), (4, " -- ", 9.0, None, "no words")]
    scored = model.score(frame)
    assert [row["confidence"] is None for row in scored.orderBy("id").collect()] == [False, True, True, True]
    assert_df_equality(
        scored.drop("confidence").orderBy("id"),
        spark.createDataFrame(expected, "id INT, text STRING, `a.b` DOUBLE, sentiment STRING, reason STRING"),
        ignore_nullable=True,
    )


def test_hostile_texts_of_100000_characters_are_scored_as_far_as_they_are_read(
    spark: Any, model: SentimentModel
) -> None:
    units = ("x@b.b.b", "a", "n't ", "'", "not ", "<script ", "great")
    rows = [(i, (unit * 100_000)[:100_000]) for i, unit in enumerate(units)]
    scored = model.score(spark.createDataFrame(rows, "id INT, text STRING")).collect()
    assert {row["reason"] for row in scored} <= {"cut at 10,000 characters", "no words"}
    assert len(scored) == len(units)


def test_thresholds_move_the_line_and_leave_probabilities(spark: Any) -> None:
    rows = [(Vectors.dense([float(i % 2)]), float(i % 2)) for i in range(20)]
    frame = spark.createDataFrame(rows, ["features", "label"])
    found = LogisticRegression(regParam=0.5, probabilityCol=classifiers.CHANCES).fit(frame)
    plain = [
        r[0] for r in classifiers.chances(frame, PipelineModel([found]), labels=2).select(classifiers.CHANCES).collect()
    ]
    drawn = found.copy().setThresholds([0.2, 0.8])
    moved = [
        r[0] for r in classifiers.chances(frame, PipelineModel([drawn]), labels=2).select(classifiers.CHANCES).collect()
    ]
    for (a, b), after in zip(plain, moved, strict=True):
        assert after == pytest.approx([a / 0.2 / (a / 0.2 + b / 0.8), b / 0.8 / (a / 0.2 + b / 0.8)])


def test_confidence_is_the_winner_s_probability(spark: Any, model: SentimentModel) -> None:
    row = model.score(spark.createDataFrame([("a great mug",), ("an awful mug",), ("mug",)], "text STRING"))
    assert row.where("confidence < 0.5 OR confidence > 1 OR confidence IS NULL").count() == 0


def test_metrics_cover_the_held_out_rows_and_the_baseline(model: SentimentModel) -> None:
    assert set(model.metrics) == {
        "accuracy",
        "macro_f1",
        "ece",
        "n",
        "majority_accuracy",
        "baseline_accuracy",
        "baseline_macro_f1",
    }
    assert 5 <= model.metrics["n"] <= 25
    assert model.metrics["accuracy"] == 1.0
    assert model.metrics["baseline_accuracy"] == 1.0
    assert model.metrics["majority_accuracy"] < 1.0


def test_a_saved_model_answers_the_same(spark: Any, model: SentimentModel, tmp_path: Any) -> None:
    frame = spark.createDataFrame([("a great mug, truly",), ("an awful mug, truly",)], "text STRING")
    model.save(str(tmp_path / "a model"))
    loaded = SentimentModel.load(str(tmp_path / "a model"))
    assert_df_equality(loaded.score(frame), model.score(frame))
    assert (loaded.labels, loaded.metrics) == (model.labels, model.metrics)


@pytest.mark.parametrize(
    ("labels", "params", "error", "says"),
    [
        ("CAST(id AS INT) % 2", {"epoch": 3}, UsageError, "no parameter 'epoch'; did you mean 'epochs'?"),
        ("CAST(id AS INT) % 2", {"epochs": 0}, UsageError, "epochs=0: input should be greater than or equal to 1"),
        ("CAST(id AS INT) % 2", {"min_rows": 100}, DataError, "60 labelled rows with text; min_rows is 100"),
        ("CAST(id AS INT) % 4", {}, DataError, "needs two or three labels; column 'label' has '0', '1', '2', '3'"),
        ("if(id % 2 = 0, 'good', null)", {}, DataError, "needs two or three labels; column 'label' has 'good'"),
        ("if(id = 0, 'good', 'bad')", {"min_rows": 20}, DataError, "label 'good' 1 rows are left to learn from and 0"),
        ("array(id)", {}, UsageError, "column 'label' must hold text, numbers, or true or false, found array<bigint>"),
    ],
)
def test_what_cannot_be_trained_says_why(spark: Any, labels: str, params: dict, error: type, says: str) -> None:
    frame = spark.range(60).select(F.expr("concat('text ', id)").alias("text"), F.expr(labels).alias("label"))
    with pytest.raises(error) as e:
        train_sentiment(frame, **params)
    assert says in str(e.value)


def test_a_frame_without_text_names_the_nearest_column(spark: Any, model: SentimentModel) -> None:
    with pytest.raises(UsageError, match="no column 'text'; did you mean 'Text'"):
        model.score(spark.createDataFrame([("a",)], "Text STRING"))


def test_long_repeated_and_marked_up_texts(spark: Any, model: SentimentModel) -> None:
    long = "a great mug, truly great " * 41_000  # a megabyte
    rows = [(1, long), (2, "<p>an awful <b>mug</b></p>"), (3, "an awful mug"), (4, "an awful mug"), (5, "<br/>")]
    found = model.score(spark.createDataFrame(rows, "id INT, text STRING")).orderBy("id").collect()
    assert [r["sentiment"] for r in found] == ["1", "0", "0", "0", None]
    assert [r["reason"] for r in found] == ["cut at 10,000 characters", None, None, None, "no words"]
    assert found[2]["confidence"] == found[3]["confidence"]


def test_a_stream_is_scored_as_a_frame_is(spark: Any, model: SentimentModel, tmp_path: Any) -> None:
    rows = spark.createDataFrame([(1, "a great mug"), (2, "an awful mug"), (3, None)], "id INT, text STRING")
    rows.coalesce(1).write.parquet(str(tmp_path / "in"))
    stream = model.score(spark.readStream.schema(rows.schema).parquet(str(tmp_path / "in")))
    query = stream.writeStream.format("parquet").option("checkpointLocation", str(tmp_path / "check"))
    query.trigger(availableNow=True).start(str(tmp_path / "out")).awaitTermination()
    assert_df_equality(spark.read.parquet(str(tmp_path / "out")).orderBy("id"), model.score(rows).orderBy("id"))


def test_a_folder_without_a_model_says_so(spark: Any, tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="no sentiment model in"):
        SentimentModel.load(str(tmp_path / "nothing"))
