"""Learning uplift from an experiment, or from what was observed: a frame -> an UpliftModel, judged on held-out rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from onecart.decide.uplift import propensity as assignment
from onecart.decide.uplift.encoding import IDENTIFIER, encoder
from onecart.decide.uplift.evaluation import learned
from onecart.decide.uplift.learners import LEARNERS, Engine
from onecart.decide.uplift.model import Offer, UpliftModel
from onecart.errors import OneCartError, UsageError, nearest
from onecart.frames import quoted, require_columns, require_unique
from onecart.sql_settings import our_settings
from onecart.stats import boosting

MIN_ROWS = 100  # of each arm: fewer tell nothing of differences between rows
_WHO = "decide.train_uplift"


@dataclass(frozen=True)
class _Question:
    outcome: str
    treatment: str
    control: str
    model: str
    columns: tuple[str, ...]
    propensity: float | str | None
    costs: dict[str, float]
    value: float
    folds: int
    seed: int
    params: dict[str, Any]


def train_uplift(
    experiment: DataFrame,
    outcome: str,
    treatment: str,
    control: Any,
    model: str = "x",
    *,
    columns: Sequence[str] | None = None,
    propensity: float | str | None = None,
    costs: Mapping[Any, float] | None = None,
    value: float = 1.0,
    folds: int = 5,
    seed: int = 42,
    **params: Any,
) -> UpliftModel:
    """Learns what a treatment changes in `outcome`, row by row, from one row per unit; a frame of Spark or pandas.

    outcome: column of numbers, or true and false. treatment: column that says the arm; every value of it but `control` is an
    offer of its own. columns: the features, where not all others: numbers, booleans and texts, nulls allowed. model: x | t |
    class_transformation (outcome 0 or 1), see `learners`. propensity: probability to be treated rather than a control, a
    number or a column of them, where it is known from the experiment's plan; None: it is tested on held-out rows whether the
    features tell who was treated. If they do, the data are observed: a propensity is learned, rows that only one arm has are
    left out (see `.overlap`), and `.warnings` says what cannot be shown. costs: offer -> cost of making it, for the best
    offer; value: what a unit of the outcome is worth. folds: parts of the rows, each judged by what the others taught. params:
    of LightGBM, as in n_estimators=200.

    The model's `.report` has the effect, Qini with its interval, and advice; "no heterogeneity" is a result. Of tables with
    more than 20 million numbers a sample drawn by hash is learned from, which `.learned_from` says.

    UsageError where something is amiss.
    """
    q = _question(locals())
    if isinstance(experiment, pd.DataFrame):
        return _learn(experiment.reset_index(drop=True), q, len(experiment), {})
    with our_settings(experiment.sparkSession):
        return _in_one_worker(experiment, q)


def _question(given: dict[str, Any]) -> _Question:
    frame, model, folds, propensity = (given[n] for n in ("experiment", "model", "folds", "propensity"))
    names = {n: given[n] for n in ("outcome", "treatment")}
    if not isinstance(frame, DataFrame | pd.DataFrame):
        raise UsageError(f"{_WHO}: experiment must be a DataFrame of Spark or pandas, found {type(frame).__name__}")
    require_unique(map(str, frame.columns), f"{_WHO}: experiment")
    if isinstance(propensity, str):
        names["propensity"] = propensity
    for role, name in names.items():
        require_columns(frame, [name], f"{_WHO}: experiment", role=role)
    if model not in LEARNERS:
        raise UsageError(f"{_WHO}: no model '{model}'{nearest(str(model), LEARNERS)}")
    if isinstance(propensity, int | float) and not 0 < propensity < 1:
        raise UsageError(f"{_WHO}: propensity must be between 0 and 1, found {propensity}")
    if not isinstance(folds, int) or folds < 2:
        raise UsageError(f"{_WHO}: folds must be 2 or more, found {folds}")
    boosting.checked(given["params"])
    columns = given["columns"]
    wanted = [c for c in frame.columns if c not in names.values()] if columns is None else [*columns]
    require_columns(frame, wanted, f"{_WHO}: experiment", role="feature")
    if leaks := [c for c in wanted if c in names.values()]:
        raise UsageError(
            f"{_WHO}: '{leaks[0]}' cannot be a feature, it is the outcome, the treatment or the propensity"
        )
    costs = {arm_name(k): float(v) for k, v in (given["costs"] or {}).items()}
    return _Question(
        given["outcome"], given["treatment"], arm_name(given["control"]), model, tuple(wanted), propensity, costs,
        float(given["value"]), folds, given["seed"], given["params"],
    )  # fmt: skip


def arm_name(value: Any) -> str:
    """An arm's value as text: 1, 1.0 and "1" are one arm, and so are True and "true"."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _learn(frame: pd.DataFrame, q: _Question, rows: int, skipped: dict[str, str]) -> UpliftModel:
    arms = frame[q.treatment].map(arm_name, na_action="ignore")
    y = pd.to_numeric(frame[q.outcome], errors="coerce").astype("Float64").to_numpy(float, na_value=np.nan)
    _checked(arms, y, q)
    codes = encoder(frame, q.columns)
    if not codes.columns:
        raise UsageError(f"{_WHO}: none of the columns can be a feature: {codes.skipped | skipped or 'there are none'}")
    x, made, warnings = codes.matrix(frame), {}, []
    engine = Engine(q.params, q.seed)
    for name in sorted({*arms} - {q.control}):
        mine = arms.isin([name, q.control]).to_numpy()
        t = (arms[mine] == name).to_numpy()
        fold = np.random.default_rng(q.seed).integers(0, q.folds, mine.sum())
        who = _assigned(frame[mine], x[mine], t, fold, engine, q)
        lacking = [n for n, arm in (("treated", t), ("controls", ~t)) if (arm & who.used).sum() < MIN_ROWS]
        if lacking:
            raise UsageError(
                f"{_WHO}: of the offer '{name}' fewer than {MIN_ROWS} {lacking[0]} have their like in the other arm; the two "
                "cannot be compared"
            )
        cost = q.costs.get(name, 0.0)
        effect, report, curve = learned(name, q.model, engine, x[mine], y[mine], t, who, fold, cost / q.value)
        made[name] = Offer(effect, report, who.overlap, curve, cost, who.constant, who.trees)
        if not who.overlap.random:
            warnings.append(f"offer '{name}': {assignment.CANNOT}")
    encoded = replace(codes, skipped={**codes.skipped, **skipped})
    return UpliftModel(
        q.model, q.outcome, q.treatment, q.control, encoded, made, q.value, rows, len(frame), warnings
    )  # fmt: skip


