"""What strangers hand to the functions of the library: the right result, or one sentence that says what to do."""

import datetime as dt
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart import decide, forecast, identity, intent, measure, recommend, voice
from onecart.errors import OneCartError, UsageError
from onecart.frames import composed

pytestmark = pytest.mark.usefixtures("spark")
INF, NAN = float("inf"), float("nan")


def apart(text: str) -> str:
    return unicodedata.normalize("NFD", text)


FRAMES = {
    "records": pd.DataFrame({"record_id": ["1", "2", "3"], "email": ["a@x.de", "a@x.de", "b@x.de"]}),
    "interactions": pd.DataFrame({"user_id": [1, 1, 2, 3], "item_id": ["x", "y", "x", "z"], "value": [1.0, 2, 1, 1]}),
    "recommended": pd.DataFrame({"user_id": [1, 2], "item_id": ["z", "y"], "rank": [1, 1]}),
    "features": pd.DataFrame({"age": [1.0, 2.0], "bought": [0, 1]}),
    "series": pd.DataFrame({"unique_id": "a", "ds": [dt.date(2024, 1, 1 + at) for at in range(16)], "y": 2.0}),
    "forecast": pd.DataFrame(
        {"unique_id": ["a"], "ds": [dt.date(2024, 2, 1)], "yhat": [5.0], "yhat-lo-80": [3.0], "yhat-hi-80": [8.0]}
    ),
    "stock": pd.DataFrame({"unique_id": ["a"], "on_hand": [1.0]}),
    "offers": pd.DataFrame({"customer_id": ["a"], "offer": ["mail"], "value": [2.0], "cost": [1.0]}),
    "experiment": pd.DataFrame({"arm": ["a", "b"] * 4, "age": range(8), "bought": [0, 1, 1, 0] * 2}),
    "paths": pd.DataFrame({"path": [["ad", "web"]], "conversions": [1], "nulls": [0]}),
    "log": pd.DataFrame({"context": ["home"], "action": ["a"], "propensity": [0.5], "reward": [1.0]}),
    "policy": pd.DataFrame({"context": ["home"], "action": ["a"], "probability": [1.0]}),
    "scored": pd.DataFrame({"outcome": [0, 1, 1, 0], "treated": [0, 1, 0, 1], "score": [0.1, 0.4, 0.3, 0.2]}),
    "reviews": pd.DataFrame({"review_id": ["r"], "text": ["The battery is great."], "label": ["good"]}),
}
COSTS = {"holding": 1, "shortage": np.float64(5)}


@pytest.fixture(scope="module")
def frames(spark_session: Any) -> dict[str, DataFrame]:
    return {name: spark_session.createDataFrame(frame) for name, frame in FRAMES.items()}


@pytest.fixture(scope="module")
def popular(frames: dict[str, DataFrame]) -> recommend.Recommender:
    return recommend.fit(frames["interactions"], "popularity")


@pytest.fixture(scope="module")
def model(spark_session: Any) -> intent.IntentModel:
    """Trained on names that a stranger may have, given as pandas has them."""
    draw = np.random.default_rng(1)
    x = draw.normal(size=200)
    frame = pd.DataFrame(
        {
            "a.b": np.where(draw.uniform(size=200) < 0.1, np.inf, x),
            "c`d e": np.where(draw.uniform(size=200) < 0.1, np.nan, draw.normal(size=200)),
            apart("größe"): draw.choice(["klein", "groß"], 200),
            apart("Gekauft für"): np.where(x + draw.normal(size=200) > 0, "schön", "nein"),
            "left out": np.inf,
        }
    )
    schoen = frame[apart("Gekauft für")].where(draw.uniform(size=200) < 0.5, lambda s: s.map(apart))
    frame[apart("Gekauft für")] = schoen
    names = np.array(["a.b", "c`d e", "größe", "left out"])
    params = {"maxDepth": np.int64(2), "seed": np.int32(3)}
    return intent.train(frame, "Gekauft für", model="decision_tree", columns=names, **params)


def of_model(model: intent.IntentModel, **changes: Any) -> pd.DataFrame:
    row = {"a.b": [1.0], "c`d e": [0.5], "größe": ["groß"], "f.g`h": [1]}
    return pd.DataFrame(row | changes)


