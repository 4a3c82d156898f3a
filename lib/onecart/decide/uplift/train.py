"""Learning uplift from an experiment, or from what was observed: a frame -> an UpliftModel, judged on held-out rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from onecart.decide.one_worker import in_one_worker
from onecart.decide.uplift import propensity as assignment
from onecart.decide.uplift.at_scale import PLACE, plain, train_on_spark
from onecart.decide.uplift.encoding import encoder
from onecart.decide.uplift.evaluation import learned
from onecart.decide.uplift.learners import Arrays, Engine
from onecart.decide.uplift.model import Offer, UpliftModel
from onecart.decide.uplift.question import WHO, Question, arm_name, check, check_overlap, facts, question
from onecart.errors import UsageError
from onecart.sql_settings import our_settings


def train_uplift(
    experiment: DataFrame,
    outcome: str,
    treatment: str,
    control: Any,
    model: str = "x",
    *,
    engine: str = "auto",
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
    offer; value: what a unit of the outcome is worth. folds: parts of the rows, each judged by what the others taught. engine: auto
    | lightgbm | mllib; auto is LightGBM where the table fits one worker, up to 20 million numbers, and forests of MLlib above.
    params: of the engine, as in n_estimators=200 or numTrees=80, whose names choose of auto's two.

    The model's `.report` has the effect, Qini with its interval, and advice; "no heterogeneity" is a result. `.judged_on` says how
    many held-out rows it is from: all, or as many of them as a worker holds.

    UsageError where something is amiss.
    """
    q = question(locals())
    if isinstance(experiment, pd.DataFrame):
        return _learn(experiment.reset_index(drop=True), q, {})
    with our_settings(experiment.sparkSession):
        rows, columns, skipped = plain(experiment, q)
        asked = replace(q, columns=columns)
        total = rows.count() if q.engine == "auto" and not q.params else 0
        if asked.engine_for(total * max(1, len(columns))) == "mllib":
            return train_on_spark(rows, asked, skipped)
        return _in_one_worker(rows, asked, skipped)


def _learn(frame: pd.DataFrame, q: Question, skipped: dict[str, str]) -> UpliftModel:
    arms = frame[q.treatment].map(arm_name, na_action="ignore")
    y = pd.to_numeric(frame[q.outcome], errors="coerce").astype("Float64").to_numpy(float, na_value=np.nan)
    check(facts(arms, y), q)
    codes = encoder(frame, q.columns)
    if not codes.columns:
        raise UsageError(f"{WHO}: none of the columns can be a feature: {codes.skipped | skipped or 'there are none'}")
    x, made, warnings = codes.matrix(frame), {}, []
    engine = Engine(q.params, q.seed)
    folds = np.random.default_rng(q.seed).integers(0, q.folds, len(frame))  # the same of a row for every offer
    for name in sorted({*arms} - {q.control}):
        mine = arms.isin([name, q.control]).to_numpy()
        t = (arms[mine] == name).to_numpy()
        fold = folds[mine]
        who = _assigned(frame[mine], x[mine], t, fold, engine, q)
        check_overlap(name, int((t & who.used).sum()), int((~t & who.used).sum()))
        cost = q.costs.get(name, 0.0)
        rows = Arrays(engine, x[mine], y[mine], t.astype(float), who.propensity)
        effect, found = learned(name, q.model, rows, who, fold, cost / q.value)
        made[name] = Offer(effect, found.report, who.overlap, found.curve, cost, who.constant, who.trees)
        if not who.overlap.random:
            warnings.append(f"offer '{name}': {assignment.CANNOT}")
    encoded = replace(codes, skipped={**codes.skipped, **skipped})
    return UpliftModel(
        q.model, q.outcome, q.treatment, q.control, encoded, made, q.value, len(frame), len(frame), "lightgbm", warnings
    )  # fmt: skip


def _assigned(frame: pd.DataFrame, x: Any, t: Any, fold: Any, engine: Engine, q: Question) -> assignment.Assignment:
    if q.propensity is None:
        return assignment.found(engine, x, t, fold)
    if isinstance(q.propensity, str):
        e = pd.to_numeric(frame[q.propensity]).to_numpy(float)
        if not ((e > 0) & (e < 1)).all():
            raise UsageError(f"{WHO}: every '{q.propensity}' must be between 0 and 1")
        return assignment.known(t, e)
    return assignment.known(t, np.full(len(t), q.propensity))


def _in_one_worker(rows: DataFrame, q: Question, skipped: dict[str, str]) -> UpliftModel:
    """One pass on Spark: the rows of `plain`, in an order that follows from their values, go to one worker, which learns there."""

    def learn(frame: pd.DataFrame) -> str:
        return _learn(frame.drop(columns=PLACE), q, skipped).to_json()

    return UpliftModel.from_json(in_one_worker(rows, learn, [PLACE, q.outcome, q.treatment], WHO))
