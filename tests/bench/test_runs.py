"""What a measured process leaves behind."""

import json
from pathlib import Path

import pytest

from onecart.bench import runs


def test_a_run_leaves_its_figures_or_one_line_of_its_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs.write_stats(str(tmp_path), lambda: 2, lambda made: {"twice": 2 * made}) == 0
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert stats["twice"] == 4
    assert stats["peak_gib"] > 0

    def fails() -> int:
        raise ValueError("no\nroom")

    assert runs.write_stats(str(tmp_path / "new"), fails, lambda made: {}) == 1
    assert capsys.readouterr().err == "ValueError: no room\n"
    assert not (tmp_path / "new").exists()
