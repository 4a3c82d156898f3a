"""The names that a CSV header gives to columns."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

_SEPARATOR = re.compile(r'"?sep=(.+?)"?', re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"`[^`]+`|\w+")


def plain(text: str) -> str:
    """A name as SQL writes it: letters, marks and digits of any script in lower case, what is between them as `_`."""
    folded = unicodedata.normalize("NFKC", text).lower()
    return "_".join("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded).split())


def layout(header: str, delimiter: str) -> tuple[str, str]:
    """The header record and the delimiter of its file, which a line `sep=...` above it may have said."""
    first, end, rest = header.partition("\n")
    said = separator(first) if end else None
    return (rest, said) if said else (header, delimiter)


def separator(line: str) -> str | None:
    """The delimiter that a line `sep=;` says, as Excel writes it above a header; None: it is no such line."""
    said = _SEPARATOR.fullmatch(line)
    return said.group(1).replace("\\t", "\t") if said else None


def unique(names: Iterable[str], rename: Mapping[str, str]) -> list[str]:
    """Plain column names, each once: the second of one name gets `_2`, one without a name `column_` and its place.

    `rename` (header text -> name) wins over what another column is called.
    """
    renames = {plain(old): new for old, new in rename.items()}
    first = _each_once([plain(name) or f"column_{place}" for place, name in enumerate(names, 1)])
    given = [renames.get(name) for name in first]
    left = _each_once([name for name, new in zip(first, given, strict=True) if new is None], set(filter(None, given)))
    return [new or left.pop(0) for new in given]


def _each_once(names: list[str], taken: Iterable[str] = ()) -> list[str]:
    used, found = {name.lower() for name in taken}, []
    for name in names:
        count, one = 1, name
        while one.lower() in used or (count > 1 and one in names):
            count += 1
            one = f"{name}_{count}"
        used.add(one.lower())
        found.append(one)
    return found


def wanted_names(rename: Mapping[str, str], expressions: Iterable[str]) -> frozenset[str]:
    """Plain names of all that a mapping may mean by a column."""
    words = (word for expression in expressions for word in _WORD.findall(expression))
    return frozenset(plain(name) for name in (*rename, *words))
