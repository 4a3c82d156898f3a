import pytest

from onecart.stats.proportions import Z_95, wilson


def test_wilson_is_the_set_of_shares_that_a_test_would_not_reject():
    low, high = wilson(8, 10, z=1.96)
    assert (low, high) == pytest.approx((0.4901, 0.9433), abs=1e-4)
    for share in (low, high):  # the score test is just at its border
        assert abs(0.8 - share) / (share * (1 - share) / 10) ** 0.5 == pytest.approx(1.96)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 50)[0] == 0
    assert wilson(50, 50)[1] == 1


@pytest.mark.parametrize(("bad", "rows", "low"), [(1, 10, 0.0179), (1, 1, 0.2065), (60, 1000, 0.0469)])
def test_few_rows_say_little(bad, rows, low):
    assert wilson(bad, rows, Z_95)[0] == pytest.approx(low, abs=1e-4)
