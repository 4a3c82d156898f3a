"""Layouts of exports: nested lines, parameters as keys and values, an order's fields on the first of its lines only."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from onecart.onboarding.profiling.kinds import Profile, profile
from onecart.onboarding.profiling.sample import Feed, Field, leaves, profiled, quoted
from onecart.onboarding.recognise import assigned

_LINES = ("sku", "title", "quantity", "unit_price", "line_total")


def lines_of(feed: Feed) -> str | None:
    """The array whose elements are an order's lines, where the records have one."""
    if not isinstance(feed.shape, dict):
        return None
    found = {}
    for name, shape in feed.shape.items():
        if isinstance(shape, list) and isinstance(shape[0], dict):
            elements = [item for row in feed.rows for item in row.get(name) or [] if isinstance(item, Mapping)]
            said = assigned(_LINES, {n: profile(f) for n, f in profiled(elements, {}).items() if f.values})
            if {"sku", "title"} & said.keys() and {"quantity", "unit_price", "line_total"} & said.keys():
                found[name] = sum(f.score for f in said.values())
    return max(found, key=lambda n: found[n], default=None)


def exploded(feed: Feed, name: str) -> dict[str, Field]:
    """The fields of the array's elements, seen as `line`; the record's own stand once for each of its lines."""
    rows = []
    for row in feed.rows:
        outer = {k: v for k, v in row.items() if not isinstance(v, list)}
        rows += [{**outer, "line": item} for item in row.get(name) or [{}]]
    return profiled(rows, feed.headers)


def first_of(feed: Feed, name: str) -> dict[str, Field]:
    """The fields of an array's first element: of the items of an event the one it is about."""
    found: dict[str, Field] = {}
    for row in feed.rows:
        items = row.get(name) or [{}]
        for path, value in leaves(items[0] if isinstance(items[0], Mapping) else {}):
            one = found.setdefault(".".join(path), Indexed((name, *path), ".".join(path)))
            _add(one, value)
    return _counted(found, feed)


class Indexed(Field):
    """A field of an array's first element."""

    @property
    def sql(self) -> str:
        return f"{quoted(self.path[0])}[0].{'.'.join(map(quoted, self.path[1:]))}"


class Parameter(Field):
    """A parameter of an array of keys and values; `path`: array, key, and where in an element its value stands."""

    @property
    def sql(self) -> str:
        array, key, *value = self.path
        inner = ".".join(map(quoted, value))
        return f"filter({quoted(array)}, p -> p.key = '{key}')[0].{inner}"

    @property
    def called(self) -> tuple[str, str]:
        return self.header, ""


def parameters(feed: Feed) -> dict[str, Field]:
    """The parameters of GA4-like events: `event_params` is an array of {key, value: {string_value, int_value, ...}}."""
    found: dict[str, Field] = {}
    if not isinstance(feed.shape, dict):
        return found
    for name, shape in feed.shape.items():
        if not (isinstance(shape, list) and isinstance(shape[0], dict) and {"key", "value"} <= shape[0].keys()):
            continue
        for row in feed.rows:
            for item in row.get(name) or []:
                held = item.get("value")
                for path, value in leaves({"value": held}):
                    key = str(item.get("key"))
                    if value is not None and "'" not in key:
                        one = found.setdefault(f"{name}.{key}", Parameter((name, key, *path), key))
                        _add(one, value)
    return _counted(found, feed)


def _add(one: Field, value: Any) -> None:
    if value is not None and str(value).strip():
        one.values.append(value)


def _counted(found: dict[str, Field], feed: Feed) -> dict[str, Field]:
    for one in found.values():
        one.blank = len(feed.rows) - len(one.values)
    return found


def fill_down(feed: Feed, key: Profile | None, profiles: Mapping[str, Profile]) -> dict[str, Any] | None:
    """The setting `fill_down`, where one order takes several lines and only the first says its other fields; else None.

    A field is filled where most lines after the first lack it, and no line says another value than the first.
    """
    if key is None or feed.layout.format == "parquet" or len(key.field.path) > 1:
        return None
    name, current = key.field.name, ""
    columns = [c for c in profiles if c != name and len(profiles[c].field.path) == 1]
    first: dict[str, str] = {}
    later, blank, other = Counter[str](), Counter[str](), set[str]()
    for row in feed.rows:
        order = str(row.get(name) or "").strip()
        values = {c: str(row.get(c) or "").strip() for c in columns if c not in other}
        if order and order != current:
            current, first = order, values
            continue
        for column, value in values.items():
            said = first.get(column, "")
            if value and value != said:
                other.add(column)
            elif said:
                later[column] += 1
                blank[column] += not value
    filled = [c for c in columns if c not in other and blank[c] > 0.9 * later[c]]
    return {"key": name, "columns": filled} if filled else None
