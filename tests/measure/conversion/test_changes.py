"""What changed since last week, shared out over a dimension's values without a rest."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecart.measure.conversion.changes import changes
from onecart.stats.proportions import newcombe

COUNTS = ["value", "hits_before", "of_before", "hits", "of"]


def changed(*rows: tuple) -> pd.DataFrame:
    return changes(pd.DataFrame(rows, columns=COUNTS).assign(dimension="device_type")).set_index("value")


def test_rates_alone():
    found = changed(("desktop", 10, 100, 20, 200), ("mobile", 10, 100, 10, 200))
    assert found["mix_effect"].tolist() == pytest.approx([0, 0, 0])
    assert found["rate_effect"].to_dict() == pytest.approx({"all": -0.025, "desktop": 0, "mobile": -0.025})


def test_mix_alone():
    found = changed(("desktop", 30, 100, 60, 200), ("mobile", 10, 100, 60, 600))
    assert found["rate_effect"].tolist() == pytest.approx([0, 0, 0])
    # 0.2 -> 0.15; desktop went from a half to a quarter of the visits
    assert found["mix_effect"].to_dict() == pytest.approx({"all": -0.05, "desktop": -0.03125, "mobile": -0.01875})


def test_a_value_of_one_week_alone_is_all_mix():
    found = changed(("old", 30, 100, 0, 0), ("new", 0, 0, 10, 100))
    assert found.loc["all", ["mix_effect", "rate_effect"]].tolist() == pytest.approx([-0.2, 0])
    assert found.loc["old", "rate"] is None
    assert found.loc["new", "rate_before"] is None


def test_a_week_without_visits_has_no_change():
    assert changed(("desktop", 0, 0, 20, 200)).empty


counts = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))


@given(st.lists(counts, min_size=1, max_size=6))
def test_mix_and_rate_add_up_to_the_change(rows):
    given_rows = [(str(i), b, b + more_b, a, a + more_a) for i, (b, more_b, a, more_a) in enumerate(rows)]
    before, now = sum(r[2] for r in given_rows), sum(r[4] for r in given_rows)
    found = changed(*given_rows)
    if not (before and now):
        assert found.empty
        return
    parts = found.drop(index="all")
    change = sum(r[3] for r in given_rows) / now - sum(r[1] for r in given_rows) / before
    assert parts["mix_effect"].sum() + parts["rate_effect"].sum() == pytest.approx(change, abs=1e-12)
    assert found.loc["all", "rate"] - found.loc["all", "rate_before"] == pytest.approx(change, abs=1e-12)
    assert found.loc["all", "change_low"] <= change <= found.loc["all", "change_high"]


def test_newcombes_interval_is_the_papers():
    # Newcombe (1998), table II, method 10: 56/70 less 48/80
    assert newcombe(56, 70, 48, 80, z=1.959964) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    # and 10/10 less 0/20
    assert newcombe(10, 10, 0, 20, z=1.959964) == pytest.approx((0.6791, 1.0), abs=5e-5)
