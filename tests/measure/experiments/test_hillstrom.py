"""Hillstrom's e-mail experiment: the effects that are known of it. Downloads the sample once."""

import pandas as pd
import pytest

from onecart.measure import experiment
from onecart.samples import fetch

pytestmark = pytest.mark.heavy
MENS, WOMENS, NONE = "Mens E-Mail", "Womens E-Mail", "No E-Mail"
KNOWN = {
    (MENS, "visit"): (0.076590, 0.069953, 0.083226),
    (MENS, "conversion"): (0.006805, 0.005000, 0.008610),
    (MENS, "spend"): (0.769827, 0.485140, 1.054515),
    (WOMENS, "visit"): (0.045233, 0.038893, 0.051573),
    (WOMENS, "conversion"): (0.003111, 0.001499, 0.004724),
    (WOMENS, "spend"): (0.424412, 0.168957, 0.679868),
}


@pytest.fixture(scope="module")
def units() -> pd.DataFrame:
    return pd.read_csv(fetch("hillstrom")[0])


def judged(units, metrics, **more):
    return experiment(units, metrics, NONE, arm="segment", unit=None, **more)


def test_effects_and_sample_ratio(units):
    found = judged(units, ["visit", "conversion", "spend"])
    assert found.sample_ratio_p == pytest.approx(0.903693, abs=1e-6)
    rows = found.table.set_index(["arm", "metric"])[["effect", "lo", "hi"]]
    assert {key: tuple(row) for key, row in rows.iterrows()} == {
        k: pytest.approx(v, abs=1e-6) for k, v in KNOWN.items()
    }


def test_cuped_on_history_hardly_helps_and_says_so(units):
    table = judged(units, ["spend"], covariate="history").table.set_index("arm")
    assert tuple(table.loc[MENS, ["effect", "lo", "hi"]]) == pytest.approx((0.767438, 0.482813, 1.052064), abs=1e-6)
    assert table["note"].str.contains("it does not help").all()


def test_spark_says_the_same(spark, units):
    more = {"covariate": "history", "segment": "zip_code"}
    metrics = ["visit", "spend", ("spend", "visit")]
    on_spark = judged(spark.createDataFrame(units), metrics, **more).table
    pd.testing.assert_frame_equal(on_spark, judged(units, metrics, **more).table, rtol=1e-9)
