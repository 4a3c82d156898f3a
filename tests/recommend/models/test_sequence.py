"""What the networks learn from the order of items, and what Spark makes of them."""

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.recommend.interactions import Pairs, pair_up
from onecart.recommend.models.registry import parameters
from onecart.recommend.models.sequence import by_sequence, fit_sequence, padded, rerank, training
from onecart.recommend.scoring.lists import Request, rows_of

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")
ITEMS, LENGTH = 12, 5
SIZE = {"dimensions": 16, "max_length": LENGTH - 1, "layers": 1, "dropout": 0.0}
SMALL = {**SIZE, "epochs": 50, "batch_size": 16, "learning_rate": 1e-2}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other on a busy machine take longer than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cycle() -> np.ndarray:
    """Histories as the networks take them: item i is followed by i + 1, the last by the first."""
    starts = np.arange(64) % ITEMS
    return padded([(start + np.arange(LENGTH)) % ITEMS for start in starts], LENGTH)


def _pairs(spark: Any) -> Pairs:
    """64 users with ids 0... who go round the cycle of items 100..., and user 99 who has taken item 100 alone."""
    rows = [(user, 100 + (user + n) % ITEMS, 1_000 * n) for user in range(64) for n in range(LENGTH)]
    frame = spark.createDataFrame([*rows, (99, 100, 0)], "user_id int, item_id int, ts long")
    return pair_up(frame, explicit=False, half_life_days=None, popularity_half_life_days=None)


def _first(data: Pairs, lists: Any) -> dict[int, int]:
    """user_id -> item_id of the largest score."""
    best = lists.select("user_id", F.col("items")[0].alias("item"))
    return {r.user_id: r.item_id for r in best.join(data.items, on="item", how="inner").toLocalIterator()}


def _after(user: int) -> int:
    return 100 if user == 99 else 100 + (user + LENGTH) % ITEMS


