"""Forecasts that add up: leaves to categories to departments to stores to the total, or any tree given by columns, see
`tree`."""

import re
from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from onecart.errors import UsageError, nearest
from onecart.forecast.hierarchy.tree import (
    check,
    is_node,
    level_names,
    parent_of,
    places_of,
    refuse,
    unknown_node,
    upwards,
)
from onecart.frames import FLAGS, IDS, LABELS, NUMBERS, break_lineage, quoted

METHODS = ("wls_var", "wls_struct", "ols", "bottom_up")
_KEY = ["unique_id", "ds"]
_QUANTILES = re.compile(r"yhat[-_](lo[-_]|hi[-_]|median$)")
_EXACT = 1e-6  # a forecast of variance 0 counts as known to a millionth of itself, so that it can still give way to 0


def aggregate(series: DataFrame, tree: DataFrame, levels: Sequence[str]) -> DataFrame:
    """[unique_id (string), ds, y (double)]: the rows of `series`, and the series of every node, key (unique_id, ds).

    series: [unique_id (string or integer), ds, y]; other columns are left out. A node's y is the sum over its leaves; a
        null y is unknown and left out of it, a node's y is null where all are.
    tree: [unique_id, levels], one row a leaf; `levels`: its columns from bottom to top, such as category, department,
        store.

    UsageError for columns, types or levels that do not fit, a leaf in two rows of `tree`, and a leaf named like a node
    (`total`, or beginning with the top level and `=`). One job checks `tree`, one the ids of `series`; the rest is
    lazy.
    """
    check("series", series, {"unique_id": IDS, "ds": LABELS, "y": NUMBERS})
    names = level_names(levels)
    places = places_of(tree, names)
    rows = series.select(F.col("unique_id").cast("string"), "ds", F.col("y").cast("double"))
    if (taken := rows.where(is_node(names)).first()) is not None:
        raise UsageError(f"hierarchy: series has the id '{taken['unique_id']}', a node's name; leave out or rename it")
    parent = F.coalesce("parent", unknown_node(names)).alias("parent")
    lowest = rows.join(places, on="unique_id", how="left").groupBy(parent, "ds").agg(F.sum("y").alias("y"))
    nodes = lowest.select(F.explode(upwards(names)).alias("unique_id"), "ds", "y")
    return rows.unionByName(nodes.groupBy(*_KEY).agg(F.sum("y").alias("y")))


