"""Runs in MLflow: parameters, figures and the overview of a model."""

import importlib.util
import os
from collections.abc import Mapping
from typing import Any

from onecart.config import is_local
from onecart.errors import OneCartError, UsageError
from onecart.intent.model import IntentModel

EXPERIMENT = "onecart-intent"


def uri(setting: str | None, root: str) -> str | None:
    """Where to track, None: nowhere. The setting, where there is one; else Databricks' own server on Databricks, and
    elsewhere the folder mlruns of a local lake, if the package mlflow is there."""
    if setting:
        return None if setting == "off" else setting
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return "databricks"
    return f"{root}/mlruns" if is_local(root) and importlib.util.find_spec("mlflow") else None


def track(where: str, model: IntentModel, *, version: str, tags: Mapping[str, str]) -> str:
    """Logs one run of the experiment `onecart-intent`; returns its id. No row of data goes there: figures, parameters,
    importances, deciles and rules only. UsageError: the package is missing; OneCartError: the store refuses."""
    try:
        mlflow: Any = importlib.import_module("mlflow")
    except ImportError as e:
        raise UsageError(
            f"intent.tracking_uri is {where}, and the package mlflow is not there: pip install 'onecart[tracking]', or "
            "set intent.tracking_uri to off"
        ) from e
    if "://" not in where or where.startswith("file:"):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder is enough for one team's runs
    try:
        client = mlflow.MlflowClient(tracking_uri=where)
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
        run = client.create_run(experiment, run_name=version, tags=dict(tags))
        run_id = str(run.info.run_id)
        for name, value in {"model": model.model, **model.params, "calibration": model.curve.method}.items():
            client.log_param(run_id, name, value)
        for name, value in {**model.metrics, **model.intervals}.items():
            client.log_metric(run_id, name, value)
        overview = {"importances": model.importances, "gains": model.gains, "partial": model.partial}
        client.log_dict(run_id, overview, "overview.json")
        client.log_text(run_id, model.rules(), "rules.txt")
        client.set_terminated(run_id)
    except Exception as e:
        first = (str(e).splitlines() or [type(e).__name__])[0]
        raise OneCartError(f"MLflow at {where} refused the run: {first[:300]}") from e
    return run_id