Call = Callable[..., Any]
CALLS: dict[str, Call] = {
    "identity.link: records": lambda f, **to: identity.link(to["records"]),
    "recommend.fit: interactions": lambda f, **to: recommend.fit(to["interactions"], "popularity"),
    "recommend.evaluate: recommended": lambda f, **to: recommend.evaluate(to["recommended"], *[f["interactions"]] * 2),
    "recommend.evaluate: held_out": lambda f, **to: recommend.evaluate(
        f["recommended"], to["interactions"], f["interactions"]
    ),
    "intent.train: features": lambda f, **to: intent.train(to["features"], "bought"),
    "forecast.forecast: series": lambda f, **to: forecast.forecast(to["series"], 1, "D"),
    "forecast.forecast: static": lambda f, **to: forecast.forecast(f["series"], 1, "D", static=to["stock"]),
    "forecast.replenish: forecast": lambda f, **to: forecast.replenish(to["forecast"], f["stock"], COSTS, 1),
    "forecast.replenish: stock": lambda f, **to: forecast.replenish(f["forecast"], to["stock"], COSTS, 1),
    "decide.assign: offers": lambda f, **to: decide.assign(to["offers"], 3.0),
    "decide.train_uplift: experiment": lambda f, **to: decide.train_uplift(to["experiment"], "bought", "arm", "a"),
    "measure.attribution: paths": lambda f, **to: measure.attribution(to["paths"]),
    "measure.experiment: units": lambda f, **to: measure.experiment(to["experiment"], ["bought"], "a", unit=None),
    "measure.off_policy: log": lambda f, **to: measure.off_policy(to["log"], f["policy"]),
    "measure.off_policy: policy": lambda f, **to: measure.off_policy(f["log"], to["policy"]),
    "measure.qini: scored": lambda f, **to: measure.qini(to["scored"]),
    "voice.train_sentiment: reviews": lambda f, **to: voice.train_sentiment(to["reviews"]),
    "voice.aspects: reviews": lambda f, **to: voice.aspects(to["reviews"]),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_column_twice_is_named(what: str, frames: dict[str, DataFrame]) -> None:
    key = F.lit(1).alias("again")
    twice = {name: df.select(*df.columns, key, key) for name, df in frames.items()}
    capitals = {name: df.select("*", F.lit(1).alias(df.columns[1].upper())) for name, df in frames.items()}
    in_pandas = {name: frame.assign(again=1, AGAIN=2) for name, frame in FRAMES.items()}
    one = {name: pd.Series(1, frame.index, name="again") for name, frame in FRAMES.items()}
    joined = {name: pd.concat([frame, one[name], one[name]], axis=1) for name, frame in FRAMES.items()}
    for given, words in (
        (twice, "column 'again' twice; drop or rename"),
        (capitals, "' twice, once as '"),
        (in_pandas, "column 'AGAIN' twice, once as 'again'"),
        (joined, "column 'again' twice; drop or rename"),
    ):
        with pytest.raises(UsageError) as raised:
            CALLS[what](frames, **given)
        assert str(raised.value).startswith(what), raised.value
        assert words in str(raised.value)


@pytest.mark.parametrize("what", [w for w in CALLS if w != "forecast.replenish: forecast"])
def test_what_is_no_frame_is_refused(what: str, frames: dict[str, DataFrame]) -> None:
    with pytest.raises(UsageError) as raised:
        CALLS[what](frames, **{name: [1, 2] for name in frames})
    assert str(raised.value) == f"{what} must be a DataFrame of Spark or pandas, found list"


def test_the_methods_of_models_check_their_frames_too(popular: Any, model: Any, frames: dict[str, DataFrame]) -> None:
    twice = frames["interactions"].select("*", F.lit(1).alias("USER_ID"), F.lit(1).alias("A.B"), F.lit(2).alias("a.b"))
    for call, words in (
        (lambda: popular.recommend(twice), "recommend.recommend: users has the column 'USER_ID' twice, once as"),
        (lambda: popular.recommend([1]), "recommend.recommend: users must be a DataFrame of Spark or pandas, found"),
        (lambda: model.score(twice), "intent.score: df has the column 'USER_ID' twice"),
        (lambda: model.explain({"a.b": 1}), "intent.explain: df must be a DataFrame of Spark or pandas, found dict"),
        (lambda: model.score(of_model(model, **{"a.b": ["much"]})), "column 'a.b' must hold numbers, or true or false"),
        (lambda: model.score(of_model(model, größe=[1.0])), "column 'größe' must hold text, found double"),
    ):
        with pytest.raises(UsageError) as raised:
            call()
        assert words in str(raised.value)


def test_pandas_frames_give_what_spark_frames_give(popular: Any, frames: dict[str, DataFrame]) -> None:
    def rows(df: DataFrame) -> list[Any]:
        return sorted(map(tuple, df.collect()))

    assert [row[1] for row in rows(identity.link(FRAMES["records"]))] == ["c_6b86b273ff34fce1"] * 2 + [
        "c_4e07408562bedb8b"
    ]
    assert rows(recommend.fit(FRAMES["interactions"], "popularity").recommend(k=np.int64(2))) == rows(
        popular.recommend(k=2)
    )
    small = FRAMES["interactions"][["user_id", "item_id"]]
    measured = [
        recommend.evaluate(one, held, held, k=np.int32(1))
        for one, held in ((FRAMES["recommended"], small), (frames["recommended"], frames["interactions"]))
    ]
    assert measured[0] == measured[1]
    assert [row[:3] for row in rows(voice.aspects(FRAMES["reviews"]))] == [("r", "battery", "positive")]
    orders = [
        forecast.replenish(f["forecast"], f["stock"], COSTS, lead, draws=np.int64(100))
        for f, lead in ((FRAMES, np.array([1, 0])), (frames, (1, 0)))
    ]
    assert rows(orders[0]) == rows(orders[1])
    assert rows(orders[0])[0][2] > 0


def test_a_pandas_frame_that_is_none_for_spark_is_refused_by_its_column() -> None:
    for item_id, words in (
        (["x", 1, 2, "y"], "column 'item_id' holds values of several or unknown kinds (mixed-integer)"),
        ([("x",), "y", None, ("z",)], "column 'item_id' holds values of several or unknown kinds (mixed)"),
        ([("x",), ["y"], None, ("z",)], "item_id is array<string>; ids are strings or integers: cast them first"),
    ):
        with pytest.raises(UsageError) as raised:
            recommend.fit(FRAMES["interactions"].assign(item_id=item_id), "popularity")
        assert words in str(raised.value)


def test_items_are_those_given_and_none_of_none(popular: Any) -> None:
    def offered(items: Any, **more: Any) -> set[str]:
        return {row["item_id"] for row in popular.recommend(items=items, filter_seen=False, **more).collect()}

    assert offered([]) == offered(np.array([])) == offered(pd.DataFrame({"item_id": []}, dtype=str)) == set()
    assert offered(np.array(["x", "new"])) == offered(pd.Series(["x"])) == offered({"x"}, k=np.int16(3)) == {"x"}
    for items, words in (
        (["x", 1], "items must be ids, all texts or all whole numbers, found int, str"),
        ([1.5], "items must be ids, all texts or all whole numbers, found float"),
        ([1], "item_id is bigint, but the model was fitted on string"),
    ):
        with pytest.raises(UsageError) as raised:
            offered(items)
        assert str(raised.value) == words


def test_each_user_is_answered_once_and_nobody_is_no_user(popular: Any) -> None:
    asked = popular.recommend(pd.DataFrame({"user_id": np.array([1, 1, 9], dtype=np.int8)}), k=1)
    assert sorted((row["user_id"], row["item_id"]) for row in asked.collect()) == [(1, "z"), (9, "x")]
    with pytest.raises(UsageError, match=r"users\.user_id is null in some rows; drop them"):
        popular.recommend(pd.DataFrame({"user_id": pd.array([1, None], dtype="Int64")}))


@pytest.mark.parametrize("value", [INF, -INF, NAN])
def test_endless_numbers_teach_no_recommender(value: float, frames: dict[str, DataFrame]) -> None:
    for column in ("value", "ts"):
        wrong = frames["interactions"].withColumn(column, F.when(F.col("user_id") == 1, value).otherwise(1.0))
        with pytest.raises(UsageError) as raised:
            recommend.fit(wrong, "popularity")
        words = "null" if value != value else "infinite"
        assert f"interactions.{column} is {words} in 2 of 4 rows; drop" in str(raised.value)


def test_measures_need_ids_of_one_type_and_a_rank(frames: dict[str, DataFrame]) -> None:
    rec, inter = frames["recommended"], frames["interactions"]
    text = inter.withColumn("user_id", F.col("user_id").cast("string"))
    for call, words in (
        (lambda: recommend.evaluate(rec, text, inter), "held_out.user_id is string, that of recommended bigint; cast"),
        (
            lambda: recommend.evaluate(rec.withColumn("rank", F.lit("1")), inter, inter),
            "column 'rank' must hold numbers",
        ),
        (lambda: recommend.evaluate(rec, inter, inter, k=0), "k must be a whole number from 1 on, not 0"),
        (lambda: recommend.evaluate(rec, inter.where("false"), inter), "held_out is empty"),
    ):
        with pytest.raises(UsageError) as raised:
            call()
        assert words in str(raised.value)
    nobody = inter.unionByName(inter.limit(1).withColumn("user_id", F.lit(None).cast("bigint")))
    assert recommend.evaluate(rec, nobody, nobody) == recommend.evaluate(rec, inter, inter)


def test_a_model_of_odd_names_and_endless_numbers_scores_and_explains(model: intent.IntentModel) -> None:
    assert model.positive == "schön"
    assert model.features == ["a.b", "c`d e", "größe"]
    assert model.skipped == {"left out": "no values"}
    odd = pd.concat([of_model(model), of_model(model, **{"a.b": [np.inf]}), of_model(model, größe=[None])])
    scored = model.score(odd.rename(columns={"größe": apart("größe")})).toPandas()
    assert list(scored.columns) == ["a.b", "c`d e", "größe", "f.g`h", "probability"]
    assert scored["probability"].between(0, 1).all()
    said = model.explain(odd, top=np.int64(1)).first()["reasons"]
    assert [reason["feature"] for reason in said] == ["a.b"]
    assert model.score(odd.iloc[:0]).collect() == []


@pytest.mark.parametrize("label", [[0.0, None, 1.0], [0.0, NAN, 1.0], ["no", None, "yes"]])
def test_a_label_that_is_missing_is_counted_and_refused(label: list[Any], spark: Any) -> None:
    features = spark.createDataFrame([(float(at), y) for at, y in enumerate(label * 4)], ["x", "bought"])
    with pytest.raises(UsageError, match="the label 'bought' is null or NaN in 4 rows; drop them"):
        intent.train(features, "bought")


def test_a_series_of_odd_columns_and_numbers_is_forecast_and_told(spark: Any) -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=at) for at in range(18)]
    y = [2.0] * 5 + [INF, NAN] + [2.0] * 9
    rows = [("a", day, one, float(at), 1.0) for at, (day, one) in enumerate(zip(days[:16], y, strict=True))]
    names = ["unique_id", "ds", "y", "a.b", "c`d e"]
    series = spark.createDataFrame([*rows, ("a", days[0], 1.0, 1.0, 1.0)], names)
    future = pd.DataFrame({"unique_id": "a", "ds": days[16:], "a.b": [16.0, 17.0], "c`d e": np.inf})
    static = pd.DataFrame({"unique_id": ["a"], "e.f": [np.inf], "g`h": ["k"]})
    found = forecast.forecast(
        series,
        np.int64(2),
        "D",
        level=np.array([80]),
        models=np.array(["regression"]),
        windows=np.int8(1),
        future=future,
        static=static,
    )
    assert [row["ds"] for row in found.best.orderBy("ds").collect()] == days[16:]
    (told,) = found.ledger.collect()
    assert told["periods"] == 16
    assert "; rows on a date that had one, added to it: 1; unknown values: 2" in told["reason"]
    assert forecast.forecast(series.where("false"), 2, "D", models=["naive"]).best.collect() == []
    with pytest.raises(UsageError, match="ds of series holds dates, which have no hours"):
        forecast.forecast(series, 2, "h")


