"""conf/gpu.yaml: what Spark is told where there is a GPU, and where there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from onecart import config, jars, log, spark
from onecart.voice.sentiment.params import checked

ROOT = Path(__file__).parents[2]
DISCOVER = ROOT / "deploy" / "gpu" / "discover.sh"
SETTINGS = config.load(gpu=True)[0]


@pytest.fixture(autouse=True)
def messages_on_stderr():
    log.set_up()


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    """A PATH whose nvidia-smi shows two GPUs, in the words of the real one."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\ncase $1 in --list-gpus) echo 'GPU 0: H100 (UUID: GPU-1)'; echo 'GPU 1: H100 (UUID: GPU-2)';;\n"
        "*) echo 0; echo 1;; esac\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def no_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_discovery_script_tells_spark_each_gpu(two_gpus):
    said = subprocess.run([str(DISCOVER)], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == {"name": "gpu", "addresses": ["0", "1"]}


def test_the_settings_ask_for_one_gpu_a_task_and_the_gpu_build():
    conf = SETTINGS.spark.conf
    assert conf["spark.executor.resource.gpu.amount"] == conf["spark.task.resource.gpu.amount"] == "1"
    assert any("spark-nlp-gpu" in package for package in SETTINGS.spark.nlp_packages)
    assert Path(conf["spark.executor.resource.gpu.discoveryScript"]).name == DISCOVER.name
    assert checked(SETTINGS.voice.params).vector_batch == "auto"


def test_one_machine_takes_its_own_gpus(two_gpus, capsys):
    conf, packages = spark._on_one_machine({**SETTINGS.spark.conf, "spark.ui.port": "1"}, SETTINGS.spark.nlp_packages)
    assert (conf, packages) == ({"spark.ui.port": "1"}, SETTINGS.spark.nlp_packages)
    assert capsys.readouterr().err == ""


def test_one_machine_without_a_gpu_runs_on_its_cpus_and_says_so(no_gpu, capsys):
    conf, packages = spark._on_one_machine(dict(SETTINGS.spark.conf), SETTINGS.spark.nlp_packages)
    assert (conf, packages) == ({}, jars.NLP)
    assert "has no GPU" in capsys.readouterr().err


def test_one_machine_that_asks_for_no_gpu_is_asked_for_none(no_gpu, capsys):
    assert spark._on_one_machine({"spark.ui.port": "1"}, jars.NLP) == ({"spark.ui.port": "1"}, jars.NLP)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("options", "gpu"), [(["--gpu"], True), ([], False)])
def test_submit_ships_the_script_and_the_gpu_build_where_a_gpu_is_asked_for(options, gpu):
    env = {**os.environ, "SPARK_SUBMIT": "echo", "ONECART_PYTHON": sys.executable}
    submit = [str(ROOT / "deploy" / "spark-submit" / "submit.sh"), "voice", *options]
    said = subprocess.run(submit, env=env, capture_output=True, text=True, check=True).stdout
    assert (f"--files {DISCOVER}" in said) == gpu
    assert ("spark-nlp-gpu_2.12" in said) == gpu
    assert ("spark-nlp_2.12" in said) != gpu
