"""Settings: layers, origins, errors that name the nearest key, secrets by reference."""

import pytest

from onecart import config
from onecart.errors import UsageError


def test_layers_win_in_order_and_remember_their_origin(tmp_path, monkeypatch):
    (tmp_path / "base.yaml").write_text("seed: 1\nforecast: {top_skus: 10, horizon_days: 5}\n")
    (tmp_path / "prod.yaml").write_text("forecast: {top_skus: 20}\n")
    (tmp_path / "gpu.yaml").write_text("spark: {conf: {spark.x: '1'}}\n")
    monkeypatch.setenv("ONECART_CONF", str(tmp_path))
    settings, origin = config.load("prod", gpu=True, overrides=["forecast.horizon_days=7", "spark.conf.spark.sql.y=2"])
    assert (settings.seed, settings.forecast.top_skus, settings.forecast.horizon_days) == (1, 20, 7)
    assert settings.spark.conf == {"spark.x": "1", "spark.sql.y": "2"}
    assert (origin["seed"], origin["forecast.top_skus"], origin["forecast.horizon_days"]) == (
        "base.yaml",
        "prod.yaml",
        "--set",
    )
    assert origin["spark.conf.spark.x"] == "gpu.yaml"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("forcast.top_skus=3", "unknown key 'forcast'; did you mean 'forecast'"),
        ("forecast.topskus=3", "unknown key 'forecast.topskus'; did you mean 'top_skus'"),
        ("channels.reviews.pth=x", "unknown key 'channels.reviews.pth'; did you mean 'path'"),
        ("forecast.top_skus=many", r"forecast.top_skus: .*found 'many'"),
        ("forecast.top_skus", "expected key=value"),
        ("spark.secrets.spark.key=abc", "a secret is given by reference"),
    ],
)
def test_wrong_overrides_say_what_and_where(override, message):
    with pytest.raises(UsageError, match=message):
        config.load("local", overrides=[override])


def test_unknown_environment_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'cluster'"):
        config.load("clutser")


def test_a_plain_secret_is_refused_without_printing_it(capsys):
    with pytest.raises(UsageError) as e:
        config.load("local", overrides=["spark.secrets.spark.key=hunter2"])
    assert "hunter2" not in str(e.value).split(": ", 1)[1]


def test_secret_references_resolve(monkeypatch):
    monkeypatch.setenv("A_KEY", "value")
    assert config.resolve_secret("env:A_KEY") == "value"
    with pytest.raises(UsageError, match="NO_KEY is not set"):
        config.resolve_secret("env:NO_KEY")
    with pytest.raises(UsageError, match="Databricks only"):
        config.resolve_secret("secret:scope/key")


def test_every_shipped_environment_is_complete():
    for env in ("local", "cluster", "databricks"):
        settings, _ = config.load(env, gpu=True)
        assert len(settings.sources) == 14
        assert all(key for key, _ in config.flatten(settings))
