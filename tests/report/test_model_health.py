"""The newest figures of the models."""

import pytest

from onecart.report.model_health import newest_metrics

pytestmark = pytest.mark.job


def test_newest_metric_of_each_model(spark):
    rows = [
        ("intent.gbt", "v1", "auc", 0.6, "2011-01-01"),
        ("intent.gbt", "v2", "auc", 0.7, "2011-02-01"),
        ("voice.x", "v1", "auc", 0.9, "2011-01-01"),
    ]
    health = spark.createDataFrame(
        rows, "model string, model_version string, metric string, value double, as_of string"
    )
    assert [(r.model, r.value) for r in newest_metrics(health, "auc", "intent.").collect()] == [("intent.gbt", 0.7)]