def reconcile(
    forecast: DataFrame,
    tree: DataFrame,
    levels: Sequence[str],
    variance: DataFrame | None = None,
    method: str = "wls_var",
) -> DataFrame:
    """The rows of `forecast` with yhat made to add up at every node and date, none below 0. Key (unique_id, ds).

    forecast: [unique_id, ds, yhat (expected values: nothing else adds up), quantiles such as yhat-median, yhat-lo-80 and
        yhat-hi-80, ...], leaves and nodes as `aggregate` names
        them, one row a unique_id and ds; with a boolean column `chosen`, its true rows only. Forecast all series for
        the same dates: a leaf without a row on a date counts as 0 there and gets none, as nothing tells it from a
        product that is gone. A node without a row gets one, the sum of its children, its other columns null; a node
        whose leaves have no row stands for them.
    variance: [unique_id, variance], mean squared errors of the forecasts, as from a backtest; any method but wls_var
        does without. Where it is missing, null, negative or not finite, a leaf takes its yhat times the leaves' sum of
        variances over their sum of yhat (1 where nothing is known, as in a Poisson law), and a node's yhat is not used
        by wls_var.
    method: the diagonal W of Wickramasuriya, Athanasopoulos & Hyndman (2019): wls_var, the variances; wls_struct, the
        number of leaves with a forecast; ols, 1; or bottom_up, the leaves' sums.

    On a tree the projection S (S'W^-1 S)^-1 S'W^-1 is Gaussian belief propagation: on the way up a node's yhat and the
    sum of its children are averaged by precision, on the way down the gap to that sum is shared by the children's
    variances: one groupBy a level up, one join and window a level down. Children that a share would take below 0 get 0
    and the others the rest, so that parents keep their value: the nearest point, by W, at each parent (not jointly over
    the tree, as in Wickramasuriya, Turlach & Hyndman 2020). Cutting leaves at 0 and summing again would raise every
    total. Intervals move with yhat and, with `variance`, are scaled by the standard deviation after over before, as if
    errors of different series were independent and nothing were cut at 0: where errors go together they are too narrow.
    No end is below 0, and a lower one, or a median, at 0 stays there: what often sells nothing still does when more of it is expected.

    Jobs run at once: one for `tree`, one that keeps the rows (in the checkpoint folder where the session has one, else
    on the executors' disks) and one that checks them, two a level; the result is lazy. UsageError as in `aggregate`,
    for two rows of one key, for a yhat that is null or not finite, and for unknown nodes.
    """
    if method not in METHODS:
        raise UsageError(f"hierarchy: no method '{method}'{nearest(str(method), METHODS)}")
    if variance is None and method == "wls_var":
        raise UsageError("hierarchy: method wls_var needs variance; give it, or take wls_struct, ols or bottom_up")
    names = level_names(levels)
    rows = break_lineage(_rows(forecast, places_of(tree, names), names, variance))
    ratio = _checked(rows, len(names), needs_variance=method == "wls_var")
    variances = F.coalesce("variance", ratio * F.col("yhat"))
    bottom = rows.withColumn("leaf_v", variances).withColumn("leaf_w", variances if method == "wls_var" else F.lit(1.0))
    depth = len(names) + 1
    level = bottom.where(F.col("depth") == depth).withColumns(
        {"up": F.col("yhat"), "up_w": F.col("leaf_w"), "up_v": F.col("leaf_v"), "leaves": F.lit(1.0)}
    )
    upward = [level.withColumns({"below_w": F.lit(0.0), "below_v": F.col("leaf_v"), "gain": F.lit(0.0)})]
    for height in range(depth - 1, -1, -1):
        level = break_lineage(_up(upward[-1], bottom.where(F.col("depth") == height), method))
        upward.append(level)
    root = upward.pop().withColumns({"x": F.col("up"), "part": F.lit(1.0), "rest_v": F.lit(0.0)})
    found = [root]
    while upward:
        level = _down(upward.pop(), found[-1])
        found.append(break_lineage(level) if upward else level)
    scaled = [_scaled(level, variance is not None) for level in found]
    return reduce(DataFrame.unionByName, scaled).select(*[_output(name) for name in forecast.columns])


def largest_gap(forecast: DataFrame, tree: DataFrame, levels: Sequence[str]) -> float:
    """The largest difference, over nodes and dates, of yhat from the children's sum; a node without a row is 0."""
    check("forecast", forecast, {"unique_id": IDS, "ds": LABELS, "yhat": NUMBERS})
    names = level_names(levels)
    rows = _rows(forecast, places_of(tree, names), names, None)
    sums = rows.where("parent IS NOT NULL").groupBy(F.col("parent").alias("unique_id"), "ds")
    both = sums.agg(F.sum("row.yhat").alias("below")).join(rows.select(*_KEY, "row.yhat"), on=_KEY, how="left")
    gap = both.agg(F.max(F.abs(F.coalesce("yhat", F.lit(0.0)) - F.col("below"))).alias("gap")).first()
    return 0.0 if gap is None or gap["gap"] is None else float(gap["gap"])


