"""What every bench does: measure in a process of its own, and show its rows as a table."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from onecart.bench.memory import Peak
from onecart.errors import OneCartError

Made = TypeVar("Made")


def in_own_process(module: str, *argv: str, what: str, hint: str = "") -> dict[str, Any]:
    """Runs `python -m module argv`, whose last argument is a new folder; the stats.json that it leaves there.

    OneCartError: it failed; names `what`, its last words and `hint`.
    """
    out = Path(argv[-1])
    out.mkdir()
    command = [sys.executable, "-m", module, *argv]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise OneCartError(f"{what} failed: {last}{hint}")
    stats: dict[str, Any] = json.loads((out / "stats.json").read_text())
    return stats


def write_stats(out: str, work: Callable[[], Made], figures: Callable[[Made], dict[str, Any]]) -> int:
    """What such a process does: leaves stats.json below `out`, the `figures` of what `work` gives and peak_gib, the memory that it
    took at the most; 0. Where it fails: one line on stderr; 1."""
    try:
        with Peak() as peak:
            made = work()
        stats = {**figures(made), "peak_gib": peak.gib}
    except Exception as e:
        print(f"{type(e).__name__}: {' '.join(str(e).split())}"[:500], file=sys.stderr)
        return 1
    Path(out, "stats.json").write_text(json.dumps(stats))
    return 0


def cells(row: dict[str, Any], columns: Sequence[tuple[str, str]]) -> list[str]:
    """The row as text; `columns`: name and format of each, None is shown as -."""
    return ["-" if row[name] is None else form.format(row[name]) for name, form in columns]


def table(rows: Sequence[dict[str, Any]], columns: Sequence[tuple[str, str]]) -> str:
    """The rows as text, a head above."""
    lines = [[name.replace("_", " ") for name, _ in columns], *(cells(r, columns) for r in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([text[0], "-" * len(text[0]), *text[1:]])
