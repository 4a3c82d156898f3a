"""Attribution: known answers, and what cannot be counted."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart import measure
from onecart.errors import UsageError
from onecart.measure.attribution.removal import removal_effects

M1 = [(["C1", "C2", "C3"], 1, 0), (["C1"], 0, 1), (["C2", "C3"], 0, 1)]
M2 = [
    (["search", "email", "social"], 3, 1),
    (["email"], 2, 6),
    (["social", "search", "search"], 1, 4),
    (["search"], 4, 5),
    (["email", "social"], 0, 3),
]
_SCHEMA = "path array<string>, conversions long, nulls long"


def share(spark: Any, rows: list[Any], method: str) -> dict[str, Any]:
    found = measure.attribution(spark.createDataFrame(rows, _SCHEMA), method)
    return {row["channel"]: row for row in found.collect()}


def credit(spark: Any, rows: list[Any], method: str) -> dict[str, float]:
    return {name: row["credit"] for name, row in share(spark, rows, method).items()}


def moves(rows: list[Any]) -> tuple[dict[Any, float], dict[str, float]]:
    pairs, ends = Counter[Any](), Counter[str]()
    for path, conversions, nulls in rows:
        for pair in zip([None, *path], [*path, None], strict=True):
            pairs[pair] += conversions + nulls
        ends[path[-1]] += conversions
    return dict(pairs), dict(ends)


def test_the_chain_of_three_channels() -> None:
    chain = removal_effects(*moves(M1))
    assert chain.probability == pytest.approx(1 / 3, abs=1e-6)
    assert chain.removal == pytest.approx({"C1": 0.5, "C2": 1.0, "C3": 1.0}, abs=1e-6)


def test_the_chain_with_a_loop() -> None:
    chain = removal_effects(*moves(M2))
    assert chain.probability == pytest.approx(0.344828, abs=1e-6)
    wanted = {"email": 0.456019, "search": 0.600000, "social": 0.453704}
    assert chain.removal == pytest.approx(wanted, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5), st.integers(0, 5), st.integers(1, 5)),
        min_size=1,
        max_size=8,
    ),
    st.integers(2, 4),
)
def test_a_touch_repeated_changes_nothing_and_the_effect_is_that_of_a_chain_without_the_channel(
    rows: list[Any], times: int
) -> None:
    chain = removal_effects(*moves(rows))
    again = [([c for c in path for _ in range(times)], yes, no) for path, yes, no in rows]
    looped = removal_effects(*moves(again))
    assert looped.probability == pytest.approx(chain.probability)
    assert looped.removal == pytest.approx(chain.removal, nan_ok=True)
    if chain.probability > 0:
        for channel, effect in chain.removal.items():
            assert 1 - _without(rows, channel) / chain.probability == pytest.approx(effect)


def _without(rows: list[Any], lost: str) -> float:
    """The probability to convert where whoever comes to `lost` is lost, by powers of the whole transition matrix."""
    pairs, ends = moves(rows)
    names = ["start", *sorted({c for path, _, _ in rows for c in path}), "yes", "no"]
    at = {name: n for n, name in enumerate(names)}
    step = np.zeros((len(names), len(names)))
    for (a, b), weight in pairs.items():
        if b is None:
            step[at[a], at["yes"]] += ends[a]
            step[at[a], at["no"]] += weight - ends[a]
        else:
            step[at[a or "start"], at[b]] += weight
    step[at["yes"], at["yes"]] = step[at["no"], at["no"]] = 1
    step /= step.sum(axis=1, keepdims=True)
    step[at[lost]] = 0
    step[at[lost], at["no"]] = 1
    return float(np.linalg.matrix_power(step, 4096)[0, at["yes"]])


def test_credit_adds_up_to_the_conversions(spark: Any) -> None:
    found = share(spark, M1, "markov")
    assert {c: row["credit"] for c, row in found.items()} == pytest.approx({"C1": 0.2, "C2": 0.4, "C3": 0.4}, abs=1e-6)
    found = share(spark, M2, "markov")
    wanted = {"email": 3.020546, "search": 3.974241, "social": 3.005213}
    assert {c: row["credit"] for c, row in found.items()} == pytest.approx(wanted, abs=1e-6)
    assert [*found] == ["search", "email", "social"]
    assert found["search"]["removal_effect"] == pytest.approx(0.6, abs=1e-6)


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("shapley", {"email": 3.0, "search": 5.5, "social": 1.5}),
        ("first", {"search": 7.0, "email": 2.0, "social": 1.0}),
        ("last", {"social": 3.0, "email": 2.0, "search": 5.0}),
        ("linear", {"search": 1 + 2 / 3 + 4, "email": 3.0, "social": 1 + 1 / 3}),
        ("position", {"search": 1.2 + 0.6 + 4, "email": 0.6 + 2, "social": 1.2 + 0.4}),
    ],
)
def test_rules(spark: Any, method: str, wanted: dict[str, float]) -> None:
    assert credit(spark, M2, method) == pytest.approx(wanted, abs=1e-6)


def test_two_touches_share_half_each_and_equal_paths_may_be_several_rows(spark: Any) -> None:
    rows = [(["a", "b"], 1, 0), (["a", "b"], 1, 0)]
    assert credit(spark, rows, "position") == pytest.approx({"a": 1.0, "b": 1.0})


def test_where_nothing_converts_there_is_nothing_to_share(spark: Any) -> None:
    found = share(spark, [(["a"], 0, 4)], "markov")
    assert (found["a"]["credit"], found["a"]["removal_effect"]) == (0.0, None)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([([], 1, 0)], "1 paths have no touch"),
        ([(["a", None], 1, 0)], "1 paths have no touch, or one that is null"),
        ([(["a"], -1, 0)], "1 rows have conversions or nulls that are no count"),
        ([(["a"], None, 0)], "1 rows have conversions or nulls that are no count"),
    ],
)
def test_what_cannot_be_counted_is_named(spark: Any, rows: list[Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        measure.attribution(spark.createDataFrame(rows, _SCHEMA))


def test_an_unknown_method_is_named(spark: Any) -> None:
    with pytest.raises(UsageError, match="did you mean 'markov'"):
        measure.attribution(spark.createDataFrame(M1, _SCHEMA), "markoff")


@pytest.mark.heavy
def test_ten_thousand_paths(spark: Any) -> None:
    from onecart.samples import load

    paths = load.conversion_paths()
    assert len(paths) == 10_000
    found = measure.attribution(paths, "markov").toPandas().set_index("channel")
    effects = {"alpha": 0.558399, "beta": 0.264039, "eta": 0.349026, "iota": 0.405835, "theta": 0.206010}
    effects |= {"lambda": 0.134022, "epsilon": 0.062639}
    assert found["removal_effect"][[*effects]].to_dict() == pytest.approx(effects, abs=1e-6)
    markov = {"alpha": 5344.947682, "iota": 3884.614702, "eta": 3340.847402, "beta": 2527.352167, "theta": 1971.912880}
    assert found["credit"][[*markov]].to_dict() == pytest.approx(markov, abs=1e-6)
    others = {
        "first": {"alpha": 6308, "eta": 3164},
        "last": {"alpha": 8447, "eta": 4167},
        "linear": {"alpha": 7574.718594, "eta": 3539.951157},
        "position": {"alpha": 7444.823759, "eta": 3618.796149},
        "shapley": {"alpha": 7627.944048, "eta": 3613.655952, "iota": 3505.044048, "beta": 1982.739286},
    }
    for method, wanted in others.items():
        credits = measure.attribution(paths, method).toPandas().set_index("channel")["credit"]
        assert credits[[*wanted]].to_dict() == pytest.approx(wanted, abs=1e-6), method
        assert credits.sum() == pytest.approx(paths["conversions"].sum())
