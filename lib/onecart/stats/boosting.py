"""LightGBM on arrays, the same trees for the same rows in the same order: what the rooms share that learn in one worker."""

from typing import Any

from onecart.errors import UsageError, nearest

NUMBERS = 20_000_000  # rows x numbers a row that go to one worker: 160 MB there, 20 million take a minute or two
NAMES = (
    *("n_estimators", "learning_rate", "num_leaves", "max_depth", "min_child_samples", "min_child_weight", "subsample"),
    *("subsample_freq", "colsample_bytree", "reg_alpha", "reg_lambda", "min_split_gain", "max_bin", "path_smooth"),
)
_PATIENCE = 30  # rounds without a lower loss on the validation rows after which it stops


def checked(params: dict[str, Any]) -> dict[str, Any]:
    """`params`, named as LightGBM's scikit-learn interface has them. UsageError: a wrong name, or no number."""
    for name, value in params.items():
        if name not in NAMES:
            raise UsageError(f"the model 'lightgbm' has no parameter '{name}'{nearest(name, NAMES)}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"the model 'lightgbm': {name}={value!r} is no number")
    return params


def same_every_time(params: dict[str, Any], objective: str, seed: int) -> dict[str, Any]:
    """LightGBM's parameters for one core, so that the same rows in the same order give the same trees wherever they are.
    objective: binary (the label is 0 or 1) or regression."""
    metric = {"binary": "binary_logloss", "regression": "l2"}[objective]
    settings = {**params, "objective": objective, "metric": metric, "seed": seed % 2**31, "num_threads": 1}
    return settings | {"deterministic": True, "force_row_wise": True, "verbose": -1}


def trained(settings: dict[str, Any], x: Any, y: Any, w: Any, held: Any = None) -> tuple[str, int]:
    """(the booster as LightGBM's text, its trees), learned from the rows that are not `held`; where there are such, it stops
    where their loss rises. settings: of `same_every_time`. x[row, number]; y, w (weight) and held, one value per row."""
    import lightgbm

    rounds = int(settings["n_estimators"])
    how = {name: value for name, value in settings.items() if name != "n_estimators"}
    stops: dict[str, Any] = {}
    watches = held is not None and held.any()
    learns = ~held if watches else slice(None)
    data = lightgbm.Dataset(x[learns], y[learns], weight=w[learns], params=how)
    if watches:
        stops["valid_sets"] = [lightgbm.Dataset(x[held], y[held], weight=w[held], reference=data, params=how)]
        stops["callbacks"] = [lightgbm.early_stopping(_PATIENCE, verbose=False)]
    booster = lightgbm.train(how, data, rounds, **stops)
    kept = booster.best_iteration if watches and booster.best_iteration > 0 else booster.num_trees()
    return booster.model_to_string(num_iteration=kept), kept
