"""Neighbours: a worked example to six decimals, and blocks against one product."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from onecart import recommend
from onecart.recommend.scoring import similarity

RATINGS = np.array([[5, 3, 0], [3, 0, 4], [0, 5, 2]], float)  # three users, three products; 0: not rated


def rated(spark: Any) -> Any:
    rows = [(f"u{u}", f"p{i}", float(RATINGS[u, i])) for u, i in zip(*np.nonzero(RATINGS), strict=True)]
    return spark.createDataFrame(rows, "user_id string, item_id string, value double")


def by_id(model: Any, frame: str, key: str, other: str) -> dict[tuple[str, str], float]:
    """(row, other) -> entry of the vectors of `frame`, both by their own ids."""
    ids = {
        kind: {r[0]: r[1] for r in model.frames[f"{kind}s"].select(kind, f"{kind}_id").collect()}
        for kind in ("user", "item")
    }
    rows = model.frames[frame].select(key, "vector.*").collect()
    named = [
        (ids["item"].get(r[0], r[0]), ids[other][j], v)
        for r in rows
        for j, v in zip(r["index"], r["value"], strict=True)
    ]
    return {(row, at): v for row, at, v in named}


def test_three_users_three_products(spark: Any) -> None:
    """cos(u0, u1) = 15 / (sqrt(34) * 5), cos(u0, u2) = 15 / sqrt(34 * 29), cos(u1, u2) = 8 / (5 * sqrt(29));
    u0 on p2: 4 + (cos01 * (4 - 3.5) + cos02 * (2 - 3.5)) / (cos01 + cos02)."""
    model = recommend.fit(rated(spark), "user_knn", ratings=True)
    similar = cosine_similarity(RATINGS)
    assert similar[0, 1] == pytest.approx(15 / (np.sqrt(34) * 5))
    found = by_id(model, "user_knn_users", "user_id", "user")
    expected = {(f"u{a}", f"u{b}"): similar[a, b] for a in range(3) for b in range(3) if a != b}
    assert found == pytest.approx(expected, abs=1e-6)

    mean = np.array([row[row > 0].mean() for row in RATINGS])
    predicted = {}
    for u, i in zip(*np.nonzero(RATINGS == 0), strict=True):
        who = [v for v in range(3) if RATINGS[v, i] and v != u]
        s = similar[u, who]
        predicted[f"u{u}", f"p{i}"] = mean[u] + (s * (RATINGS[who, i] - mean[who])).sum() / s.sum()
    assert predicted["u0", "p2"] == pytest.approx(3.537088, abs=1e-6)
    rows = model.recommend(k=1, with_tier=True).collect()
    assert {(r["user_id"], r["item_id"]): r["score"] for r in rows} == pytest.approx(predicted, abs=1e-6)
    assert {r["tier"] for r in rows} == {"user_knn"}


def test_item_similarities_of_the_example(spark: Any) -> None:
    centred = np.where(RATINGS > 0, RATINGS - np.array([[r[r > 0].mean()] for r in RATINGS]), 0)
    kinds = {"cosine": cosine_similarity(np.log1p(RATINGS).T), "adjusted_cosine": cosine_similarity(centred.T)}
    has = (RATINGS > 0).astype(float)
    kinds["jaccard"] = has.T @ has / (has.sum(0)[:, None] + has.sum(0) - has.T @ has)
    for kind, similar in kinds.items():
        model = recommend.fit(rated(spark), "item_knn", similarity=kind, shrinkage=0.0)
        expected = {
            (f"p{a}", f"p{b}"): similar[a, b] for a in range(3) for b in range(3) if a != b and similar[a, b] > 0
        }
        assert by_id(model, "item_knn_items", "item", "item") == pytest.approx(expected, abs=1e-6), kind


@pytest.mark.parametrize("per_block", [1000, 30])
def test_blocks_find_what_one_product_finds(spark: Any, per_block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "CELLS_PER_BLOCK", per_block)
    monkeypatch.setattr(similarity, "PRODUCTS", 40)
    rng = np.random.default_rng(3)
    matrix = rng.uniform(0.1, 1, (20, 9)) * (rng.uniform(size=(20, 9)) < 0.5)
    cells = [(int(r), int(c), float(matrix[r, c])) for r, c in zip(*np.nonzero(matrix), strict=True)]
    found = similarity.nearest(spark.createDataFrame(cells, "row int, column int, weight double"), 3, shrinkage=0.5)
    norm = np.linalg.norm(matrix, axis=1)
    similar = matrix @ matrix.T / (np.outer(norm, norm) + 0.5)
    np.fill_diagonal(similar, 0)
    expected = {(r, o): similar[r, o] for r in range(20) for o in np.argsort(-similar[r])[:3] if similar[r, o] > 0}
    assert {(r.row, r.other): r.similarity for r in found.collect()} == pytest.approx(expected, abs=1e-9)


CROWDED = """
import resource, sys
import numpy as np, pandas as pd
from onecart.recommend.scoring import similarity

def block(rows):
    draw = np.random.default_rng(1)
    row, column = np.repeat(np.arange(rows), 10), draw.integers(0, 40, rows * 10)
    cells = pd.DataFrame({"row": row, "column": column, "weight": 1.0}).drop_duplicates(["row", "column"])
    return cells.astype({"row": "int32", "column": "int32"})

meet, few, many = similarity._meet(20, False, 0.0), block(50), block(5_000)
meet(few, few)  # everything is imported by now
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = held + 250 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(len(meet(many, many)))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's count of a process's memory")
def test_neighbours_of_users_who_all_have_the_same_items_need_little_memory() -> None:
    """5,000 users of popular items: 25 million pairs, each with something in common, 300 MB as numbers alone."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", CROWDED], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.strip() == "100000", done.stderr[-500:]
