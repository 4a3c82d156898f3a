"""What the pages show is tried: Python blocks run, commands and their options exist, names in backticks are known."""

import re
import shlex
from collections.abc import Iterator
from functools import cache, reduce
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from onecart import cli, config
from onecart.contracts import CONTRACTS
from onecart.dag import JOBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_RECIPES = ROOT / "CONTRIBUTING.md"  # test_recipes follows them
_THROUGH = ("test", "python")  # their arguments go to pytest and to Python
_BEFORE = re.compile(r"^(?:cd \S+ && |\w+=\S+ )+")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    """(page, line) of every shell line of the pages, and of every command of OneCart in backticks."""
    for page in PAGES:
        for block in blocks(page, "bash"):
            yield from ((name_of(page), line) for line in block.splitlines() if line.strip())
        outside = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        yield from ((name_of(page), line) for line in re.findall(r"`((?:\./)?onecart [^`]+)`", outside))


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=name_of)
def test_python_blocks_run(page: Path, spark: Any) -> None:
    names: dict[str, Any] = {"spark": spark}
    for block in blocks(page, "python"):
        exec(compile(block, name_of(page), "exec"), names)


def test_yaml_blocks_are_settings() -> None:
    found = [block for page in PAGES for block in blocks(page, "yaml")]
    assert found
    for block in found:
        config.Settings.model_validate(yaml.safe_load(block))


@cache
def help_of(*words: str) -> str:
    """What `onecart WORDS --help` prints; empty: there is no such command."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        try:
            code = cli.main([*words, "--help"])
        except SystemExit as e:
            code = int(e.code or 0)
    return out.getvalue() if code == 0 else ""


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_commands_and_their_options_exist(page: str, line: str) -> None:
    words = shlex.split(_BEFORE.sub("", line), comments=True)
    if words[0].removeprefix("./") != "onecart":
        return assert_known(words)
    name, rest = words[1], words[2:]
    if name.isupper():
        return None
    assert re.search(rf"^  {re.escape(name)} ", help_of(), re.MULTILINE), f"no command {name}"
    if name in _THROUGH:
        assert all((ROOT / w).exists() for w in rest if "/" in w)
        return None
    help_text = help_of(name)
    for option in [w.split("=")[0] for w in rest if w.startswith("--")]:
        assert option in help_text, f"{name} has no option {option}"
    if name == "run":
        assert rest[0] in {*JOBS, "all", "JOB"}
    given = [value for option, value in pairwise(rest) if option == "--set" and "key=" not in value]
    given = [value for value in given if not value.startswith("channels.NAME")]
    config.load("local", overrides=given)
    return None


def assert_known(words: list[str]) -> None:
    """A line that is not OneCart's: the files and extras that it names are there."""
    for word in words:
        if word.startswith(("jobs/", "deploy/")):
            assert (ROOT / word).exists(), word
        if extra := re.fullmatch(r"onecart\[(\w+)\]", word):
            extras = (ROOT / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1].split("\n[")[0]
            assert f"\n{extra[1]} = [" in extras


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_tables_settings_and_functions_in_backticks_are_known(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    example = {"gold.segment_sizes"} if page == _RECIPES else set()
    dotted = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)(?=[`(:=])", text)) - example
    unknown = [n for n in sorted(dotted) if not (n in CONTRACTS or is_setting(n) or is_attribute(n) or is_file(n))]
    assert unknown == []


def is_setting(name: str) -> bool:
    model: Any = config.Settings
    for part in name.split("."):
        if get_origin(model) is dict:
            return name.split(".")[1] in config.load()[0].model_dump()[name.split(".")[0]]
        if not (isinstance(model, type) and issubclass(model, BaseModel)) or part not in model.model_fields:
            return False
        model = model.model_fields[part].annotation
        model = next((m for m in get_args(model) if isinstance(m, type) and issubclass(m, BaseModel)), model)
    return True


def is_attribute(name: str) -> bool:
    """Whether it is something of the package: `recommend.fit`, `onecart.behaviour.live`."""
    parts = name.removeprefix("onecart.").split(".")
    for n in range(len(parts), 0, -1):
        try:
            module = import_module(".".join(["onecart", *parts[:n]]))
        except ImportError:
            continue
        return reduce(lambda found, part: getattr(found, part, None), parts[n:], module) is not None
    return False


def is_file(name: str) -> bool:
    return name.rsplit(".", 1)[1] in ("py", "md", "html", "sh", "lock", "toml", "yaml") or name.startswith("lake.")