def _checked(arms: pd.Series, y: Any, q: _Question) -> None:
    """UsageError unless the rows are an experiment that can be learned from."""
    counts = arms.value_counts()
    if arms.isna().any():
        raise UsageError(f"{_WHO}: {arms.isna().sum():,} rows have no '{q.treatment}'; leave them out")
    if q.control not in counts:
        raise UsageError(
            f"{_WHO}: no row has the control '{q.control}' in '{q.treatment}'{nearest(q.control, counts.index)}"
        )
    if len(counts) < 2:
        raise UsageError(f"{_WHO}: all rows are controls; '{q.treatment}' needs another value")
    if small := [f"'{a}' ({n:,})" for a, n in counts.items() if n < MIN_ROWS]:
        raise UsageError(f"{_WHO}: an arm needs {MIN_ROWS} rows at least; {', '.join(small)} has fewer: leave it out")
    if unknown := sorted({*q.costs} - {*counts.index}):
        raise UsageError(
            f"{_WHO}: costs name the offer '{unknown[0]}', which no row has{nearest(unknown[0], counts.index)}"
        )
    if not np.isfinite(y).all():
        raise UsageError(f"{_WHO}: {(~np.isfinite(y)).sum():,} rows have no number in '{q.outcome}'; leave them out")
    if np.ptp(y) == 0:
        raise UsageError(f"{_WHO}: '{q.outcome}' is {y[0]:g} in every row, so nothing can be learned")
    if q.model == "class_transformation" and not np.isin(y, (0, 1)).all():
        raise UsageError(
            f"{_WHO}: model='class_transformation' needs an outcome of 0 and 1; take 'x' or 't' for '{q.outcome}'"
        )