@pytest.mark.heavy
def test_both_networks_learn_what_follows(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = _pairs(spark)
    request = Request(data.users.withColumn("seen", F.lit(None).cast("array<int>")), data.items, 2, False)
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        frames = fit_sequence(data, parameters("sequence", {**SMALL, "interest": True}))
    assert not said.getvalue()
    assert not list(tmp_path.iterdir())

    assert frames["sequence_users"].count() == 65  # user 99 too, who is in no training row
    assert frames["sequence_items"].count() == ITEMS
    first = _first(data, by_sequence({k: v for k, v in frames.items() if k != "sequence_network"}, request, ITEMS))
    assert np.mean([first[user] == _after(user) for user in range(64)]) > 0.9

    every = data.items.select(F.collect_list("item").alias("items"))
    whole = data.users.select("user_id").crossJoin(every.selectExpr("items", "transform(items, i -> 0D) AS scores"))
    scores = rows_of(rerank(frames, whole, ITEMS)).toPandas().set_index(["user_id", "item"])["score"]
    ids = {r.item: r.item_id for r in data.items.toLocalIterator()}
    best = scores.groupby("user_id").idxmax()
    assert np.mean([ids[best[user][1]] == _after(user) for user in range(64)]) > 0.9

    for name, frame in frames.items():
        frame.write.parquet(f"{tmp_path}/{name}")
    read = {name: spark.read.parquet(f"{tmp_path}/{name}") for name in frames}
    lists = rows_of(by_sequence(read, request, candidates=ITEMS)).toPandas().set_index(["user_id", "item"])["score"]
    assert lists.groupby("user_id").size().eq(2).all()
    users, items = (frames[f"sequence_{name}"].toPandas() for name in ("users", "items"))
    users, items = users.set_index("user_id")["vector"], items.set_index("item")["vector"]
    sums = [scores[user, item] + np.dot(users[user], items[item]) for user, item in lists.index]
    assert np.allclose(lists, sums, atol=1e-4)


def test_the_order_of_a_history_counts_and_padding_does_not(cycle: np.ndarray) -> None:
    from onecart.deep import loaded, saved
    from onecart.recommend.models.networks.dien import Dien
    from onecart.recommend.models.networks.sasrec import Sasrec

    torch.manual_seed(0)
    rows = torch.from_numpy(cycle[:8]).long()
    longer = torch.cat([rows, torch.zeros(8, 3, dtype=torch.long)], 1)
    first = Sasrec(items=ITEMS, dimensions=8, max_length=LENGTH, layers=2, heads=2, dropout=0.0).eval()
    assert torch.allclose(first.users(rows), first.users(longer), atol=1e-6)
    assert not torch.allclose(first.users(rows), first.users(rows[:, [1, 0, 2, 3, 4]]), atol=1e-3)
    changed = rows.clone()
    changed[:, -1] = 1 + changed[:, -1] % ITEMS  # what comes later leaves the states before as they were
    assert torch.allclose(first(rows)[:, :-1], first(changed)[:, :-1], atol=1e-6)

    second, targets = Dien(items=ITEMS, dimensions=8, dropout=0.0).eval(), torch.arange(1, 4).expand(8, 3)
    assert torch.allclose(second(rows, targets), second(longer, targets), atol=1e-6)
    assert torch.allclose(loaded(Dien, saved(second))(rows, targets).cpu(), second(rows, targets), atol=1e-6)


def test_augru_with_attention_one_is_a_gru() -> None:
    from onecart.recommend.models.networks.dien import AttentionGRU

    torch.manual_seed(0)
    cell, plain, steps = AttentionGRU(5, 5), torch.nn.GRU(5, 5, batch_first=True), torch.randn(3, 7, 5)
    plain.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    states = cell(steps, torch.ones(3, 2, 7))
    assert torch.allclose(states, plain(steps)[1][0][:, None].expand(3, 2, 5), atol=1e-6)
    assert not cell(steps, torch.zeros(3, 1, 7)).any()  # no attention: the state stays at 0
    early = torch.ones(3, 1, 7) * (torch.arange(7) < 4)
    assert torch.allclose(cell(steps, early)[:, 0], plain(steps[:, :4])[1][0], atol=1e-6)


@pytest.mark.heavy
def test_a_sampled_softmax_stands_for_the_full_one(cycle: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    from onecart.recommend.models.networks import sasrec

    torch.manual_seed(0)
    network = sasrec.Sasrec(items=ITEMS, dimensions=8, max_length=LENGTH, layers=1, heads=2, dropout=0.0)
    rows = torch.from_numpy(cycle).long()
    full = network.loss(rows).item()
    monkeypatch.setattr(sasrec, "FULL_SOFTMAX", 1)
    assert network.loss(rows).item() == pytest.approx(full, rel=0.02)


@pytest.mark.heavy
def test_the_same_seed_gives_the_same_network(cycle: np.ndarray) -> None:
    from onecart.deep import trained
    from onecart.recommend.models.networks.sasrec import Sasrec

    def weights(seed: int) -> Any:
        torch.manual_seed(0)
        network = Sasrec(items=ITEMS, dimensions=8, max_length=4, layers=1, heads=2, dropout=0.2)
        how = training(parameters("sequence", {**SMALL, "epochs": 2, "seed": seed}))
        return trained(network, (cycle,), how, "test").item_vectors()

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.heavy
def test_torch_distributor_trains_and_tensorboard_gets_its_curve(
    spark: Any, cycle: np.ndarray, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from onecart.deep import trained
    from onecart.recommend.models.networks.sasrec import Sasrec

    network = Sasrec(items=ITEMS, dimensions=8, max_length=4, layers=1, heads=2, dropout=0.0)
    before = network.item_vectors().clone()
    rows = torch.from_numpy(cycle).long()
    loss = network.loss(rows).item()
    p = {**SMALL, "epochs": 20, "batch_size": 16, "processes": 1, "log_dir": str(tmp_path)}
    trained(network, (cycle,), training(parameters("sequence", p)), "test")
    assert not torch.equal(network.item_vectors(), before)
    assert network.loss(rows).item() < loss / 2
    assert len(list(tmp_path.glob("test/*/events*"))) == 1
    assert "".join(capfd.readouterr()) == ""


def test_what_cannot_be_learnt_is_said(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = spark.createDataFrame([(1, 10), (2, 11)], "user_id int, item_id int")
    data = pair_up(one, explicit=False, half_life_days=None, popularity_half_life_days=None)
    with pytest.raises(UsageError, match="no user has two items"):
        fit_sequence(data, parameters("sequence", SMALL))
    with pytest.raises(UsageError, match="no multiple of heads"):
        fit_sequence(data, parameters("sequence", {**SMALL, "heads": 3}))
    monkeypatch.setitem(sys.modules, "onecart.deep", None)
    with pytest.raises(UsageError, match=r"pip install 'onecart\[deep\]'"):
        fit_sequence(data, parameters("sequence", SMALL))


def test_the_front_door_does_not_import_torch() -> None:
    code = "import sys, onecart.recommend, onecart.recommend.models.sequence; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
