"""Interests: decayed, weighted, summing to one, against a plain loop."""

from datetime import date, datetime, timedelta

import pytest

from onecart.profile.affinity import affinities

AS_OF, WEIGHTS, HALF_LIFE = date(2011, 6, 1), {"view": 1.0, "cart": 3.0, "purchase": 10.0}, 30


def before(days):
    return datetime(2011, 6, 1) - timedelta(days=days)


EVENTS = [
    ("c", "toy", "product_view", before(30)),
    ("c", "toy", "add_to_cart", before(60)),
    ("c", "lamp", "product_view", before(1)),
    ("c", None, "search", before(1)),
    ("c", "toy", "page_view", before(1)),
    ("c", "unknown", "product_view", before(1)),
]
LINES = [
    ("c", "lamp", before(90), 3),
    ("c", "lamp", before(80), -1),
    ("d", "toy", before(6), 2),
    ("d", "toy", before(5), -2),
]


@pytest.fixture
def found(frame):
    def run(products):
        scores = affinities(
            frame("customer_id string, sku string, event_type string, event_ts timestamp", *EVENTS),
            frame("customer_id string, sku string, order_ts timestamp, quantity int", *LINES),
            frame("sku string, category string, brand string", *products),
            weights=WEIGHTS,
            half_life_days=HALF_LIFE,
            as_of=AS_OF,
            zone="UTC",
        )
        return {(r.customer_id, r.dimension, r.value): r.score for r in scores.collect()}

    return run


def test_scores_are_shares_of_decayed_weights(found):
    toys = 1 * 0.5 + 3 * 0.25
    lamps = 1 * 0.5 ** (1 / 30) + 10 * 0.125
    scores = found([("toy", "toys", None), ("lamp", "light", None)])
    assert scores == {
        ("c", "category", "toys"): pytest.approx(toys / (toys + lamps)),
        ("c", "category", "light"): pytest.approx(lamps / (toys + lamps)),
    }  # c kept two of the lamps, d sent the toys back; and without brands there is no dimension brand
    assert sum(scores.values()) == pytest.approx(1)


def test_brands_where_the_catalogue_has_them(found):
    scores = found([("toy", "toys", "Acme"), ("lamp", "light", None)])
    assert scores["c", "brand", "Acme"] == pytest.approx(1)
