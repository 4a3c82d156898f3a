"""The season of all products together, a year earlier."""

import numpy as np
import pandas as pd
import pytest

from onecart.forecast.inputs.series import FREQS
from onecart.forecast.yearly_season import yearly_season

DAY, H = 86_400, 28
DAYS = np.arange(800)
WAVE = 100 * (1 + 0.5 * np.sin(2 * np.pi * DAYS / 364))


def made(total, h=H):
    return yearly_season(pd.DataFrame({"ds": DAYS[: len(total)] * DAY + 0.0, "y": total}), FREQS["D"], h)


def ahead(season, t, h=H):
    return season.factor(np.array(t * DAY), (t + np.arange(h)) * DAY)


def test_what_came_again_last_year_comes_again():
    t = len(DAYS)
    true = 100 * (1 + 0.5 * np.sin(2 * np.pi * (t + np.arange(H)) / 364)) / WAVE[t - 28 :].mean()
    assert ahead(made(WAVE), t) == pytest.approx(true, rel=0.03)


def test_a_year_that_does_not_repeat_itself_is_not_followed():
    noise = np.random.default_rng(0).lognormal(4, 0.4, 29).repeat(28)[: len(DAYS)]
    assert made(noise).strength.max() < 0.5
    mirrored = 200 - WAVE
    assert ahead(made(np.r_[WAVE[:430], mirrored[430:]]), len(DAYS)) == pytest.approx(np.ones(H), abs=0.1)


def test_nothing_at_or_after_an_origin_changes_its_factors():
    changed = WAVE.copy()
    changed[650:] = 200 - changed[650:]
    assert ahead(made(WAVE), 650) == pytest.approx(ahead(made(changed), 650), abs=1e-12)
    assert np.abs(ahead(made(WAVE), 790) - ahead(made(changed), 790)).max() > 0.01


def test_days_that_are_not_known_count_in_no_mean():
    holed = WAVE.copy()
    holed[::9] = np.nan
    assert ahead(made(holed), len(DAYS)) == pytest.approx(ahead(made(WAVE), len(DAYS)), rel=0.05)


@pytest.mark.parametrize("t", [0, 300, 420])
def test_before_it_can_be_known_it_changes_nothing(t):
    assert ahead(made(WAVE), t).tolist() == [1.0] * H


def test_short_panels_long_horizons_and_weeks_have_none():
    weeks = pd.DataFrame({"ds": np.arange(200) * 7 * DAY, "y": np.ones(200)})
    none = (made(WAVE[:450]), made(WAVE, h=360), yearly_season(weeks, FREQS["W"], 4))
    assert none == (None, None, None)
