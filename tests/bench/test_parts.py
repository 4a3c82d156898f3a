"""The docs and `onecart bench` name the same parts: a figure without a command that prints it, or a command without figures, shows."""

import re
from pathlib import Path

from onecart.bench import command

DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"
NAMED = re.compile(r"^\./onecart bench (\w+)(?: --part (\w+))?", re.MULTILINE)


def test_every_part_of_a_bench_is_in_the_docs_and_the_other_way_round() -> None:
    named = {(name, part or name) for name, part in NAMED.findall(DOCS.read_text("utf-8"))}
    parts = {(name, part) for name, parts in command._BENCHES.items() for part in parts}
    assert named - parts == set()
    assert {(name, part) for name, part in parts - named if name == "voice"} == set()
