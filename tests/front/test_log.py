"""The log: what is shown on stderr, as what, and that imports set up nothing."""

import json
import logging
import subprocess
import sys

import pytest

from onecart import cli, log

_log = logging.getLogger("onecart.quality.job")


@pytest.fixture(autouse=True)
def as_before():
    logger = logging.getLogger("onecart")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


def test_a_terminal_shows_each_message_with_its_indentation_on_stderr_alone(capsys):
    log.set_up()
    log.set_up()  # again: each message still comes once
    _log.info("  %-6s %s", "web", "in 1 = out 1")
    _log.debug("not shown")
    assert capsys.readouterr() == ("", "onecart:   web    in 1 = out 1\n")


def test_quiet_shows_warnings_and_errors_only(capsys):
    log.set_up(quiet=True)
    _log.info("progress")
    _log.warning("odd")
    _log.error("wrong")
    assert capsys.readouterr().err == "onecart: odd\nonecart: wrong\n"


def test_json_lines_have_time_level_logger_message_and_the_fields(capsys):
    log.set_up(as_json=True)
    _log.info("  %-6s %s", "web", "in 1", extra={"fields": {"feed": "web", "rows_in": 1}})
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "onecart.quality.job",
        "message": "web in 1",
        "feed": "web",
        "rows_in": 1,
    }


def test_the_options_reach_the_log_and_an_error_is_one_json_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    lake = str(tmp_path / "file" / "lake")
    assert cli.main(["run", "clean", "--lake", lake, "--log-json", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    assert (line["level"], "cannot write the lake" in line["message"]) == ("error", True)
    assert logging.getLogger("onecart").level == logging.WARNING
    # The next command starts afresh.
    assert cli.main(["run", "clean", "--lake", lake]) == 1
    assert capsys.readouterr().err.startswith("onecart: cannot write the lake")
    assert logging.getLogger("onecart").level == logging.INFO


def test_imports_set_up_no_log():
    code = (
        "import logging, sys, onecart.cli, onecart.front.demo, onecart.spark, onecart.quality.job, onecart.privacy.command;"
        "logger = logging.getLogger('onecart');"
        "sys.exit(bool(logger.handlers or logger.level or not logger.propagate or logging.getLogger().handlers))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
