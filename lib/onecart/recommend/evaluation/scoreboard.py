"""How the models did on what was held out: beside each other, beside popularity, and for whom."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.frames import break_lineage
from onecart.recommend.evaluation.metrics import (
    RANKING,
    activity,
    by_group,
    compare,
    known,
    make_up_by,
    per_user,
    summary,
)

FEWEST = 30  # users of a group; fewer say nothing, and might name someone
_ENDS = ("ndcg_low", "ndcg_high")
Board = dict[str, dict[str, float]]


def scoreboard(
    lists: Mapping[str, DataFrame],
    held_out: DataFrame,
    train: DataFrame,
    k: int,
    chosen: str,
    segments: DataFrame | None = None,
) -> Board:
    """Model -> metric -> value, of the first `k` of each model's `lists`[user_id, item_id, rank]; see `evaluate`.
    A model that offers nobody anything (all who are asked have had everything) is left out.

    - every model: the measures of `evaluate`; ndcg_low, ndcg_high: the 95 % interval of nDCG.
    - the `chosen` one: ndcg_over_popularity, with _low and _high: nDCG less that of popularity, user by user.
    - the `chosen` one, for each group of at least FEWEST users: users.<group>, ndcg.<group>, ndcg_low.<group>,
      ndcg_high.<group>. Groups are activity.<items a user has in train>, and the `group` of `segments`[user_id, group].
    """
    first = [
        rows.where(F.col("rank") <= k).select(F.lit(model).alias("model"), "user_id", "item_id", "rank")
        for model, rows in lists.items()
    ]
    rows = break_lineage(reduce(DataFrame.unionByName, first))
    made_up = make_up_by(rows, known(train), k, "model")
    shown = [model for model in lists if model in made_up]
    if not shown:
        return {}
    users = break_lineage(per_user(rows, held_out, k, by=["model"]))
    table = summary(users, "model").set_index("value")
    board: Board = {
        model: {**{name: float(table[name][model]) for name in (*RANKING, *_ENDS)}, **made_up[model]} for model in shown
    }
    if chosen not in shown:
        return board
    mine, popular = (users.where(F.col("model") == model).drop("model") for model in (chosen, "popularity"))
    if chosen != "popularity" and "popularity" in shown:
        gap = compare(mine, popular)
        board[chosen] |= {name.replace("difference", "ndcg_over_popularity"): value for name, value in gap.items()}
    groups = _active(mine, train) if segments is None else _active(mine, train).unionByName(segments)
    board[chosen] |= _by_group(mine, groups)
    return board


def _active(users: DataFrame, train: DataFrame) -> DataFrame:
    """[user_id, group]: activity.<bucket> of each of `users`; 0: not in train."""
    buckets = users.select("user_id").join(activity(train), on="user_id", how="left")
    return buckets.select("user_id", F.concat(F.lit("activity."), F.coalesce("bucket", F.lit("0"))).alias("group"))


def _by_group(users: DataFrame, groups: DataFrame) -> dict[str, float]:
    table = by_group(users, groups, "group").rename(columns={"n": "users"})
    large = table[table["users"] >= FEWEST].sort_values("value")
    return {
        f"{name}.{row['value']}": float(row[name]) for _, row in large.iterrows() for name in ("users", "ndcg", *_ENDS)
    }
