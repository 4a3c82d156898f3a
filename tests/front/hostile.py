"""Texts made to keep a pattern busy: for each of its repeats one that reaches it, repeats its body and then fails."""

import ast
import contextlib
import importlib
import inspect
import pkgutil
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

_PYTHON = {r"\p{Lu}": "A-Z", r"\p{Ll}": "a-z", r"\p{L}": "A-Za-z", r"\p{N}": "0-9"}
_CALLS = ("regexp_replace", "regexp_extract", "regexp_extract_all", "regexp_like", "rlike", "split", "compile", "sub", "findall",
          "match", "search", "fullmatch", "finditer")  # fmt: skip


@dataclass(frozen=True)
class Pattern:
    text: str
    module: str
    java: bool


def patterns(package: ModuleType, leave_out: tuple[str, ...]) -> list[Pattern]:
    """All texts of the package's modules that repeat something, as Java reads them, the compiled ones as Python does; and those
    written where they are used."""
    found: dict[tuple[str, bool], Pattern] = {}
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if info.name.startswith(leave_out):
            continue
        module = importlib.import_module(info.name)
        for text, java in (*_constants(vars(module)), *_written(module)):
            if re.search(r"[^\\][+*{]", text):
                found.setdefault((text, java), Pattern(text, info.name, java))
    return [*found.values()]


def _constants(value: Any) -> Iterator[tuple[str, bool]]:
    if isinstance(value, str):
        yield value, True
    elif isinstance(value, re.Pattern):
        yield value.pattern if isinstance(value.pattern, str) else value.pattern.decode("latin-1"), False
    elif isinstance(value, dict):
        for name, each in value.items():
            if not str(name).startswith("__"):
                yield from _constants(each)
    elif isinstance(value, tuple | list | frozenset):
        for each in value:
            yield from _constants(each)


def _written(module: ModuleType) -> Iterator[tuple[str, bool]]:
    """What the calls of a pattern's functions are given, where it can be told from the module alone."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        called = getattr(node, "func", None)
        if isinstance(node, ast.Call) and isinstance(called, ast.Attribute) and called.attr in _CALLS:
            java = not (isinstance(called.value, ast.Name) and called.value.id == "re")
            for argument in node.args:
                with contextlib.suppress(Exception):
                    value = eval(compile(ast.Expression(argument), "", "eval"), dict(vars(module)))
                    yield from ((text, java) for text, _ in _constants(value))


def attacks(pattern: str) -> set[tuple[str, str]]:
    """(what leads to a repeat, what it repeats) of each repeat of the pattern."""
    plain = re.sub(r"\[(?:\\.|[^\]\\])*\]|\\[xp]\{\w+\}", lambda m: _in_python(m.group()), pattern)
    plain = re.sub(r"([+*?}])\+", r"\1", plain.replace("(?iu)", "(?i)"))
    flags = re.findall(r"^\(\?([a-z]+)\)", plain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = parser.parse(re.sub(r"^\(\?[a-z]+\)", "", plain), re.VERBOSE if flags and "x" in flags[0] else 0)
        except (re.error, OverflowError):
            return set()
    return {(before, body) for before, body in _repeats(tree, "") if body}


def _in_python(part: str) -> str:
    """A class of characters, or one character, without what Java alone knows."""
    plain = re.sub(r"\\[xp]\{\w+\}", lambda m: _PYTHON.get(m.group(), "é"), part)
    return plain if part.startswith("[") else f"[{plain}]"


def _repeats(tree: Any, before: str) -> Iterator[tuple[str, str]]:
    for op, value in tree:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            least, most, body = value
            if most > 3:
                yield from ((before, text) for text in _some(body))
            yield from _repeats(body, before)
            before += _one(body) * least
        elif op is sre.SUBPATTERN:
            yield from _repeats(value[3], before)
            before += _one(value[3])
        elif op is sre.BRANCH:
            for branch in value[1]:
                yield from _repeats(branch, before)
            before += _one(value[1][0])
        else:
            before += _one([(op, value)])


def _some(body: Any) -> set[str]:
    """Short texts that a repeat's body takes: of a class its first and its last character."""
    return {_one(body, first) for first in (True, False)}


def _one(tree: Any, first: bool = True) -> str:
    out = ""
    for op, value in tree:
        if op is sre.LITERAL:
            out += chr(value)
        elif op is sre.NOT_LITERAL:
            out += "a" if chr(value) != "a" else "b"
        elif op is sre.ANY:
            out += "a"
        elif op is sre.IN:
            out += _of_class(value, first)
        elif op is sre.BRANCH:
            out += _one(value[1][0 if first else -1], first)
        elif op is sre.SUBPATTERN:
            out += _one(value[3], first)
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            out += _one(value[2], first) * max(value[0], 0 if first else 1)
    return out


def _of_class(items: Any, first: bool) -> str:
    if items[0][0] is sre.NEGATE:
        inside = re.compile("[" + "".join(_class_text(i) for i in items[1:]) + "]")
        options = [c for c in "a1 .,<x@:\n" if not inside.match(c)]
        return options[0 if first else -1] if options else "é"
    op, value = items[0 if first else -1]
    if op is sre.RANGE:
        return chr(value[0])
    if op is sre.CATEGORY:
        return {sre.CATEGORY_DIGIT: "1", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "a"}.get(value, "!")
    return chr(value)


def _class_text(item: Any) -> str:
    op, value = item
    if op is sre.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    if op is sre.CATEGORY:
        names = {sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_SPACE: r"\s", sre.CATEGORY_WORD: r"\w"}
        return names.get(value, r"\W")
    return re.escape(chr(value))