@pytest.mark.parametrize(
    ("on_hand", "words"), [(INF, "no order: on_hand is null or infinite"), (NAN, "on_hand is null")]
)
def test_endless_stock_gives_no_order_and_the_reason(on_hand: float, words: str) -> None:
    stock = FRAMES["stock"].assign(on_hand=on_hand, **{"a.b": 1, "c`d": 2})
    order = forecast.replenish(FRAMES["forecast"].assign(**{"a.b": 1}), stock, COSTS, np.float32(1)).first()
    assert order["order"] is None
    assert words in order["reason"]


def test_words_are_equal_in_whatever_letters_they_are_written(spark: Any) -> None:
    words = ["Müller", "Việt Ệ", "ёлка й", "ガ ぱ", "plain", "ę\u0301", None]
    frame = spark.createDataFrame([(word and apart(word), word) for word in words], "apart string, whole string")
    read = frame.select(composed(F.col("apart")), composed(F.col("whole"))).collect()
    nfc = [word and unicodedata.normalize("NFC", word) for word in words]
    assert [tuple(row) for row in read] == [(word, word) for word in nfc]
    records = pd.DataFrame({"record_id": [1, 2, 3], "email": ["jörg@x.de", apart("Jörg@x.de"), "jorg@x.de"]})
    links = dict(identity.link(records).select("record_id", "customer_id").collect())
    assert links[1] == links[2] != links[3]