def _rows(forecast: DataFrame, places: DataFrame, names: Sequence[str], variance: DataFrame | None) -> DataFrame:
    """[unique_id, ds, yhat, variance, times (its rows), parent, depth (null: no node), row (all of `forecast`)]."""
    check("forecast", forecast, {"unique_id": IDS, "ds": LABELS, "yhat": NUMBERS})
    if "chosen" in forecast.columns:
        check("forecast", forecast, {"chosen": FLAGS})
        forecast = forecast.where("chosen")
    row = F.struct(*[quoted(name) for name in forecast.columns]).alias("row")
    yhat = F.col("yhat").cast("double")
    yhat = F.when(yhat < 0, 0.0).otherwise(yhat).alias("yhat")
    rows = forecast.select(F.col("unique_id").cast("string"), "ds", yhat, row).join(places, on="unique_id", how="left")
    outside = F.col("depth").isNull() & ~is_node(names)
    rows = rows.withColumn("parent", F.when(outside, unknown_node(names)).otherwise(F.col("parent")))
    rows = rows.withColumn("depth", F.when(outside, len(names) + 1).otherwise(F.col("depth")))
    if variance is None:
        return rows.withColumns({"variance": F.lit(None).cast("double"), "times": F.lit(1)})
    check("variance", variance, {"unique_id": IDS, "variance": NUMBERS})
    by_id = variance.groupBy(F.col("unique_id").cast("string").alias("unique_id"))
    given = by_id.agg(F.max(F.col("variance").cast("double")).alias("given"), F.count("*").alias("times"))
    usable = F.when((F.col("given") >= 0) & (F.col("given") < float("inf")), F.col("given"))
    known = F.when(usable == 0, (_EXACT * F.col("yhat")) ** 2).otherwise(usable)
    return rows.join(given, on="unique_id", how="left").withColumn("variance", known).drop("given")


def _checked(rows: DataFrame, levels: int, needs_variance: bool) -> float:
    """The leaves' variance per unit of yhat. UsageError for rows that cannot be reconciled."""
    keys = rows.groupBy(*_KEY).agg(
        F.count("*").alias("n"), *[F.max(c).alias(c) for c in ("yhat", "variance", "times", "depth")]
    )
    known = (F.col("depth") > levels) & F.col("variance").isNotNull()
    wrong = {
        "has a row without unique_id or ds": F.col("unique_id").isNull() | F.col("ds").isNull(),
        "has two rows of one unique_id and ds; keep one model's, or mark it in a column chosen": F.col("n") > 1,
        "has a yhat that is null or not finite; leave such rows out": F.col("yhat").isNull()
        | ~(F.col("yhat") < float("inf")),
        "has a node that is not in the tree; were the levels others in aggregate?": F.col("depth").isNull(),
        "meets two rows of one unique_id in variance": F.col("times") > 1,
    }
    figures = refuse(
        "forecast",
        wrong,
        keys,
        F.count("*").alias("rows"),
        F.count("variance").alias("known"),
        F.sum(F.when(known, F.col("variance"))).alias("variance"),
        F.sum(F.when(known, F.col("yhat"))).alias("units"),
    )
    if needs_variance and figures["rows"] and not figures["known"]:
        raise UsageError("hierarchy: variance has a value for none of the forecast's unique_id; are the ids the same?")
    return figures["variance"] / figures["units"] if figures["units"] else 1.0


def _up(below: DataFrame, own: DataFrame, method: str) -> DataFrame:
    """The nodes one level up: their forecasts in the light of everything below.

    Columns beside those of `own`: `leaves`, their number; `up`, the mean of yhat and the children's sum weighted by
    precision, and its variance by W (`up_w`) and by `variance` (`up_v`); the variances of the children's sum alike
    (`below_w`, `below_v`); and `gain`, the weight of yhat.
    """
    sums = {"up": "below", "up_w": "below_w", "up_v": "below_v", "leaves": "leaves"}
    children = below.groupBy(F.col("parent").alias("unique_id"), "ds")
    both = children.agg(*[F.sum(c).alias(name) for c, name in sums.items()]).join(
        own.drop("parent"), on=_KEY, how="full"
    )
    leaves = F.coalesce("leaves", F.lit(1.0))
    by_method = {"wls_var": F.col("variance"), "wls_struct": leaves, "ols": F.lit(1.0)}
    w = by_method.get(method, F.lit(None).cast("double"))
    used = F.col("yhat").isNotNull() & w.isNotNull() & (F.col("below_w") > 0)
    gain = F.when(used, F.col("below_w") / (F.col("below_w") + w)).otherwise(0.0)
    filled = {"below": "yhat", "below_w": "leaf_w", "below_v": "leaf_v"}
    whole = both.withColumns(
        {"gain": gain, "leaves": leaves, **{name: F.coalesce(name, other) for name, other in filled.items()}}
    ).withColumn("variance", F.coalesce("variance", "below_v"))
    gain, kept = F.col("gain"), 1 - F.col("gain")
    return whole.withColumns(
        {
            "parent": parent_of(),
            "up": kept * F.col("below") + gain * F.coalesce("yhat", "below"),
            "up_w": kept * F.col("below_w"),
            "up_v": kept**2 * F.col("below_v") + gain**2 * F.col("variance"),
        }
    )


