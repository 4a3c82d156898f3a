"""Lifetime models: recovered parameters, integrals done the slow way, and what Spark makes of them."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from pyspark.sql import functions as F
from scipy import stats
from scipy.integrate import quad

from onecart.config import Profile
from onecart.profile import lifetime
from onecart.profile import lifetime_models as models

CDNOW = models.BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)  # Fader, Hardie & Lee 2005, table 2
PATTERNS = [(0, 0.0, 30.0), (1, 2.0, 30.0), (4, 28.0, 30.0), (7, 12.0, 39.0)]


def naive(model, x, t_x, t, ahead=None):
    """The likelihood of a pattern that is still alive (times the purchases ahead), and of one that is not: sums over a
    grid of buyers, each with a rate and a drop-out probability of its own."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    u, w = (nodes + 1) / 2, weights / 2
    rate = stats.gamma(model.r, scale=1 / model.alpha).ppf(u)[:, None]
    p = stats.beta(model.a, model.b).ppf(u)[None, :]
    share = w[:, None] * w[None, :]
    later = 1.0 if ahead is None else (1 - np.exp(-rate * p * ahead)) / p
    stayed = (1 - p) ** x * rate**x * np.exp(-rate * t)
    gone = p * (1 - p) ** (x - 1) * rate**x * np.exp(-rate * t_x) if x else 0.0
    return (share * later * stayed).sum(), (share * gone).sum()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_bg_nbd_agrees_with_integration(pattern):
    easy = models.BgNbd(r=1.4, alpha=5.0, a=1.3, b=2.5)
    x, t_x, t = (np.array([v], float) for v in pattern)
    stayed, gone = naive(easy, *pattern)
    found = models.bg_nbd_log_likelihood((easy.r, easy.alpha, easy.a, easy.b), x, t_x, t)
    assert found[0] == pytest.approx(np.log(stayed + gone), rel=1e-4)
    assert easy.p_alive(x, t_x, t)[0] == pytest.approx(stayed / (stayed + gone), rel=1e-4)
    later = naive(easy, *pattern, ahead=13)[0] / (stayed + gone)
    assert easy.expected(13, x, t_x, t)[0] == pytest.approx(later, rel=1e-4)


def test_the_papers_example_customer():
    assert CDNOW.expected(39, 2, 30.43, 38.86) == pytest.approx(1.226, abs=5e-4)


def test_expectations_stay_finite_for_heavy_buyers_and_grow_with_time():
    x = np.array([0, 1, 300, 3000], float)
    months = [CDNOW.expected(ahead, x, np.array([0, 9, 99, 99.5]), np.full(4, 100.0)) for ahead in (0, 4, 13, 52)]
    assert np.isfinite(months).all()
    assert (np.diff(months, axis=0) > 0).all()
    assert months[0] == pytest.approx(0, abs=1e-9)


def simulated(model, buyers, weeks, rng):
    """Buyers who do what BG/NBD says, week 0 their first purchase."""
    rates, leaves = rng.gamma(model.r, 1 / model.alpha, buyers), rng.beta(model.a, model.b, buyers)
    rows = []
    for rate, leave, t in zip(rates, leaves, rng.uniform(weeks / 2, weeks, buyers), strict=True):
        x, last = 0, 0.0
        while (now := last + rng.exponential(1 / rate)) < t:
            x, last = x + 1, now
            if rng.random() < leave:
                break
        rows.append((x, last, t))
    return np.array(rows).T


def test_parameters_of_simulated_buyers_are_recovered():
    true = models.BgNbd(r=0.8, alpha=6.0, a=0.9, b=3.0)
    x, t_x, t = simulated(true, 6000, 80, np.random.default_rng(5))
    found = models.fit_bg_nbd(x, t_x, t, np.ones(len(x)))
    assert [found.r, found.alpha] == pytest.approx([true.r, true.alpha], rel=0.1)
    assert found.a / (found.a + found.b) == pytest.approx(true.a / (true.a + true.b), rel=0.1)
    assert found.log_likelihood >= models.bg_nbd_log_likelihood((0.8, 6.0, 0.9, 3.0), x, t_x, t).sum()

    weeks = models.fit_bg_nbd(x, np.round(t_x), np.round(t), np.ones(len(x)))  # as Spark counts the patterns
    assert [weeks.r, weeks.alpha] == pytest.approx([found.r, found.alpha], rel=0.05)


