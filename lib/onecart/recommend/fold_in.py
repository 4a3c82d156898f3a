"""What users did since a model was fitted, without fitting it anew: the items stay as they are, users' vectors change."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.frames import break_lineage
from onecart.recommend.interactions import Frames, checked, decay


@dataclass(frozen=True)
class News:
    """What users have since a model was fitted: cells[user_id, item, weight, last_s], key (user_id, item), of the users of
    the events; history[same columns] of all, as it stands at `newest_s`."""

    cells: DataFrame
    history: DataFrame
    newest_s: float | None


def told(frames: Frames, events: DataFrame, p: Any, newest_s: float | None, as_of: Any = None) -> News:
    """The history in `frames`, which stands at `newest_s`, and `events`[user_id, item_id, value?, ts?] together.

    The same weights as if all had been fitted together, to the day's decay: a sum halved with its age may be halved on
    from where it stands. Items that the model does not know, and events of as_of or later, are passed over.
    """
    found = checked(events, as_of)
    rows = found.rows
    now = max((s for s in (newest_s, found.newest_s) if s is not None), default=None)
    known = F.broadcast(frames["items"].select("item", "item_id"))
    value = F.col("value") * decay("ts_s", now, p.half_life_days)
    new = rows.join(known, on="item_id", how="inner").select("user_id", "item", value.alias("sum"), "ts_s")
    users = rows.select("user_id").distinct()
    aged = F.expm1("weight") * decay("at_s", now, p.half_life_days)
    history = frames["history"].withColumn("at_s", F.lit(newest_s))
    history = history.select("user_id", "item", F.log1p(aged).alias("weight"), "last_s")
    theirs = history.join(users, on="user_id", how="left_semi")
    old = theirs.select("user_id", "item", F.expm1("weight").alias("sum"), F.col("last_s").alias("ts_s"))
    both = old.unionByName(new).groupBy("user_id", "item").agg(F.sum("sum").alias("sum"), F.max("ts_s").alias("last_s"))
    weight = F.log1p(F.greatest("sum", F.lit(0.0)))
    cells = break_lineage(both.select("user_id", "item", weight.alias("weight"), "last_s").where("weight > 0"))
    others = history.join(users, on="user_id", how="left_anti")
    return News(cells, others.unionByName(cells), now)


def updated(frames: Frames, news: News, vectors: Frames) -> Frames:
    """`frames` with the history as `news` say, and the rows of the users of the news as in `vectors`, name -> frame."""
    users = news.cells.select("user_id").distinct()

    def exchanged(old: DataFrame, new: DataFrame) -> DataFrame:
        return old.join(users, on="user_id", how="left_anti").unionByName(new.select(*old.columns))

    unnumbered = {"users": users.withColumn("user", F.lit(None).cast("int"))}
    changed = {name: exchanged(frames[name], new) for name, new in (unnumbered | vectors).items()}
    return {**frames, "history": news.history, **changed}
