"""The bench of coupon campaigns: nothing after a campaign's start is known, and rankings are counted by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

START = pd.Timestamp("2017-06-01")


def day(offset: int) -> pd.Timestamp:
    return START + pd.Timedelta(days=offset)


def line(household: int, offset: int, product: int = 1, coupon: float = 0.0) -> dict[str, Any]:
    same = {
        "basket_id": offset,
        "retail_disc": 0.1,
        "coupon_match_disc": 0.0,
        "department": "FOOD",
        "brand": "National",
    }
    about = {"household_id": household, "product_id": product, "sales_value": 2.0, "coupon_disc": coupon}
    return {**about, **same, "day": day(offset), "display": offset % 2 == 0, "mailer": False}


def tables(lines: list[dict[str, Any]], redemptions: list[tuple[int, int, int]]) -> dict[str, pd.DataFrame]:
    """redemptions: (household, campaign, days from START). Campaign 1 is over by START, 2 begins then, 3 has begun lately."""
    about = [(1, "Type A", day(-90), day(-30)), (2, "Type A", START, day(30)), (3, "Type B", day(-10), day(20))]
    hits = [(h, 100 + c, c, day(d)) for h, c, d in redemptions]
    return {
        "transactions": pd.DataFrame(lines),
        "campaigns": pd.DataFrame([(c, h) for c in (1, 2, 3) for h in (1, 2)], columns=["campaign_id", "household_id"]),
        "campaign_descriptions": pd.DataFrame(
            about, columns=["campaign_id", "campaign_type", "start_date", "end_date"]
        ),
        "coupons": pd.DataFrame({"coupon_upc": [101, 102, 103], "product_id": [1, 2, 3], "campaign_id": [1, 2, 3]}),
        "coupon_redemptions": pd.DataFrame(
            hits, columns=["household_id", "coupon_upc", "campaign_id", "redemption_date"]
        ),
        "demographics": pd.DataFrame(
            {"household_id": [1], "age": ["25-34"], "income": ["50-74K"], "household_size": ["2"], "kids_count": ["0"]}
        ),
    }


BEFORE = [line(1, -5, coupon=0.5), line(1, -2, product=2), line(2, -60)]
LATER = [line(1, 0, coupon=1.0), line(2, 3, product=2, coupon=1.0), line(2, 8)]
REDEEMED = [(1, 1, -40), (2, 3, -4)]


def test_nothing_from_the_start_on_is_known_but_the_answer() -> None:
    from onecart.bench.coupons.measure import taught
    from onecart.bench.coupons.recipients import LABEL, recipients

    early, whole = tables(BEFORE, REDEEMED), tables(BEFORE + LATER, [*REDEEMED, (2, 2, 9), (2, 1, 1), (1, 3, 0)])
    then, now = recipients(early, 2), recipients(whole, 2)
    pd.testing.assert_frame_equal(then.drop(columns=LABEL), now.drop(columns=LABEL))
    assert (then[LABEL].tolist(), now[LABEL].tolist()) == ([0, 0], [0, 1])
    told = now.loc[1]
    assert (told["redemptions"], told["campaigns_redeemed"], told["campaign_rate"], told["coupon_lines"]) == (
        1,
        1,
        0.5,
        1,
    )
    assert (told["offered_baskets"], told["last_recency"], told["redeem_recency"], told["age"]) == (1, 2, 40, 25)
    rows = {c: recipients(whole, c) for c in (1, 2, 3)}
    x, y = taught(whole, rows, 2)  # of campaign 1 alone: 3 has run for ten days
    assert (x.shape[0], y.tolist()) == (2, [1, 0])


def test_lists_put_earlier_redeemers_first_then_those_who_use_coupons() -> None:
    from onecart.bench.coupons.recipients import PEER, recipients

    lines = [line(1, -3, coupon=1.0), line(1, -2, coupon=1.0), line(2, -3)]
    rows = recipients(tables(lines, [(2, 1, -50)]), 2)
    assert rows[PEER].idxmax() == 2
    assert recipients(tables(lines, [(2, 1, 1)]), 2)[PEER].idxmax() == 1


def test_lift_and_auc_are_of_the_campaigns_together() -> None:
    from onecart.bench.coupons.lift import figures, intervals, resampled

    y = np.r_[np.ones(4), np.zeros(16)]
    perfect, reverse = {1: (y, np.arange(20.0)[::-1]), 2: (y, y)}, {1: (y, np.arange(20.0)), 2: (y, y)}
    assert figures(perfect) == pytest.approx({"lift_10": 5.0, "lift_30": 4 / 1.2, "auc": 1.0})
    assert figures(reverse) == pytest.approx({"lift_10": 2.5, "lift_30": 4 / 2.4, "auc": 0.5})
    again = resampled({"perfect": perfect, "reverse": reverse}, 1)
    apart = intervals(again["perfect"], again["reverse"])
    assert 0 < apart["more_auc_low"] < 0.5 < apart["more_auc_high"]  # resamples weigh the campaigns otherwise
    assert apart["lift_10_low"] < 5 < apart["lift_10_high"]
    ties = {1: (y, np.zeros(20))}
    assert figures(ties)["auc"] == 0.5
