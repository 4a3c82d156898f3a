"""Every figure of the benchmarks' page is printed by a bench: the page names the command, and the bench has the row."""

import re
from pathlib import Path

from onecart.bench import boosters, command, recommenders
from onecart.bench.forecast import models
from onecart.bench.voice import sentiment, small
from onecart.forecast.inventory.policies import NORMALS

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
_BLOCK = re.compile(r"```bash\n(.*?)```|((?:^\|[^\n]*\n)+)|^(#+ [^\n]*)$", re.DOTALL | re.MULTILINE)
# How the page calls a row -> the bench, its part and its own name for it. A row that is not here has no bench that prints it.
ROWS = {
    "MLlib `gbt`": ("intent", "training", "mllib-gbt"),
    "XGBoost on Spark": ("intent", "training", "xgboost-spark"),
    "LightGBM": ("intent", "training", "lightgbm"),
    **{f"{model}": ("recommend", "quality", model) for model in recommenders._MODELS},
    **{f"{users}": ("recommend", "lists", "users") for users in ("10,000", "100,000", "500,000 (`--sizes 500000`)")},
    "Online Retail II, weekly": ("forecast", "models", "weekly"),
    "Online Retail II, daily": ("forecast", "models", "daily"),
    "The Complete Journey, weekly": ("forecast", "models", "journey"),
    "public series, hourly": ("forecast", "models", "hourly"),
    "the forecast's quantiles": ("forecast", "stock", "newsvendor"),
    "mean + z sd of the same forecast": ("forecast", "stock", "normal"),
    "mean + z sd of the last": ("forecast", "stock", "normal_past"),
    "Amazon": ("voice", "quality", "amazon"),
    "film reviews": ("voice", "quality", "films"),
    "Chinese": ("voice", "quality", "chinese"),
}
PRINTED = {
    ("intent", "training"): set(boosters.BOOSTERS),
    ("recommend", "quality"): set(recommenders._MODELS),
    ("recommend", "lists"): {"users"},
    ("forecast", "models"): set(models.TRIALS),
    ("forecast", "stock"): {"newsvendor", *NORMALS},
    ("voice", "quality"): set(sentiment.DATA),
    ("voice", "small"): set(small.DATA),
}


def tables() -> list[tuple[tuple[str, str], list[list[str]]]]:
    """((bench, part), cells of the rows) of each table of figures, under the command that stands above it."""
    found, said = [], ("", "")
    for block in _BLOCK.finditer(PAGE.read_text()):
        commands, table, heading = block.groups()
        if heading:
            said = ("", "")
        elif commands:
            names = re.findall(r"onecart bench (\w+)(?: --part (\w+))?", commands)
            said = names[-1] if names else ("test", "")
        elif said != ("", ""):
            rows = [[cell.strip(" *") for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
            found.append((said, rows[2:]))
    return found


def test_every_command_of_the_page_is_there_and_every_part_is_on_the_page() -> None:
    text = PAGE.read_text()
    named = set(re.findall(r"onecart bench (\w+)(?: --part (\w+))?", text)) | {("recommend", "tune")}
    known = {(bench, part) for bench, parts in command._BENCHES.items() for part in parts}
    assert {(bench, part or bench) for bench, part in named} == known


def test_every_row_of_a_table_is_one_that_its_bench_prints() -> None:
    seen = set()
    for said, rows in tables():
        assert said in PRINTED, said
        for cells in rows:
            row = next((ROWS[name] for cell in cells[:2] for name in ROWS if cell.startswith(name)), None)
            assert row is not None, f"no bench prints {cells[0]!r}"
            assert row[2] in PRINTED[row[0], row[1]]
            assert said[0] == row[0], (said, row)
            seen.add(row)
    assert {row[2] for row in seen if row[:2] == ("forecast", "models")} == set(models.TRIALS)
