"""The commands that start another program in this environment: `onecart test` and `onecart python`."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from onecart.config.arguments import command_parser
from onecart.errors import UsageError

_log = logging.getLogger(__name__)
_HELP = (["-h"], ["--help"])  # alone; every other word is for the program that is started
_LANES = {  # Spark settings that `./onecart test --all` runs the jobs with once more
    "with adaptive execution": {"spark.sql.adaptive.enabled": "true"},
    "with seven partitions": {"spark.sql.shuffle.partitions": "7", "spark.default.parallelism": "7"},
}


def python(argv: Sequence[str]) -> int:
    """Python with this environment: onecart python SCRIPT ..."""
    if argv in _HELP:
        command_parser("python", python.__doc__, "python notebooks/tour.py lake").print_help()
        return 0
    os.execv(sys.executable, [sys.executable, *argv])


def test(argv: Sequence[str]) -> int:
    """The gate: units, style, one run of each job. --all: notebooks, networks and benches too, then each job once more with
    adaptive execution and with seven partitions. pytest arguments go through, and a file that is named runs whole."""
    if argv in _HELP:
        command_parser("test", test.__doc__, "test tests/identity -k update").print_help()
        return 0
    root = Path(__file__).resolve().parents[3]
    if not (root / "tests").is_dir():
        raise UsageError("the tests are in a checkout of OneCart; run `./onecart test` there")
    os.chdir(root)
    everything = argv == ["--all"]
    coverage = ["--cov", "--cov-report=term:skip-covered"] if everything else []
    # Options alone mean the whole suite; whoever names a test wants it at once, in one process.
    # Files go to the workers in the order that tests/conftest.py gives them: the slow ones first.
    parallel = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    workers = parallel if all(a.startswith("-") for a in argv) else []
    # A fresh interpreter, so that coverage sees the modules this command has imported already.
    command = [sys.executable, "-m", "pytest", *workers]
    if everything:
        return _with_lanes([*command, *coverage, *argv], command)
    os.execv(sys.executable, [*command, *argv])


def _with_lanes(first: list[str], command: list[str]) -> int:
    failed = subprocess.call(first)
    for name, settings in _LANES.items():
        _log.info("the jobs once more, %s", name)
        environment = {**os.environ, "ONECART_TEST_SPARK": json.dumps(settings)}
        failed = subprocess.call([*command, "-m", "job and not heavy"], env=environment) or failed
    return failed
