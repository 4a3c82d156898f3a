"""Which tests run when: the gate leaves out the heavy ones, `--all` and a named file do not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def collected(*arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("arguments", "tests"),
    [(["tests/voice"], 4), (["tests/voice", "--all"], 5), (["tests/voice/aspects/test_tagger.py"], 5)],
)
def test_heavy_tests_wait_for_all_unless_their_file_is_named(arguments, tests):
    assert f"tests/voice/aspects/test_tagger.py: {tests}" in collected(*arguments)