def test_links_of_nothing_of_nobody_and_by_no_settings(frames: dict[str, DataFrame]) -> None:
    records = frames["records"].select("*", F.lit(INF).alias("phone"), F.lit(1).alias("a.b"), F.lit(2).alias("c`d e"))
    assert identity.link(records.where("false")).collect() == []
    assert {row["rule"] for row in identity.link(records).collect()} == {"email", "alone"}
    for wrong, words in (
        ((records.withColumn("record_id", F.lit(None).cast("string")),), "record_id is null in 3 records"),
        ((records.withColumn("record_id", F.lit(NAN)),), "record_id 'NaN' is on 3 records"),
        ((records, {"max_pairs": 1}), "settings must be an onecart.config.Identity, found dict"),
    ):
        with pytest.raises(UsageError) as raised:
            identity.link(*wrong)
        assert words in str(raised.value)


def test_texts_of_nobody_and_of_nothing_have_no_aspects(frames: dict[str, DataFrame]) -> None:
    reviews = frames["reviews"].select("*", F.lit(1).alias("a.b"), F.lit(2).alias("c`d"))
    empty = reviews.withColumns({"review_id": F.lit(None).cast("string"), "text": F.lit(None).cast("string")})
    assert voice.aspects(reviews.where("false")).collect() == voice.aspects(empty).collect() == []
    assert voice.aspects(reviews, terms={"case": np.str_("case")}).count() == 1
    with pytest.raises(UsageError, match="terms must map words to the aspect they name, found list"):
        voice.aspects(reviews, terms=["case"])


@pytest.mark.heavy
def test_sentiment_is_learned_from_what_strangers_have(spark: Any) -> None:
    texts = [f"great product love it {at}" if at % 2 else f"awful bad thing hate it {at}" for at in range(120)]
    labels = ["schlecht", "schön", "schlecht", apart("schön")] * 29 + ["schlecht", "schön", None, " "]
    frame = pd.DataFrame({"text": texts, "label": labels, "a.b": 1, "c`d e": 2})
    model = voice.train_sentiment(frame, min_rows=np.int64(10), seed=np.int32(3))
    assert model.labels == ("schlecht", "schön")
    scored = model.score(frame.tail(2)).toPandas()
    assert list(scored.columns) == ["text", "label", "a.b", "c`d e", "sentiment", "confidence", "reason"]
    assert list(scored["sentiment"]) == ["schlecht", "schön"]
    assert model.score(frame.iloc[:0]).collect() == []
    with pytest.raises(UsageError, match=r"voice\.score: df has the column 'TEXT' twice, once as 'text'"):
        model.score(frame.assign(TEXT=1))
    with pytest.raises(OneCartError, match="column 'label' has no value"):
        voice.train_sentiment(frame.iloc[:0])
