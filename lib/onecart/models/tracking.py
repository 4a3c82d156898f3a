"""Runs in MLflow: parameters, figures and pictures of a model; no row of data goes there."""

import importlib
import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onecart.config import is_local
from onecart.errors import OneCartError, UsageError


@dataclass(frozen=True)
class Record:
    """What a run shows of a model. documents: file name -> what becomes JSON; texts: file name -> text."""

    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def uri(setting: str | None, root: str) -> str | None:
    """Where to track, None: nowhere. The setting, where there is one; else Databricks' own server on Databricks, and
    elsewhere the folder mlruns of a local lake, if the package mlflow is there."""
    if setting:
        return None if setting == "off" else setting
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return "databricks"
    return f"{root}/mlruns" if is_local(root) and importlib.util.find_spec("mlflow") else None


def track(where: str, question: str, version: str, record: Record, tags: Mapping[str, str]) -> str:
    """Logs one run of the experiment `onecart-<question>`; returns its id. UsageError: the package is missing;
    OneCartError: the store refuses."""
    try:
        mlflow: Any = importlib.import_module("mlflow")
    except ImportError as e:
        raise UsageError(
            f"models.tracking_uri is {where}, and the package mlflow is not there: pip install 'onecart[tracking]', or "
            "set models.tracking_uri to off"
        ) from e
    if "://" not in where or where.startswith("file:"):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # a folder is enough for one team's runs
    try:
        client = mlflow.MlflowClient(tracking_uri=where)
        found = client.get_experiment_by_name(f"onecart-{question}")
        experiment = found.experiment_id if found else client.create_experiment(f"onecart-{question}")
        run = client.create_run(experiment, run_name=version, tags=dict(tags))
        run_id = str(run.info.run_id)
        for name, value in record.params.items():
            client.log_param(run_id, _allowed(name), value)
        for name, value in record.metrics.items():
            client.log_metric(run_id, _allowed(name), value)
        for name, document in record.documents.items():
            client.log_dict(run_id, document, name)
        for name, text in record.texts.items():
            client.log_text(run_id, text, name)
        client.set_terminated(run_id)
    except Exception as e:
        first = (str(e).splitlines() or [type(e).__name__])[0]
        raise OneCartError(f"MLflow at {where} refused the run: {first[:300]}") from e
    return run_id


def _allowed(name: str) -> str:
    """A name as MLflow takes it: `users.activity.20+` holds a sign that it refuses."""
    return re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)
