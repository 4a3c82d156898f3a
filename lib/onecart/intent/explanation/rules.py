"""Trees and coefficients as text that a person can check."""

from collections.abc import Sequence
from typing import Any

from onecart.intent.explanation.explain import Boosted, LightGbm, Linear
from onecart.intent.training.encoding import EncodedFeature
from onecart.stats.trees import Tree, of_lightgbm


def text(explainer: Any, slots: Sequence[EncodedFeature], trees: int) -> str:
    """The first `trees` trees, or the coefficients, largest first."""
    names = [_name(s) for s in slots]
    if isinstance(explainer, Linear):
        pairs = sorted(zip(explainer.coefficients, names, strict=True), key=lambda p: -abs(p[0]))
        return "\n".join(f"{c:+.4f} x {name}" for c, name in pairs) + f"\n{explainer.intercept:+.4f}"
    if isinstance(explainer, Boosted):
        dumped = explainer._booster.get_dump()[:trees]
        for i in reversed(range(len(names))):
            dumped = [d.replace(f"[f{i}<", f"[{names[i]} < ") for d in dumped]
        return "\n".join(f"tree {i + 1}\n{d.rstrip()}" for i, d in enumerate(dumped))
    first = lightgbm_trees(explainer, trees) if isinstance(explainer, LightGbm) else explainer.forest.trees[:trees]
    shown = enumerate(first)
    return "\n".join(f"tree {i + 1}\n" + "\n".join(_lines(tree, 0, names, slots, "  ")) for i, tree in shown)


def lightgbm_trees(explainer: LightGbm, n: int) -> list[Tree]:
    """The first `n` trees."""
    return [of_lightgbm(t["tree_structure"]) for t in explainer.booster.dump_model(num_iteration=n)["tree_info"]]


def _lines(tree: Tree, node: int, names: Sequence[str], slots: Sequence[EncodedFeature], indent: str) -> list[str]:
    f = tree.feature[node]
    if f < 0:
        return [f"{indent}{tree.value[node]:+.4f}  ({tree.cover[node] / tree.cover[0]:.0%} of the rows)"]
    yes_no = slots[f].kind != "value"
    low = f"not {names[f]}" if yes_no else f"{names[f]} <= {tree.threshold[node]:.6g}"
    high = names[f] if yes_no else f"{names[f]} > {tree.threshold[node]:.6g}"
    deeper = indent + "  "
    return [
        f"{indent}if {low}:",
        *_lines(tree, tree.left[node], names, slots, deeper),
        f"{indent}if {high}:",
        *_lines(tree, tree.right[node], names, slots, deeper),
    ]


def _name(slot: EncodedFeature) -> str:
    if slot.kind == "value":
        return slot.column
    return f"{slot.column} is missing" if slot.kind == "missing" else f"{slot.column} = {slot.level!r}"
