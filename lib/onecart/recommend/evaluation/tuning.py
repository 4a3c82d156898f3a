"""Which settings of a model do best on a part of the interactions that it has not learnt from."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from onecart.errors import UsageError
from onecart.frames import break_lineage, library_function, require_columns
from onecart.recommend.evaluation.metrics import per_user
from onecart.recommend.fitting import fit
from onecart.recommend.models.blend import FEWEST
from onecart.recommend.models.protocol import Space
from onecart.recommend.models.registry import MODELS, SPACES, parameters
from onecart.recommend.split import had, held_back

_JUDGES = 5000  # users that settings are judged on
_AT_RANDOM = 10  # trials at most before the search learns from them


@dataclass(frozen=True)
class Tuned:
    """The best settings of `model`, as `fit` takes them, and their nDCG@k on what was held back, mean over users.

    trials: one row a trial, in order: trial (from 1), ndcg, seconds, and a column for each setting searched.
    """

    model: str
    params: dict[str, Any]
    ndcg: float
    trials: pd.DataFrame


@library_function("group")
def tune(
    interactions: DataFrame,
    model: str = "blend",
    *,
    trials: int = 20,
    space: Space | None = None,
    validation: Literal["latest", "random"] | None = None,
    share: float = 0.2,
    least: float = 0.0,
    k: int = 10,
    seed: int = 7,
    products: DataFrame | None = None,
    **params: Any,
) -> Tuned:
    """Fits `model` on a part of `interactions` (and `products`), as `fit` takes them, `trials` times, and judges each by the rest.

    space: setting -> (low, high), (low, high, "log") or [values]; None: that of `SPACES`. params: settings that stay as
    they are. The first trial is the defaults as far as `space` holds them, the next are drawn by chance, the others near
    those that did well (TPE, Bergstra et al. 2011, by Optuna). The best of many has been lucky too: measure it on what
    `tune` has not seen.

    validation: the newest `share` of the rows (latest) or a share of the pairs (random); None: latest where ts is there.
    Judged by what a user has there, of a value of `least` in sum, and not before; on _JUDGES users at most.

    UsageError: the extra `tune` is not installed; names or values that do not fit the model; nothing to search, as with
    popularity without ts; fewer than FEWEST users with something held back.
    """
    parameters(model, params)
    timed = "ts" in interactions.columns
    wanted = _space(model, space, params, timed)
    if trials < 1 or not 0 < share < 1 or validation not in (None, "latest", "random"):
        raise UsageError(
            f"trials={trials} from 1 on, share={share} inside 0 to 1, validation={validation!r}: latest or random"
        )
    study, searched = _study(model, wanted, trials, seed)
    require_columns(interactions, ("user_id", "item_id"), "interactions")
    latest = timed if validation is None else validation == "latest"
    train, held = _judged(interactions, share, latest, seed, least)
    users, rows = held.select("user_id").distinct(), []
    seen = break_lineage(had(train, least))
    for number in range(1, trials + 1):
        clock, trial = time.monotonic(), study.ask(searched)
        lists = fit(train, model, products=products, **{**params, **trial.params}).recommend(users, k, seen=seen)
        ndcg = float(per_user(lists, held, k).agg(F.avg("ndcg")).first()[0])
        study.tell(trial, ndcg)
        rows.append({"trial": number, "ndcg": ndcg, "seconds": time.monotonic() - clock, **trial.params})
    best = study.best_trial
    return Tuned(model, {**params, **best.params}, float(best.value), pd.DataFrame(rows))


def _judged(rows: DataFrame, share: float, latest: bool, seed: int, least: float) -> tuple[DataFrame, DataFrame]:
    """(interactions to learn from, [user_id, item_id] of users among them to be asked for)."""
    train, held = held_back(rows, share, latest=latest, seed=seed, least=least)
    held = held.join(train.select("user_id").distinct(), on="user_id", how="left_semi")
    judges = held.select("user_id").distinct().orderBy(F.xxhash64("user_id")).limit(_JUDGES)
    held = break_lineage(held.join(judges, on="user_id", how="left_semi"))
    n = held.select("user_id").distinct().count()
    if n < FEWEST:
        raise UsageError(
            f"only {n} users are known and have something held back; fewer than {FEWEST} say nothing about settings: "
            "give more interactions or a larger share"
        )
    return train, held


def _space(model: str, given: Space | None, fixed: Mapping[str, Any], timed: bool) -> Space:
    """What is searched, checked."""
    space = {name: spec for name, spec in (SPACES[model] if given is None else given).items() if name not in fixed}
    if not timed:
        aged = [name for name in space if name.endswith("half_life_days")]
        if given is not None and aged:
            raise UsageError(
                f"{aged[0]} needs the time of the interactions: add a column ts, or leave it out of the space"
            )
        space = {name: spec for name, spec in space.items() if name not in aged}
    if not space:
        raise UsageError(
            f"the model '{model}' has nothing to tune here; give a space{'' if timed else ', or a column ts'}"
        )
    for name, spec in space.items():
        if not _well_formed(spec):
            raise UsageError(f"{name}={spec!r}: give (low, high), (low, high, 'log') with 0 < low, or a list of values")
        for value in spec if isinstance(spec, list) else spec[:2]:
            parameters(model, {name: value})
    return space


def _well_formed(spec: Any) -> bool:
    if isinstance(spec, list):
        return bool(spec)
    match spec:
        case (int() | float() as low, int() | float() as high):
            return low < high
        case (int() | float() as low, int() | float() as high, "log"):
            return 0 < low < high
    return False


def _study(model: str, space: Space, trials: int, seed: int) -> tuple[Any, dict[str, Any]]:
    """(an Optuna study in memory, setting -> what it draws from)."""
    try:
        import optuna
    except ImportError as e:
        raise UsageError("tune needs the package optuna: pip install 'onecart[tune]'") from e
    d, fields = optuna.distributions, MODELS[model].parameters.model_fields
    searched: dict[str, Any] = {}
    for name, spec in space.items():
        if isinstance(spec, list):
            searched[name] = d.CategoricalDistribution(spec)
        else:
            kind = d.IntDistribution if fields[name].annotation is int else d.FloatDistribution
            low, high, *log = spec
            searched[name] = kind(low, high, log=bool(log))
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces each new study
    try:
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(_AT_RANDOM, max(1, trials // 2)))
        study = optuna.create_study(direction="maximize", sampler=sampler)
    finally:
        optuna.logging.set_verbosity(before)
    first = {name: fields[name].default for name, spec in space.items() if _holds(spec, fields[name].default)}
    if first:
        study.enqueue_trial(first)
    return study, searched


def _holds(spec: tuple[Any, ...] | list[Any], value: Any) -> bool:
    return value in spec if isinstance(spec, list) else value is not None and spec[0] <= value <= spec[1]
