"""Runs in MLflow."""

import sys
from typing import Any

import pytest

from onecart.errors import OneCartError, UsageError
from onecart.models.tracking import Record, track, uri


def test_a_tracking_store_without_its_package_is_an_error_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    assert [uri("off", "/lake"), uri("http://x", "/lake"), uri(None, "s3a://lake")] == [None, "http://x", None]
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UsageError, match=r"pip install 'onecart\[tracking\]'"):
        track("file:///tmp/runs", "intent", "v", Record(), tags={})


def test_a_run_goes_to_a_folder_of_mlflow(tmp_path: Any) -> None:
    mlflow = pytest.importorskip("mlflow", exc_type=ImportError)
    record = Record(
        {"model": "gbt", "maxIter": 7},
        {"auc": 0.8, "users.activity.20+": 31, "ndcg.country.Åland": 0.5},
        {"overview.json": {"gains": []}},
        {"rules.txt": "tree 1"},
    )
    where = f"file://{tmp_path}/runs"
    run_id = track(where, "intent", "v1", record, tags={"as_of": "2011-06-01"})
    run = mlflow.MlflowClient(where).get_run(run_id)
    assert run.data.metrics == {"auc": 0.8, "users.activity.20_": 31, "ndcg.country._land": 0.5}
    assert run.data.params == {"model": "gbt", "maxIter": "7"}
    assert run.info.run_name == "v1"
    assert {file.path for file in mlflow.MlflowClient(where).list_artifacts(run_id)} == {"overview.json", "rules.txt"}
    assert mlflow.MlflowClient(where).get_experiment_by_name("onecart-intent") is not None
    with pytest.raises(OneCartError, match="refused the run"):
        track("nowhere://x", "intent", "v1", record, tags={})
