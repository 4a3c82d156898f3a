"""Every figure of the benchmarks' page is printed by a bench: the page names the command, and the bench has the row."""

import re
from pathlib import Path

from onecart.bench import boosters, command, recommenders
from onecart.bench.coupons import measure as coupons
from onecart.bench.decisions import assignment, uplift
from onecart.bench.forecast import models
from onecart.bench.market import gate
from onecart.bench.market.policies import POLICIES
from onecart.bench.voice import sentiment, small
from onecart.forecast.inventory.policies import NORMALS

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
_BLOCK = re.compile(r"```bash\n(.*?)```|((?:^\|[^\n]*\n)+)|^(#+ [^\n]*)$", re.DOTALL | re.MULTILINE)
# (Bench, part) -> how the page calls a row -> the bench's own name for it. A row that is not here has no bench that prints it.
ROWS = {
    ("intent", "training"): {
        "`onecart`": "onecart", "MLlib `gbt`": "mllib-gbt", "XGBoost on Spark": "xgboost-spark", "LightGBM": "lightgbm",
    },
    ("recommend", "quality"): {model: model for model in recommenders._MODELS},
    ("recommend", "lists"): dict.fromkeys(("10,000", "100,000", "500,000 (`--sizes 500000`)"), "users"),
    ("forecast", "models"): {
        "Online Retail II, weekly": "weekly", "Online Retail II, daily": "daily",
        "The Complete Journey, weekly": "journey", "public series, hourly": "hourly",
    },
    ("forecast", "stock"): {
        "the forecast's quantiles": "newsvendor", "mean + z sd of the same forecast": "normal",
        "mean + z sd of the last": "normal_past",
    },
    ("voice", "quality"): {"Amazon": "amazon", "film reviews": "films", "Chinese": "chinese"},
    ("voice", "small"): {name: name for name in small.DATA},
    ("decide", "assign"): {"pandas": "pandas", "Spark": "spark"},
    ("decide", "market"): {name: name for name in POLICIES},
    ("decide", "uplift"): {"women's": "women", "men's": "men"},
    ("decide", "gate"): {log: log for log in gate.LOGS},
    ("decide", "coupons"): {name: name for name in reversed(coupons.RANKINGS)},  # the longer name before the one it begins with
}  # fmt: skip
PRINTED = {
    ("intent", "training"): set(boosters.BOOSTERS),
    ("recommend", "quality"): set(recommenders._MODELS),
    ("recommend", "lists"): {"users"},
    ("forecast", "models"): set(models.TRIALS),
    ("forecast", "stock"): {"newsvendor", *NORMALS},
    ("voice", "quality"): set(sentiment.DATA),
    ("voice", "small"): set(small.DATA),
    ("decide", "assign"): set(assignment.ENGINES),
    ("decide", "market"): set(POLICIES),
    ("decide", "uplift"): set(uplift._MAILS),
    ("decide", "gate"): set(gate.LOGS),
    ("decide", "coupons"): set(coupons.RANKINGS),
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
    seen = {key: set[str]() for key in ROWS}
    for said, rows in tables():
        assert said in ROWS, f"a table of figures under `onecart bench {' --part '.join(said)}`"
        for cells in rows:
            row = next((row for cell in cells[:2] for name, row in ROWS[said].items() if cell.startswith(name)), None)
            assert row is not None, f"no bench prints {cells[0]!r}"
            assert row in PRINTED[said]
            seen[said].add(row)
    assert seen["forecast", "models"] == set(models.TRIALS)
