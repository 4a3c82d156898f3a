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
        ("spark.secrets={spark.key: abc}", "a secret is given by reference"),
        ("spark.conf=3", "spark.conf: .*dictionary"),
        ("shop.country=UK", "the ISO 3166 code of the United Kingdom is GB"),
        ("shop.time_zone=Berlin", "not a time zone"),
        ("shop.goods='('", "not a regular expression"),
        ("shop.rates.GBP=2", "GBP is the shop's own"),
    ],
)
def test_wrong_overrides_say_what_and_where(override, message):
    with pytest.raises(UsageError, match=message):
        config.load("local", overrides=[override])


def test_sparks_settings_are_text_as_a_mapping_or_one_by_one():
    (settings, origin) = config.load("local", overrides=["spark.conf={a.b: true, a.c: 010}", "spark.conf.a.d=0010"])
    assert settings.spark.conf == {"a.b": "true", "a.c": "010", "a.d": "0010"}
    assert origin["spark.conf.a.b"] == "--set"
    assert config.load("local", overrides=["spark.secrets={a.key: env:K}"])[0].spark.secrets == {"a.key": "env:K"}
    assert config.Spark.model_validate({"conf": {"a.b": False, "a.c": 200}}).conf == {"a.b": "false", "a.c": "200"}


def test_an_environment_extends_another_and_may_be_any_file(tmp_path):
    (tmp_path / "eu.yml").write_text("extends: sample\nshop: {currency: EUR, country: NO, rates: {GBP: 1.16}}\n")
    (tmp_path / "till.yaml").write_text("extends: ./eu.yml\nseed: 3\nshop: {channels: {kiosk: store}}\n")
    settings, origin = config.load(str(tmp_path / "till.yaml"))
    assert (settings.seed, settings.shop.currency, settings.shop.country) == (3, "EUR", "NO")
    assert settings.shop.channels == {
        "web": "online",
        "app": "app",
        "store": "store",
        "social": "other",
        "kiosk": "store",
    }
    assert (origin["seed"], origin["shop.currency"], origin["shop.goods"]) == (
        str(tmp_path / "till.yaml"),
        str(tmp_path / "eu.yml"),
        "sample.yaml",
    )
    (tmp_path / "own.yaml").write_text("shop: {currency: JPY}\n")
    settings, _ = config.load(str(tmp_path / "own.yaml"))
    assert (settings.sources, settings.shop) == ({}, config.Shop(currency="JPY"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: ./own.yaml", "extends itself"),
        ("extends: ../x/own.yaml", "extends itself"),
        ("extends: smaple", "no environment 'smaple'.*did you mean 'sample'"),
        ("extends: [sample]", "extends must name one file"),
        ("shop: {rates: {EUR: 0.9}}", "set shop.currency, too"),
    ],
)
def test_a_wrong_environment_file_says_what_and_where(text, message, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "own.yaml").write_text(text)
    with pytest.raises(UsageError, match=message):
        config.load(str(tmp_path / "x" / "own.yaml"))


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
