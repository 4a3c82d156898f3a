"""The front door: exit codes and sentences, without Spark."""

import json
import subprocess
import sys

import pytest

from onecart import cli, jobs
from onecart.front import environment


def test_help_lists_every_command(capsys):
    assert cli.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in cli.COMMANDS)


def test_help_imports_neither_spark_nor_a_room():
    code = (
        "import sys; from onecart import cli; cli.main(['--help']);"
        "sys.exit(any(m in sys.modules for m in ('pyspark', 'pandas', 'onecart.profile', 'onecart.samples')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_help_with_an_example(name, capsys, monkeypatch):
    def started(*_):
        raise AssertionError("help starts nothing")

    monkeypatch.setattr("os.execv", started)
    monkeypatch.setattr("subprocess.call", started)
    try:
        code = cli.main([name, "--help"])
    except SystemExit as e:
        code = e.code
    assert code == 0
    out = capsys.readouterr().out
    assert f"usage: onecart {name}" in out
    assert f"example: onecart {name}" in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["rn", "clean"], "no command 'rn'; did you mean 'run'?"),
        (["run", "clen"], "no job 'clen'; did you mean 'clean'?"),
        (["run", "clean", "--set", "qality.late_hours=3"], "unknown key 'qality'; did you mean 'quality'?"),
        (["run", "clean", "--env", "prd"], "no environment 'prd'"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(argv, message, capsys):
    assert cli.main(argv) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_config_prints_values_with_their_origin(capsys):
    assert cli.main(["config", "--json", "--set", "seed=11"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["seed"] == {"value": 11, "origin": "--set"}
    assert printed["lake.root"]["origin"] == "local.yaml"
    assert printed["forecast.top_skus"]["origin"] == "default"


def test_unwritable_lake_is_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["run", "clean", "--lake", str(tmp_path / "file" / "lake")]) == 1
    err = capsys.readouterr().err
    assert "cannot write the lake" in err
    assert err.count("\n") == 1


def test_an_unexpected_error_keeps_its_stack_trace_in_the_log(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ONECART_CACHE", str(tmp_path))

    def broken() -> int:
        raise RuntimeError("first line\n\tat org.apache.spark.Thing")

    assert jobs.guarded(broken) == 1
    err = capsys.readouterr().err
    assert "RuntimeError: first line" in err
    assert "org.apache" not in err
    assert "org.apache" in next((tmp_path / "logs").iterdir()).read_text()


@pytest.mark.parametrize(
    ("argv", "parallel", "covered"),
    [
        ([], True, False),
        (["--all"], True, True),
        (["--durations=60"], True, False),
        (["tests/front/test_cli.py", "-x"], False, False),
    ],
)
def test_the_whole_suite_runs_in_two_workers_and_a_named_test_in_none(argv, parallel, covered, monkeypatch):
    started, lanes = [], []

    def called(words, env=None):
        (lanes if env else started).extend([words] if env else words)
        return int(env is not None)

    monkeypatch.setattr("os.execv", lambda program, words: called(words))
    monkeypatch.setattr("subprocess.call", called)
    monkeypatch.setattr("os.chdir", lambda folder: None)
    # A lane that fails makes the whole fail.
    assert (environment.test(argv), len(lanes)) == ((1, 2) if covered else (None, 0))
    assert all(words[-2:] == ["-m", "job and not heavy"] for words in lanes)
    assert started[1:3] == ["-m", "pytest"]
    assert started[len(started) - len(argv) :] == argv
    assert ("-n" in started, "--cov" in started) == (parallel, covered)


def test_samples_list_names_source_and_terms(capsys):
    assert cli.main(["samples", "list"]) == 0
    out = capsys.readouterr().out
    assert "online-retail" in out
    assert "Chen" in out
