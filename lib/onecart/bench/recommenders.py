"""All recommendation models on public data, on what came later or was held back, beside what others published.

MovieLens 100k and Online Retail II are of a fixed size and fit one machine, so they are split in pandas.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from onecart import recommend
from onecart.config import load
from onecart.errors import require_known
from onecart.frames import break_lineage
from onecart.recommend.evaluation import metrics
from onecart.recommend.models.registry import MODELS, among
from onecart.recommend.settings import parameters_of

_K = 10
_MODELS = ("popularity", "group_popularity", "item_knn", "user_knn", "als", "ease", "sequence", "content", "blend")
TABLE: tuple[tuple[str, str], ...] = (
    ("data", "{}"),
    ("model", "{}"),
    ("users", "{:,}"),
    ("ndcg", "{:.4f}"),
    ("ndcg_low", "{:.4f}"),
    ("ndcg_high", "{:.4f}"),
    ("map", "{:.4f}"),
    ("map_of_all", "{:.4f}"),
    ("recall", "{:.4f}"),
    ("coverage", "{:.3f}"),
    ("novelty", "{:.2f}"),
    ("popularity_share", "{:.3f}"),
    ("fit_s", "{:.1f}"),
    ("lists_s", "{:.1f}"),
)

TUNED: tuple[tuple[str, str], ...] = (
    ("data", "{}"),
    ("model", "{}"),
    ("trials", "{}"),
    ("inside", "{:.4f}"),
    ("defaults", "{:.4f}"),
    ("tuned", "{:.4f}"),
    ("seconds", "{:.0f}"),
    ("params", "{}"),
)


@dataclass(frozen=True)
class Trial:
    """train[user_id, item_id, value, ts, group?] and held[user_id, item_id], key both: what is learnt from and asked for.
    products[item_id, text]: what the items are. items: the only ones offered. settings: model -> its parameters."""

    data: str
    train: pd.DataFrame
    held: pd.DataFrame
    products: pd.DataFrame | None = None
    items: list[str] | None = None
    settings: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def models(self) -> list[str]:
        """Those that it has the data for; where only new items are offered, those that know of them."""
        lacking = {"content"} if self.products is None else set()
        lacking |= set() if "group" in self.train else {"group_popularity"}
        new = {"popularity", "content", "blend"} if self.items else {*_MODELS}
        return [model for model in _MODELS if model in new - lacking]

    def fitted(self, train: DataFrame, model: str, products: DataFrame | None, seed: int) -> recommend.Recommender:
        """`model` learnt from `train`. Of products nobody has bought popularity knows by content's list of them, in which
        all are equal: what chance gives."""
        if self.items and model == "popularity":
            return self.fitted(train, "content", products, seed).using(model)
        about = products if MODELS[model].needs_products else None
        params = {**self.settings.get(model, {}), **among(model, {"seed": seed})}
        return recommend.fit(train, model, products=about, **params)


def measure(
    spark: SparkSession, names: Sequence[str] | None, engines: Sequence[str] | None, seed: int
) -> Iterator[dict[str, Any]]:
    """One row per data set and model, the columns of TABLE and the other figures of `recommend.evaluate` at k = 10, with
    their 95 % interval over users. The settings are defaults, on Online Retail II those of the job `recommend`; they were found on
    interactions that are not asked for here.

    No `names` of TRIALS: all; no `engines`, models here: all. Users whom the training does not know are not asked for.
    """
    require_known(names or (), TRIALS, "data")
    require_known(engines or (), _MODELS, "model")
    for name in names or TRIALS:
        trial = TRIALS[name]()
        with _frames(spark, trial) as (train, held):
            users = held.select("user_id").distinct()
            about = None if trial.products is None else spark.createDataFrame(trial.products).transform(break_lineage)
            for model in (model for model in trial.models() if model in (engines or _MODELS)):
                clock = time.monotonic()
                fitted = trial.fitted(train, model, about, seed)
                fit_s, clock = time.monotonic() - clock, time.monotonic()
                lists = fitted.recommend(users, _K, items=trial.items).transform(break_lineage)
                lists_s = time.monotonic() - clock
                found = recommend.evaluate(lists, held, train, _K)
                ends = metrics.intervals(metrics.per_user(lists, held, _K), seed=seed)
                weights = getattr(fitted.params, "weights", None)
                cost = {"fit_s": fit_s, "lists_s": lists_s, "weights": weights}
                yield {"data": trial.data, "model": model, "users": users.count(), **found, **ends, **cost}


def tuned(spark: SparkSession, engines: Sequence[str] | None, seed: int, trials: int = 20) -> Iterator[dict[str, Any]]:
    """One row per model (no `engines`: item_knn and als), the columns of TUNED: nDCG@10 on what MovieLens by item holds
    out, with the defaults and with what `recommend.tune` finds inside the training, where it had the nDCG `inside`."""
    require_known(engines or (), _MODELS, "model")
    trial = movielens_by_item()
    with _frames(spark, trial) as (train, held):
        users = held.select("user_id").distinct()

        def ndcg(model: str, **params: Any) -> float:
            lists = recommend.fit(train, model, **params).recommend(users, _K)
            return recommend.evaluate(lists, held, train, _K)["ndcg"]

        for model in engines or ("item_knn", "als"):
            clock = time.monotonic()
            found = recommend.tune(train, model, trials=trials, validation="random", seed=seed)
            seconds, params = time.monotonic() - clock, found.params
            about = {"data": trial.data, "model": model, "trials": trials, "inside": found.ndcg, "seconds": seconds}
            yield {**about, "defaults": ndcg(model), "tuned": ndcg(model, **params), "params": params}


@contextmanager
def _frames(spark: SparkSession, trial: Trial) -> Iterator[tuple[DataFrame, DataFrame]]:
    """(train, held) as files, so that no model reads them out of the driver's memory again and again."""
    with tempfile.TemporaryDirectory(prefix="onecart-bench-") as folder:
        for part, frame in (("train", trial.train), ("held", trial.held)):
            spark.createDataFrame(frame).write.parquet(f"{folder}/{part}")
        yield spark.read.parquet(f"{folder}/train"), spark.read.parquet(f"{folder}/held")