def test_counted_patterns_are_the_same_as_single_buyers():
    seen, times = np.unique(simulated(CDNOW, 300, 40, np.random.default_rng(1)).round(), axis=1, return_counts=True)
    counted = models.fit_bg_nbd(*seen, times)
    single = models.fit_bg_nbd(*np.repeat(seen, times, axis=1), np.ones(times.sum()))
    assert times.max() > 1
    assert counted.log_likelihood == pytest.approx(single.log_likelihood, abs=1e-4)


def test_gamma_gamma_recovers_and_agrees_with_integration():
    rng, p, q, gamma = np.random.default_rng(3), 6.0, 4.0, 15.0
    n = rng.integers(1, 9, 8000)
    mean = rng.gamma(p * n, 1 / rng.gamma(q, 1 / gamma, len(n))) / n
    found = models.fit_gamma_gamma(n, 1000 * mean, np.ones(len(n)))  # the currency's unit must not matter
    assert [found.p, found.q, found.gamma / 1000] == pytest.approx([p, q, gamma], rel=0.15)

    def density(nu):  # of a mean of 3 purchases being 4.0
        return stats.gamma(p * 3, scale=1 / (nu * 3)).pdf(4.0) * stats.gamma(q, scale=1 / gamma).pdf(nu)

    slow = quad(density, 0, np.inf)[0]
    fast = models.gamma_gamma_log_likelihood((p, q, gamma), np.array([3.0]), np.array([4.0]))[0]
    assert fast == pytest.approx(np.log(slow), rel=1e-6)
    expected = quad(lambda nu: p / nu * density(nu), 0, np.inf)[0] / slow
    assert models.GammaGamma(p, q, gamma).mean_value(3, 4.0) == pytest.approx(expected, rel=1e-6)


BOUGHT = (
    "customer_id string, currency string, orders long, order_days int, first_day date, last_day date, "
    "day_value decimal(18,4)"
)
AS_OF = date(2011, 12, 1)


def buyers(frame, n):
    def bought(i):
        days, first = 1 + i % 4, AS_OF - timedelta(days=400 - i)
        return f"c{i:02}", "GBP", days, days, first, first + timedelta(days=60 * (i % 4)), Decimal(10 + i % 7)

    return frame(BOUGHT, *[bought(i) for i in range(n)], ("none", None, 0, 0, None, None, None))


def fit(purchases):
    return lifetime.fit(purchases, Profile(lifetime_min_buyers=20), as_of=AS_OF)


def scores(purchases, model):
    scored = lifetime.with_scores(purchases, model, as_of=AS_OF, discount_rate=0.1)
    return {r.customer_id: r for r in scored.collect()}


NOTHING = (None, None, None)


def found_for(row):
    return row.p_alive, row.expected_orders_90d, row.lifetime_value_12m


def test_spark_applies_the_fitted_models_to_each_buyer(frame):
    purchases = buyers(frame, 40)
    model = fit(purchases)
    assert (model.buyers, list(model.values), model.why) == (40, ["GBP"], "")
    found = scores(purchases, model)
    assert found_for(found["none"]) == NOTHING
    row = found["c07"]
    past = row.order_days - 1, (row.last_day - row.first_day).days / 7, (AS_OF - row.first_day).days / 7
    assert past == (3, 180 / 7, 393 / 7)
    assert row.p_alive == pytest.approx(float(model.frequency.p_alive(*past)))
    assert row.expected_orders_90d == pytest.approx(float(model.frequency.expected(90 / 7, *past)))
    expected = [float(model.frequency.expected(m * 365 / 84, *past)) for m in range(13)]
    each = float(model.values["GBP"].mean_value(4, float(row.day_value)))
    value = sum((expected[m] - expected[m - 1]) * each / 1.1 ** (m / 12) for m in range(1, 13))
    assert float(row.lifetime_value_12m) == pytest.approx(value, abs=1e-3)


def test_too_few_buyers_get_no_value_and_the_reason_is_said(frame):
    purchases = buyers(frame, 19)
    model = fit(purchases)
    assert (model.frequency, model.why, model.figures()) == (None, "19 buyers, 14 of them came back: too few", {})
    assert {found_for(row) for row in scores(purchases, model).values()} == {NOTHING}


def test_a_currency_of_its_own_needs_buyers_of_its_own(frame):
    purchases = buyers(frame, 40).withColumn("currency", F.expr("if(customer_id = 'c01', 'EUR', currency)"))
    found = scores(purchases, fit(purchases))
    assert found["c01"].lifetime_value_12m is None
    assert found["c01"].p_alive is not None
    assert found["c02"].lifetime_value_12m is not None
