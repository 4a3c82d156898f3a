"""The proposal as the one YAML file that a person edits: a confidence and three examples beside every column."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from onecart.onboarding.columns import Column, Plan
from onecart.onboarding.propose import Proposal

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)  # that YAML does not take as they are
_SURE = 0.6  # below this a column is marked


def settings(proposal: Proposal, lake: Path) -> dict[str, Any]:
    """The file's content as a tree of settings."""
    owner = proposal.shop
    shop = {
        "country": owner.country,
        "currency": owner.currency,
        "time_zone": owner.time_zone,
        "channels": owner.channels,
    }
    return {
        "landing": str(proposal.folder),
        "lake": {"root": str(lake)},
        "shop": {key: value for key, value in shop.items() if value},
        **({"privacy": {"presumed_consent": owner.presumed_consent}} if owner.presumed_consent else {}),
        "channels": {plan.feed.name: _source(plan) for plan in proposal.plans},
    }


def _source(plan: Plan) -> dict[str, Any]:
    feed, layout = plan.feed, plan.feed.layout
    found: dict[str, Any] = {
        "path": feed.path,
        "files": feed.files,
        "format": layout.format,
        "into": plan.reading.table,
    }
    if layout.format != "parquet" and layout.encoding != "utf-8":
        found["encoding"] = layout.encoding
    if layout.format == "csv" and layout.delimiter != ",":
        found["delimiter"] = layout.delimiter
    if plan.schema and layout.format == "json":  # Parquet has types of its own
        found["schema"] = plan.schema
    if plan.fill_down:
        found["fill_down"] = plan.fill_down
    if plan.explode:
        found["explode"] = plan.explode
    if found["files"] == "*":
        del found["files"]
    found["columns"] = {c.name: c.expression for c in plan.columns}
    return found


def as_yaml(proposal: Proposal, lake: Path, file: str) -> str:
    tree = settings(proposal, lake)
    owner = proposal.shop
    lines = [
        f"# Proposed by `onecart init {proposal.folder}`; edit it, it is yours. Beside each column: how sure the guess is",
        "# (0 to 1; `?`: look at it), the field it comes from, three of its values.",
        f"#   onecart init --check {file}       the mapping against all rows: what would be set aside, and why",
        f"#   onecart run all --env {file}      from these files to the report",
        *_block({key: tree[key] for key in ("landing", "lake", "privacy") if key in tree}),
        f"shop: # country: {owner.why.get('country', '')}",
        *_block(tree["shop"], 2),
        "channels:",
    ]
    for plan in proposal.plans:
        source = tree["channels"][plan.feed.name]
        lines += [
            f"  {_inline(plan.feed.name)}: # {plan.reading.score:.2f} {len(plan.feed.paths)} file{'s'[: len(plan.feed.paths) > 1]}",
            *_block({key: value for key, value in source.items() if key != "columns"}, 4),
            "    columns:",
        ]
        for column in plan.columns:
            lines += [line + _comment(column) for line in _block({column.name: column.expression}, 6)]
        lines += [
            f"    # not used: {name}" + (f" ({', '.join(map(_shown, examples))})" if examples else "")
            for name, examples in plan.unused.items()
        ]
    lines += [f"# No feed: {name}: {why}" for name, why in proposal.left.items()]
    for where, what in proposal.unsure:
        lines += textwrap.wrap(f"# Unsure: {where}: {what}", 120, subsequent_indent="#   ", break_long_words=False)
    return "\n".join(_CONTROL.sub(" ", line) for line in lines) + "\n"


def _block(tree: dict[str, Any], indent: int = 0) -> list[str]:
    """One line for each key; what is in it stands on the line."""
    return [f"{' ' * indent}{_inline(key)}: {_inline(value)}" for key, value in tree.items()]


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_inline(key)}: {_inline(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    plain = yaml.safe_dump(value, allow_unicode=True, width=10**9).removesuffix("\n").removesuffix("\n...")
    quotes = plain[:1] == "'" or (plain[:1] != '"' and any(c in plain for c in "{}[],"))
    return _quoted(value) if quotes and isinstance(value, str) else plain


def _quoted(value: str) -> str:
    return _CONTROL.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(value, ensure_ascii=False))


def _comment(column: Column) -> str:
    mark = "?" if column.confidence < _SURE else ""
    source = f" {column.source}:" if column.source else ""
    examples = f" {', '.join(map(_shown, column.examples))}" if column.examples else ""
    note = f" ({column.note})" if column.note else ""
    return f" # {column.confidence:.2f}{mark}{source}{examples}{note}"


def _shown(example: str) -> str:
    return json.dumps(example, ensure_ascii=False)


def as_json(proposal: Proposal, lake: Path) -> dict[str, Any]:
    """The proposal for machines: the settings, and of each column its confidence, field and examples."""
    feeds = {
        plan.feed.name: {
            "confidence": round(plan.reading.score, 2),
            "columns": {c.name: vars(c) for c in plan.columns},
            "unused": plan.unused,
        }
        for plan in proposal.plans
    }
    unsure = [{"where": where, "what": what} for where, what in proposal.unsure]
    return {"settings": settings(proposal, lake), "feeds": feeds, "left": proposal.left, "unsure": unsure}
