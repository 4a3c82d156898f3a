"""Fifths of the buyers."""

from decimal import Decimal

from onecart.profile.rfm import with_rfm


def scored(frame, *rows):
    schema = "customer_id string, orders long, recency_days int, revenue decimal(18,4), currency string"
    return {r.customer_id: r for r in with_rfm(frame(schema, *rows)).collect()}


def test_fifths_count_recency_down_and_leave_out_who_never_bought(frame):
    rows = [(f"c{i}", 11 - i, 10 * i, Decimal(100 * i), "GBP") for i in range(1, 11)]
    found = scored(frame, *rows, ("none", 0, None, Decimal(0), None))
    assert [found[f"c{i}"].rfm for i in range(1, 11)] == [
        *("551", "551", "442", "442", "333", "333", "224", "224", "115", "115")
    ]
    assert (found["none"].rfm_r, found["none"].rfm_f, found["none"].rfm_m, found["none"].rfm) == (None,) * 4


def test_equal_values_get_equal_scores_and_money_is_compared_within_its_currency(frame):
    pounds = [(f"p{i}", 1, 5, Decimal(1000 * i), "GBP") for i in range(1, 6)]
    yen = [(f"y{i}", 1, 5, Decimal(100_000 * i), "JPY") for i in range(1, 6)]
    found = scored(frame, *pounds, *yen)
    assert {(r.rfm_r, r.rfm_f) for r in found.values()} == {(5, 1)}
    assert [found[f"p{i}"].rfm_m for i in range(1, 6)] == [found[f"y{i}"].rfm_m for i in range(1, 6)] == [1, 2, 3, 4, 5]


def test_a_loss_is_a_value_like_any_other(frame):
    found = scored(frame, ("lost", 1, 5, Decimal(-30), "GBP"), ("won", 1, 5, Decimal(30), "GBP"))
    assert found["lost"].rfm_m < found["won"].rfm_m