def _assigned(frame: pd.DataFrame, x: Any, t: Any, fold: Any, engine: Engine, q: _Question) -> assignment.Assignment:
    if q.propensity is None:
        return assignment.found(engine, x, t, fold)
    if isinstance(q.propensity, str):
        e = pd.to_numeric(frame[q.propensity]).to_numpy(float)
        if not ((e > 0) & (e < 1)).all():
            raise UsageError(f"{_WHO}: every '{q.propensity}' must be between 0 and 1")
        return assignment.known(t, e)
    return assignment.known(t, np.full(len(t), q.propensity))


def _in_one_worker(df: DataFrame, q: _Question) -> UpliftModel:
    """One pass on Spark: the rows, in an order that follows from their values, go to one worker, which learns there."""
    kinds = {f.name: f.dataType for f in df.schema.fields}
    skipped = {
        c: "named as an identifier" for c in q.columns if isinstance(kinds[c], T.IntegralType) and IDENTIFIER.search(c)
    }
    skipped |= {
        c: "no number, text or true and false"
        for c in q.columns
        if not isinstance(kinds[c], T.NumericType | T.BooleanType | T.StringType)
    }
    columns = tuple(c for c in q.columns if c not in skipped)
    asked = replace(q, columns=columns)
    plain = [
        quoted(c).cast("double").alias(c) if isinstance(kinds[c], T.NumericType | T.BooleanType) else quoted(c)
        for c in columns
    ]
    extra = [q.propensity] if isinstance(q.propensity, str) else []
    plain += [quoted(c).cast("double").alias(c) for c in (q.outcome, *extra)]
    arm = quoted(q.treatment).cast("long") if isinstance(kinds[q.treatment], T.IntegralType) else quoted(q.treatment)
    place = F.xxhash64(*[quoted(c) for c in df.columns if isinstance(kinds[c], T.AtomicType)])
    rows = df.select(*plain, arm.alias(q.treatment), place.alias("__place"))
    limit = max(1, boosting.NUMBERS // max(1, len(columns)))
    total = rows.count()
    if total > limit:
        rows = rows.where(F.pmod(F.xxhash64("__place"), F.lit(2**30)) < int(2**30 * limit / total))

    def learn(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        parts = [b for b in batches if len(b)]
        try:
            if not parts:
                raise UsageError(f"{_WHO}: experiment has no rows")
            frame = pd.concat(parts).sort_values(["__place", asked.outcome, asked.treatment], kind="stable")
            made = _learn(frame.drop(columns="__place").reset_index(drop=True), asked, total, skipped)
            yield pd.DataFrame({"model": [made.to_json()], "usage": [None], "error": [None]})
        except UsageError as e:
            yield pd.DataFrame({"model": [None], "usage": [str(e)], "error": [None]})
        except Exception as e:
            yield pd.DataFrame({"model": [None], "usage": [None], "error": [str(e).splitlines()[0][:300]]})

    found = rows.coalesce(1).mapInPandas(learn, "model STRING, usage STRING, error STRING").first()
    assert found is not None
    if found["usage"]:
        raise UsageError(found["usage"])
    if found["error"]:
        raise OneCartError(f"{_WHO}: LightGBM failed: {found['error']}")
    return UpliftModel.from_json(found["model"])
