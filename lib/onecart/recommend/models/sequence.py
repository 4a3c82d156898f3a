"""What a user takes next, from the order of what they took: networks in torch, served as vectors by Spark."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.errors import UsageError
from onecart.frames import break_lineage
from onecart.recommend.interactions import Frames, Pairs, Training
from onecart.recommend.models.protocol import Model, Parameters, Space
from onecart.recommend.scoring.lists import Block, Request, lists_schema
from onecart.recommend.scoring.topk import by_vectors

SPACE: Space = {
    "dimensions": [16, 32, 64, 128],
    "layers": (1, 3),
    "dropout": (0.0, 0.6),
    "epochs": (5, 80, "log"),
    "learning_rate": (1e-4, 1e-2, "log"),
}
_USERS_AT_ONCE = 128  # 100 candidates of 64 dimensions each: 10 MB a step of the GRU
_ITEM = T.StructField("item", T.IntegerType())
_VECTOR = T.StructField("vector", T.ArrayType(T.FloatType()))


class Sequence(Parameters):
    """What follows what, see `fit_sequence`; without ts the order is by item number."""

    dimensions: int = Field(64, ge=1)
    max_length: int = Field(100, ge=1)
    layers: int = Field(2, ge=1)
    heads: int = Field(2, ge=1)
    dropout: float = Field(0.3, ge=0, lt=1)
    epochs: int = Field(40, ge=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    seed: int = 7
    interest: bool = False
    candidates: int = Field(100, ge=1)
    processes: int = Field(0, ge=0)
    log_dir: str | None = None


def fit(training: Training, p: Sequence) -> Frames:
    """See `fit_sequence`."""
    return fit_sequence(training.data, p)


def propose(frames: Frames, request: Request, p: Sequence) -> DataFrame:
    """See `by_sequence`."""
    return by_sequence(frames, request, p.candidates)


def fit_sequence(data: Pairs, p: Sequence) -> Frames:
    """sequence_users[user_id, vector], sequence_items[item, vector]: SASRec's user states and item embeddings.

    Their dot product ranks what comes next (`sasrec.Sasrec`). A history is a user's items by `last_s`, equal times and
    pairs without times by item number, the `max_length` newest; an item taken twice stands at its last time.

    - `dimensions` of a vector, `layers` of attention with `heads` each, `dropout`: the network.
    - `epochs`, `batch_size` (users), `learning_rate`, `seed`, `processes`, `log_dir`: see `deep.Fit`.
    - `interest`: also a second network (`interest.Dien`) that orders the first `candidates` anew: `by_sequence`. It
      adds sequence_histories[user_id, items], item numbers from old to new, and sequence_network[bytes], one row.

    MovieLens-100k, each user's last item held out, whole catalogue: HR@10 0.137 and nDCG@10 0.073 (popularity: 0.050,
    0.026), 4 minutes of one core. The second network, tried on the last item but one with histories of 50 and 10 to 30
    epochs, moved neither by more than 0.008, either way: it is off by default.

    The driver holds the histories while it trains: users * (max_length + 1) int32. Raises UsageError where torch and
    lightning are not installed, or nobody has two items.
    """
    try:
        from onecart.deep import saved, trained
        from onecart.recommend.models.networks.dien import Dien
        from onecart.recommend.models.networks.sasrec import Sasrec
    except ImportError as e:
        raise UsageError("the model 'sequence' needs torch and lightning: pip install 'onecart[deep]'") from e
    if p.dimensions % p.heads:
        raise UsageError(f"dimensions={p.dimensions} is no multiple of heads={p.heads}")
    import torch

    length = p.max_length
    histories = break_lineage(_histories(data.pairs, length + 1))  # the oldest is only there to be followed
    several = histories.where(F.size("items") > 1).orderBy("user").select("items").toPandas()["items"]
    if several.empty:
        raise UsageError("no user has two items, so nothing follows anything: take model='popularity'")
    rows = padded(several, length + 1)
    shape: dict[str, Any] = {"items": data.items.count(), "dimensions": p.dimensions, "dropout": p.dropout}
    with torch.random.fork_rng():
        torch.manual_seed(p.seed)
        network = Sasrec(**shape, max_length=length, layers=p.layers, heads=p.heads)
        second = Dien(**shape)
    how = training(p)
    stored = saved(trained(network, (rows,), how, "sequence"))
    newest = F.slice("items", -F.least(F.size("items"), F.lit(length)), F.lit(length))
    histories = histories.select("user_id", newest.alias("items"))
    users = histories.mapInPandas(_user_vectors(stored), T.StructType([histories.schema["user_id"], _VECTOR]))
    items = data.items.select("item").mapInPandas(_item_vectors(stored), T.StructType([_ITEM, _VECTOR]))
    frames = {"sequence_users": break_lineage(users), "sequence_items": break_lineage(items)}
    if p.interest:
        second.items.load_state_dict(network.items.state_dict())
        row = (bytearray(saved(trained(second, (rows,), how, "interest"))),)
        frames["sequence_histories"] = histories
        frames["sequence_network"] = histories.sparkSession.createDataFrame([row], "bytes BINARY")
    return frames


def training(p: Sequence) -> Any:
    """How the networks are trained, a `deep.Fit`; needs torch."""
    from onecart.deep import Fit

    return Fit(p.batch_size, p.learning_rate, p.seed, epochs=p.epochs, processes=p.processes, log_dir=p.log_dir)


def by_sequence(frames: Frames, request: Request, candidates: int) -> DataFrame:
    """Lists by the largest dot products of user and item vectors.

    With a second network in `frames` its order (`rerank`) of the first `candidates`, or of n where that is more.
    """
    if "sequence_network" not in frames:
        return by_vectors(frames, request, "sequence")
    first = by_vectors(frames, replace(request, n=max(request.n, candidates)), "sequence")
    return rerank(frames, first, request.n)


def rerank(frames: Frames, lists: DataFrame, n: int) -> DataFrame:
    """The lists of the first `n` of `lists` after the second network's logit is added to each score.

    The logit is that of the user taking the item next. Both it and the score of `sequence_users` estimate a
    log-probability up to a constant, so their sum is an ensemble of the two. Users without a history are left out.
    """
    stored = bytes(frames["sequence_network"].first()["bytes"])
    histories = frames["sequence_histories"].withColumnRenamed("items", "history")
    both = lists.where("size(items) > 0").join(histories, on="user_id", how="inner")
    return both.mapInPandas(_with_logits(stored, n), lists_schema(both.schema["user_id"]))


def padded(lists: Collection[Any], length: int) -> np.ndarray:
    """The last `length` of each list of item numbers as [lists, length] int32: number + 1, 0 after the last."""
    rows = np.zeros((len(lists), length), np.int32)
    for row, items in zip(rows, lists, strict=True):
        newest = np.asarray(items, np.int32)[-length:]
        row[: len(newest)] = newest + 1
    return rows


def _histories(pairs: DataFrame, length: int) -> DataFrame:
    """[user_id, user, items]: the `length` newest item numbers of each user, oldest first."""
    newest = Window.partitionBy("user").orderBy(F.desc("last_s"), F.desc("item"))
    kept = pairs.withColumn("back", -F.row_number().over(newest)).where(F.col("back") >= -length)
    ordered = F.array_sort(F.collect_list(F.struct("back", "item")))["item"]
    return kept.groupBy("user_id", "user").agg(ordered.alias("items"))


def _user_vectors(stored: bytes) -> Block:
    def run(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        from onecart.deep import loaded
        from onecart.recommend.models.networks.sasrec import Sasrec

        network = loaded(Sasrec, stored)
        for batch in _parts(batches):
            vectors = network.users(_tensor(batch["items"], network))
            yield pd.DataFrame({"user_id": batch["user_id"].to_numpy(), "vector": list(vectors.cpu().numpy())})

    return run


def _item_vectors(stored: bytes) -> Block:
    def run(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        from onecart.deep import loaded
        from onecart.recommend.models.networks.sasrec import Sasrec

        vectors = loaded(Sasrec, stored).item_vectors().cpu().numpy()
        for batch in batches:
            yield batch.assign(vector=list(vectors[batch["item"]]))

    return run


def _with_logits(stored: bytes, n: int) -> Block:
    def run(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        from onecart.deep import loaded
        from onecart.recommend.models.networks.dien import Dien

        network = loaded(Dien, stored)
        for batch in _parts(batches):
            candidates = _tensor(batch["items"], network)
            logits = network(_tensor(batch["history"], network), candidates).cpu().numpy()
            items, scores = [], []
            for some, old, more in zip(batch["items"], batch["scores"], logits, strict=True):
                sums = np.asarray(old, float) + more[: len(some)]
                order = np.lexsort((some, -sums))[:n]
                items.append(np.asarray(some)[order])
                scores.append(sums[order])
            yield pd.DataFrame({"user_id": batch["user_id"].to_numpy(), "items": items, "scores": scores})

    return run


def _parts(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    for batch in batches:
        for start in range(0, len(batch), _USERS_AT_ONCE):
            yield batch.iloc[start : start + _USERS_AT_ONCE]


def _tensor(lists: Collection[Any], network: Any) -> Any:
    """`lists` as the networks take them, on the device of `network`."""
    import torch

    return torch.from_numpy(padded(lists, max(map(len, lists)))).long().to(network.items.weight.device)


MODEL = Model("sequence", Sequence, SPACE, fit, propose)
