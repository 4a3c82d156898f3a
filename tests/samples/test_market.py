"""The market that answers: the same for the same seed, annoyed by too much, best served by who knows it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecart.config import Contacts, Offer
from onecart.errors import UsageError
from onecart.samples.market import Market
from onecart.samples.market.customers import CHANNELS
from onecart.samples.market.oracle import true_offers

OFFERS = {"news": Offer(), "ten_percent": Offer(discount=0.1), "gift": Offer(cost=0.8)}
CONTACTS = Contacts(costs={"email": 0.02, "sms": 0.08, "push": 0.01})
Decide = Callable[[Market, pd.DataFrame], pd.DataFrame | None]


def market(n: int, seed: int = 1) -> Market:
    return Market(n, seed, OFFERS, CONTACTS)


def lived(decide: Decide, n: int = 4000, seed: int = 1, days: int = 30) -> pd.DataFrame:
    """Sums over the days: one row per customer."""
    one = market(n, seed)
    days_ = [one.step(decide(one, one.observed())) for _ in range(days)]
    return pd.concat(days_).groupby("customer_id")[["profit", "bought", "contacts", "left", "complained"]].sum()


def nobody(one: Market, known: pd.DataFrame) -> None:
    return None


def everybody(one: Market, known: pd.DataFrame) -> pd.DataFrame:
    return known.loc[known["may_email"], ["customer_id"]].assign(channel="email", offer="news", hour=10)


def at_random(one: Market, known: pd.DataFrame) -> pd.DataFrame:
    draw = np.random.default_rng([one.seed, one.day])
    few = everybody(one, known)[lambda rows: draw.random(len(rows)) < 0.2]
    return few.assign(offer=draw.choice([*OFFERS], len(few)))


def popular(one: Market, known: pd.DataFrame) -> pd.DataFrame | None:
    """News for the best customers, twice a week."""
    best = known[known["orders"] >= 3]
    return everybody(one, best[best["contacts_7"] < 2]) if one.day % 3 == 0 else None


def oracle(one: Market, known: pd.DataFrame) -> pd.DataFrame:
    allowed = known[[f"may_{c}" for c in CHANNELS]].to_numpy(bool) & (known["contacts_7"] < 2).to_numpy()[:, None]
    rows = true_offers(one, allowed)
    return rows[rows["value"] > 0].sort_values("value").drop_duplicates("customer_id", keep="last")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), days=st.integers(1, 8))
def test_the_same_seed_and_contacts_give_the_same_market(seed: int, n: int, days: int) -> None:
    one, two = market(n, seed), market(n, seed)
    for _ in range(days):
        pd.testing.assert_frame_equal(one.observed(), two.observed())
        pd.testing.assert_frame_equal(
            one.step(at_random(one, one.observed())), two.step(at_random(two, two.observed()))
        )
    assert not one.observed().equals(market(n, seed + 1).observed())


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_who_is_not_contacted_lives_as_if_nobody_were(seed: int) -> None:
    """What one customer gets moves no other: differences between policies are theirs."""
    quiet, loud = market(200, seed), market(200, seed)
    for _ in range(6):
        some = everybody(loud, loud.observed()).iloc[:50]
        found, other = loud.step(some), quiet.step()
        rest = ~found["customer_id"].isin(some["customer_id"])
        untouched = rest & (loud.observed()["contacts_28"] == 0)
        pd.testing.assert_frame_equal(found[untouched], other[untouched])


def test_a_letter_to_everybody_every_day_loses_by_annoyance() -> None:
    none, all_of_them = lived(nobody), lived(everybody)
    lost = all_of_them["profit"] - none["profit"]
    assert lost.mean() + 1.96 * lost.std() / len(lost) ** 0.5 < 0
    assert all_of_them["bought"].sum() < none["bought"].sum()
    assert all_of_them["left"].sum() > 0.1 * len(lost)
    assert all_of_them["complained"].sum() > none["complained"].sum() == 0


@pytest.mark.parametrize("other", [nobody, at_random, popular, everybody])
@pytest.mark.parametrize("seed", [1, 2])
def test_who_knows_how_people_answer_beats_all_others(other: Decide, seed: int) -> None:
    better = lived(oracle, seed=seed)["profit"] - lived(other, seed=seed)["profit"]
    assert better.mean() - 1.96 * better.std() / len(better) ** 0.5 > 0


def test_some_are_moved_some_are_put_off_and_some_buy_anyway() -> None:
    one = market(4000)
    gain = one.pull_of("news") * one.hidden.rate
    assert (gain < 0).mean() > 0.05  # sleeping dogs
    assert (gain > np.median(one.hidden.rate)).mean() > 0.1
    keen = one.hidden.rate > np.quantile(one.hidden.rate, 0.95)
    assert one.hidden.pull[keen].mean() < one.hidden.pull[~keen].mean()  # they buy anyway


def test_a_retailer_is_told_nothing_of_what_is_hidden() -> None:
    one = market(500)
    known = one.observed().select_dtypes("number")
    for name, values in vars(one.hidden).items():
        for column in np.reshape(values, (500, -1)).T:
            assert not any(np.array_equal(column, known[c]) for c in known), name


def test_who_left_a_channel_no_longer_agrees_to_it() -> None:
    one = market(3000)
    for _ in range(12):
        sent = everybody(one, one.observed())
        left = one.step(sent).query("left")["customer_id"]
        known = one.observed().set_index("customer_id")
        assert not known.loc[left, "may_email"].any()


def test_a_discount_is_given_to_those_who_would_have_bought_anyway() -> None:
    """Same purchases, less of it: what is dear about discounts."""
    plain, cheap = market(20_000), market(20_000)
    rows = everybody(plain, plain.observed())
    first = plain.step(rows), cheap.step(rows.assign(offer="ten_percent"))
    both = first[0]["bought"] & first[1]["bought"] & first[0]["customer_id"].isin(rows["customer_id"])
    assert both.sum() > 30
    ratio = first[1].loc[both, "revenue"] / first[0].loc[both, "revenue"]
    assert ratio.to_numpy() == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"channel": "emial"}, "name the channel 'emial'; did you mean 'email'"),
        ({"offer": "gifts"}, "name the offer 'gifts'"),
        ({"customer_id": "x"}, "name 'x', who is no customer"),
        ({"customer_id": "c0000001"}, "two of one customer"),
    ],
)
def test_contacts_that_are_none_are_refused(change: dict[str, str], says: str) -> None:
    rows = pd.DataFrame({"customer_id": ["c0000000", "c0000001"], "channel": "email", "offer": "news", "hour": 9})
    rows.loc[0, [*change]] = [*change.values()]
    with pytest.raises(UsageError, match=says):
        market(5).step(rows)
    with pytest.raises(UsageError, match="no column 'hour'"):
        market(5).step(rows.drop(columns="hour"))
