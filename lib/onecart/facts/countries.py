"""Countries by whatever name a feed has for them: an ISO 3166 code of two or three letters, or the name in any language."""

from collections.abc import Iterator
from functools import cache

_PARTS = {"uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB", "eire": "IE"}


def code_of(country: str | None) -> str | None:
    """The ISO 3166 code of two letters; None: no country of this name is known."""
    return _codes().get(country.strip().lower()) if country else None


def names_of(code: str) -> list[str]:
    """All names of a country, in lower case."""
    return sorted(name for name, its in _codes().items() if its == code)


@cache
def _codes() -> dict[str, str]:
    """Name in lower case -> code. Where two languages mean different countries by one name, the code or English wins."""
    found: dict[str, str] = {}
    for name, code in _named():
        found.setdefault(name.strip().lower(), code)
    return found


def _named() -> Iterator[tuple[str, str]]:
    from holidays.registry import COUNTRIES
    from phonenumbers.geodata.locale import LOCALE_DATA

    yield from ((code, code) for code in LOCALE_DATA)
    for module, (
        _,
        code,
        three_letters,
        *_,
    ) in COUNTRIES.items():  # "united_kingdom", ("UnitedKingdom", "GB", "GBR", "UK")
        yield from ((name, code) for name in (three_letters, module.replace("_", " ")))
    yield from _PARTS.items()
    english = ((names.get("en", ""), code) for code, names in LOCALE_DATA.items())
    yield from ((_resolved(name, LOCALE_DATA[code]), code) for name, code in english if name)
    yield from ((name, code) for code, names in LOCALE_DATA.items() for name in names.values() if name[:1] != "*")


def _resolved(name: str, names: dict[str, str]) -> str:
    """The library writes `*aa` for the same name as in the language aa."""
    return names[name[1:]] if name.startswith("*") else name
