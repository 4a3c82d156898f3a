"""The evidence of one link as a waterfall in text: each field starts where the one before it ended."""

from collections.abc import Iterator, Mapping
from typing import Any

_WIDTH = 40  # characters of the widest waterfall


def waterfall(edge: Mapping[str, Any]) -> Iterator[str]:
    """Lines of text for a row of gold.identity_edges as a dict: a heading, then field, level, weight in bits and a bar
    for each piece of evidence, and the total. The bars run between the lowest and the highest sum on the way; a bar of
    █ raises the odds, one of ░ lowers them."""
    verdict = f"refused: {edge['reason']}" if edge["reason"] else f"probability {edge['probability']:.4f}"
    yield f"    {edge['record_a']} - {edge['record_b']}  {edge['rules']}  {verdict}"
    evidence = edge["evidence"] or []
    sums = [0.0]
    for piece in evidence:
        sums.append(sums[-1] + piece["weight"])
    low, high = min(sums), max(sums)
    scale = _WIDTH / max(high - low, 1e-9)
    for piece, start, end in zip(evidence, sums, sums[1:], strict=False):
        yield _line(piece["field"], piece["level"] or "", piece["weight"], start, end, low, scale)
    if evidence:
        yield _line("total", "", edge["weight"], 0.0, edge["weight"], low, scale)


def _line(field: str, level: str, weight: float, start: float, end: float, low: float, scale: float) -> str:
    left, right = sorted((round((start - low) * scale), round((end - low) * scale)))
    bar = ("█" if end >= start else "░") * max(right - left, 1)
    return f"      {field:<14}{level:<16}{weight:>+8.2f}  {' ' * left}{bar}"
