"""Waits of queues: known answers of theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecart import measure
from onecart.errors import UsageError
from onecart.measure.waiting import probability_to_wait


@pytest.mark.parametrize(
    ("servers", "arrivals", "rate", "probability", "wait"),
    [(3, 10, 4, 0.702247, 0.351124), (5, 20, 5, 0.554113, 0.110823), (1, 1, 2, 0.5, 0.5)],
)
def test_one_class(servers: int, arrivals: float, rate: float, probability: float, wait: float) -> None:
    assert probability_to_wait(arrivals, servers, rate) == pytest.approx(probability, abs=1e-6)
    assert measure.waiting(arrivals, servers, rate) == pytest.approx(wait, abs=1e-6)


def test_classes_of_priority() -> None:
    assert measure.waiting([2, 3, 5], 3, 4) == pytest.approx([0.070225, 0.120385, 0.601926], abs=1e-6)


@given(st.lists(st.floats(0, 3), min_size=1, max_size=4), st.integers(1, 200))
def test_priorities_move_waits_between_classes_and_make_none(arrivals: list[float], servers: int) -> None:
    total = sum(arrivals)
    rate = (total + 1) / servers
    waits = measure.waiting(arrivals, servers, rate)
    assert (np.diff(waits) >= -1e-12).all()
    assert np.dot(waits, arrivals) == pytest.approx(total * measure.waiting(total, servers, rate)[0])


def test_more_work_than_servers_can_do_waits_for_ever() -> None:
    with pytest.raises(UsageError, match=r"12 arrivals .* grows without end; give at least 4 servers"):
        measure.waiting([2, 10], 3, 4)


@pytest.mark.parametrize("given", [([-1.0], 1, 1), ([float("nan")], 1, 1), ([1.0], 0, 1), ([0.1], 1, 0), ([], 1, 1)])
def test_rates_that_are_none(given: tuple[list[float], int, float]) -> None:
    with pytest.raises(UsageError, match=r"measure\.waiting"):
        measure.waiting(*given)