def movielens_by_item() -> Trial:
    """The protocol of the public recommenders benchmark: a quarter of each item's ratings at random, whatever their time.

    Published nDCG@10: SAR .3938, LightGCN .4164, BPR .4450, BiVAE .4687.
    """
    ratings = _movielens()
    ratings["draw"] = np.random.RandomState(42).uniform(size=len(ratings))
    ratings = ratings.sort_values(["item_id", "draw"])
    by_item = ratings.groupby("item_id")
    train = by_item.cumcount() + 1 <= (0.75 * by_item["user_id"].transform("size")).round()
    ratings = ratings.drop(columns="draw")
    return Trial("MovieLens 100k, by item", ratings[train], ratings.loc[~train, ["user_id", "item_id"]])


def movielens_by_time() -> Trial:
    """The newest fifth of the ratings, of users who have rated before."""
    ratings = _movielens()
    return _later("MovieLens 100k, by time", ratings, ratings["ts"].quantile(0.8))


def retail_by_time() -> Trial:
    """Online Retail II: what customers buy for the first time in the last 30 days."""
    rows, products = _retail()
    return replace(_later("Online Retail II, by time", rows, _last_days(rows)), products=products, settings=_of_job())


def retail_new_items() -> Trial:
    """Online Retail II: which of the products first sold in the last 30 days do customers buy?"""
    rows, products = _retail()
    trial = _later("Online Retail II, new products", rows, _last_days(rows))
    new = sorted(set(trial.held["item_id"]) - set(trial.train["item_id"]))
    held = trial.held[trial.held["item_id"].isin(new)]
    return replace(trial, held=held, products=products, items=new, settings=_of_job())


def _of_job() -> dict[str, dict[str, Any]]:
    """The job's settings, which were picked on a month before the last; for the sequence model a training of minutes."""
    settings = load()[0]
    of = {model: parameters_of(model, settings.recommend, settings.seed) for model in _MODELS}
    return {**of, "sequence": {**of["sequence"], "max_length": 50, "epochs": 6}}


def _last_days(rows: pd.DataFrame, days: int = 30) -> float:
    return float(rows["ts"].max() - days * 86_400)


def _retail() -> tuple[pd.DataFrame, pd.DataFrame]:
    """(what customers bought [user_id, item_id, value, ts, group: country], what the products are [item_id, text])."""
    from onecart.samples.datasets.load import online_retail_parquet

    lines = pd.read_parquet(online_retail_parquet()).dropna(subset=["customer_id"])
    goods = lines["stock_code"].str.match(r"^[0-9]{5}") & (lines["quantity"] > 0) & (lines["price"].astype(float) > 0)
    bought = lines[goods]
    rows = pd.DataFrame({"user_id": bought["customer_id"].astype(str), "item_id": bought["stock_code"], "value": 1.0})
    rows["ts"] = bought["invoice_date"].dt.tz_localize(None).astype("datetime64[s]").astype("int64")
    rows["group"] = bought["country"]
    texts = bought.groupby("stock_code")["description"].agg(lambda s: s.mode().iat[0]).reset_index()
    return rows, texts.set_axis(["item_id", "text"], axis=1)


TRIALS: dict[str, Callable[[], Trial]] = {
    "movielens": movielens_by_item,
    "movielens-time": movielens_by_time,
    "retail-time": retail_by_time,
    "retail-new": retail_new_items,
}


def _movielens() -> pd.DataFrame:
    from onecart.samples.datasets.fetch import fetch

    path = next(path for path in fetch("movielens-100k") if path.suffix == ".inter")
    ratings = pd.read_csv(path, sep="\t")
    ratings.columns = pd.Index(["user_id", "item_id", "value", "ts"])
    return ratings.astype({"value": float, "ts": "int64"})


def _later(data: str, rows: pd.DataFrame, cut: float) -> Trial:
    train, later = rows[rows["ts"] < cut], rows.loc[rows["ts"] >= cut, ["user_id", "item_id"]].drop_duplicates()
    later = later[later["user_id"].isin(train["user_id"])]
    seen = later.merge(
        train[["user_id", "item_id"]].drop_duplicates(), on=["user_id", "item_id"], how="left", indicator=True
    )
    return Trial(data, train, seen.loc[seen["_merge"] == "left_only", ["user_id", "item_id"]])