def _down(level: DataFrame, above: DataFrame) -> DataFrame:
    """`level` with `x`, its part of the parents' reconciled values, none below 0, and what gives the variance of x.

    x before any cut at 0 is `part` times `up` plus something independent of it, of variance `rest_v`. The children are
    max(0, up + up_w * step) with the step at which they add up to their parent: the least of
    (parent - sum of up) / (sum of up_w) over the first 1, 2, ... children by up / up_w, largest first.
    """
    kept = F.col("part") * (1 - F.col("gain")) - 1
    noise = F.col("part") ** 2 * F.col("gain") ** 2 * F.col("variance") + F.col("rest_v")
    parents = above.select(
        F.col("unique_id").alias("parent"),
        "ds",
        F.col("x").alias("parent_x"),
        F.col("below_w").alias("all_w"),
        F.col("below_v").alias("all_v"),
        kept.alias("kept"),
        noise.alias("noise"),
    )
    siblings = Window.partitionBy("parent", "ds")
    ratio = F.when(F.col("up_w") > 0, F.col("up") / F.col("up_w"))
    so_far = siblings.orderBy(ratio.desc(), "unique_id").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    room, weight = F.col("parent_x") - F.sum("up").over(so_far), F.sum("up_w").over(so_far)
    steps = level.join(parents, on=["parent", "ds"], how="inner").withColumns({"room": room, "weight": weight})
    step = F.coalesce(F.min(F.when(F.col("weight") > 0, F.col("room") / F.col("weight"))).over(siblings), F.lit(0.0))
    share = F.when(F.col("all_w") > 0, F.col("up_w") / F.col("all_w")).otherwise(0.0)
    rest = F.col("kept") ** 2 * (F.col("all_v") - F.col("up_v")) + F.col("noise")
    return steps.withColumns(
        {
            "x": F.greatest(F.lit(0.0), F.col("up") + F.col("up_w") * step),
            "part": 1 + share * F.col("kept"),
            "rest_v": share**2 * rest,
        }
    ).select(*level.columns, "x", "part", "rest_v")


def _scaled(level: DataFrame, with_variance: bool) -> DataFrame:
    """[unique_id, ds, x, yhat, row, scale]: the factor of the intervals, standard deviation after over before."""
    after = F.greatest(F.lit(0.0), F.col("part") ** 2 * F.col("up_v") + F.col("rest_v"))
    scale = F.when(F.col("variance") > 0, F.sqrt(after / F.col("variance"))).otherwise(1.0)
    return level.select(*_KEY, "x", "yhat", "row", (scale if with_variance else F.lit(1.0)).alias("scale"))


def _output(name: str) -> Column:
    """The column `name` of the result."""
    before = F.col("row").getField(name)
    if name in _KEY:
        return F.col(name)
    if name == "yhat":
        return F.col("x").alias(name)
    if name == "chosen":
        return F.lit(True).alias(name)
    if _QUANTILES.match(name):
        moved = F.col("x") + F.col("scale") * (before.cast("double") - F.col("yhat"))
        floor = moved < 0 if "hi" in name else (moved < 0) | (before == 0)
        return F.when(floor, 0.0).otherwise(moved).alias(name)
    return before.alias(name)
