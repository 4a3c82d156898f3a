"""What an experiment says of odd units: counted, refused in one sentence, or judged; never silently lost."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from onecart.errors import UsageError
from onecart.measure import GroupSequential, experiment, judge


def units(n: int = 400, seed: int = 7, **columns) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"unit_id": [f"u{i}" for i in range(n)], "arm": np.where(np.arange(n) % 2, "new", "old")})
    frame["before"] = draw.normal(10, 3, n)
    frame["spend"] = frame["before"] + draw.normal(0, 1, n) + (frame["arm"] == "new") * 0.5
    frame["visits"] = draw.integers(1, 5, n)
    return frame.assign(**columns)


def test_a_ratio_is_the_delta_method():
    frame = units()
    row = experiment(frame, [("spend", "visits")], "old").table.iloc[0]
    sides = dict(iter(frame.groupby("arm")))
    ratio = {arm: of.spend.sum() / of.visits.sum() for arm, of in sides.items()}
    linear = {arm: (of.spend - ratio[arm] * of.visits) / of.visits.mean() for arm, of in sides.items()}
    error = sum(v.var() / len(v) for v in linear.values()) ** 0.5
    assert row.metric == "spend / visits"
    assert row.effect == pytest.approx(ratio["new"] - ratio["old"])
    assert (row.hi - row.lo) / 2 == pytest.approx(1.966 * error, rel=1e-3)
    with_covariate = experiment(frame, [("spend", "visits")], "old", covariate="before").table.iloc[0]
    assert with_covariate.hi - with_covariate.lo < row.hi - row.lo
    assert with_covariate.raw_effect == pytest.approx(row.effect)


def test_a_missing_metric_is_counted_and_left_out_of_that_metric_alone():
    frame = units()
    frame.loc[:9, "spend"] = np.nan
    table = experiment(frame, ["spend", "visits"], "old").table.set_index("metric")
    assert table["missing"].to_dict() == {"spend": 10, "visits": 0}
    known = frame.dropna()
    expected = known[known.arm == "new"].spend.mean() - known[known.arm == "old"].spend.mean()
    assert table.loc["spend", "effect"] == pytest.approx(expected)
    assert table.loc["spend", ["units", "control_units"]].tolist() == [200, 200]


def test_a_metric_that_is_missing_in_one_arm_more_often_is_said():
    frame = units()
    frame.loc[(frame.arm == "new") & (frame.index < 80), "spend"] = None
    notes = experiment(frame, ["spend", "visits"], "old").table.set_index("metric")["note"]
    assert "missing more often in one arm" in notes["spend"]
    assert notes["visits"] == ""


def test_a_broken_sample_ratio_comes_first_and_marks_every_row():
    frame = units()[lambda f: (f.arm == "old") | (f.index < 260)]
    found = experiment(frame, ["spend"], "old")
    assert found.sample_ratio_p < 0.001
    assert not found.trusted
    assert not found.table["trusted"].any()
    assert found.notes[0].startswith("Do not trust these results")
    assert str(found).startswith("Do not trust these results")
    assert experiment(frame, ["spend"], "old", expected={"old": 20, "new": 13}).trusted


def test_a_segment_whose_arms_are_uneven_is_not_trusted_alone():
    frame = units(800)
    country = np.where(frame.index < 400, "GB", "FR")
    uneven = (country == "FR") & (frame.arm == "new") & (frame.index >= 560)
    even = (country == "GB") | ~uneven
    table = experiment(
        frame.assign(country=country)[even], ["spend"], "old", {}, {"old": 400, "new": 280}, segment="country"
    )
    assert table.table.set_index("segment")["trusted"].to_dict() == {"all": True, "FR": False, "GB": False}


def test_segments_add_up_to_all_and_are_corrected_together():
    frame = units(country=["GB", "GB", "FR", "FR", None, None, "GB", "GB"] * 50)
    found = experiment(frame, ["spend", "visits"], "old", segment="country", correction="bonferroni").table
    assert found["segment"].unique().tolist() == ["all", "FR", "GB", "unknown"]
    alone = experiment(frame, ["spend", "visits"], "old").table
    same = ["metric", "effect", "lo", "hi", "p_value", "always_valid_lo", "note"]
    pd.testing.assert_frame_equal(found[found.segment == "all"][same], alone[same])
    tests = found["p_value"].notna().sum()
    assert found["p_adjusted"].dropna().tolist() == pytest.approx(np.minimum(1, found["p_value"].dropna() * tests))


def test_a_segment_without_the_control_has_no_row():
    frame = units(country=lambda f: np.where(f.arm == "new", "GB", "FR"))
    found = experiment(frame, ["spend"], "old", segment="country")
    assert found.table["segment"].tolist() == ["all"]
    assert found.notes == (
        "Segments that lack the control or another arm are not judged: FR (200 units), GB (200 units).",
    )


def test_a_covariate_that_helps_narrows_and_one_that_does_not_is_said():
    frame = units(noise=np.random.default_rng(1).normal(size=400))
    helps = experiment(frame, ["spend"], "old", covariate="before").table.iloc[0]
    assert helps.variance_reduction > 0.8
    assert helps.note == ""
    assert helps.hi - helps.lo < 0.5 * (helps.raw_hi - helps.raw_lo)
    noise = experiment(frame, ["spend"], "old", covariate={"spend": "noise"}).table.iloc[0]
    assert "it does not help" in noise.note


def test_a_covariate_that_the_treatment_moved_is_said():
    frame = units(after=lambda f: f.before + (f.arm == "new") * 3)
    assert "was it measured before the start?" in experiment(frame, ["spend"], "old", covariate="after").table.note[0]


def test_a_missing_covariate_counts_as_zero_and_is_counted():
    frame = units()
    frame.loc[:19, "before"] = np.nan
    found = experiment(frame, ["spend"], "old", covariate="before")
    assert found.notes == ("'before' is missing in 20 units, and counts as 0 there.",)
    assert found.table["missing"].tolist() == [0]
    zero = experiment(frame.fillna({"before": 0}), ["spend"], "old", covariate="before")
    assert found.table["effect"][0] == pytest.approx(zero.table["effect"][0])


def test_several_arms_are_each_judged_against_the_control():
    frame = units(arm=[0, 1, 2, 3] * 100)
    table = experiment(frame, ["spend"], control=2).table
    assert table["arm"].tolist() == [0, 1, 3]
    assert (table["p_adjusted"] >= table["p_value"]).all()
    assert experiment(frame, ["spend"], control="2").table["arm"].tolist() == [0, 1, 3]


def test_arms_keep_their_kind():
    frame = units(arm=[0, 1] * 200)[["arm", "spend", "visits"]]
    assert str(experiment(frame, ["spend"], 0, unit=None)).startswith("spend, 1 against 0: ")


def test_yes_and_no_decimals_and_pandas_own_kinds_are_numbers():
    frame = units()
    more = {
        "yes": frame.spend > 10,
        "maybe": pd.array([True, None] * 200, "boolean"),
        "money": [Decimal("1.5"), None, Decimal(2), Decimal(3)] * 100,
        "count": pd.array([1, 2, None, 4] * 100, "Int64"),
    }
    table = experiment(frame.assign(**more), list(more), "old").table.set_index("metric")
    assert table["missing"].to_dict() == {"yes": 0, "maybe": 200, "money": 100, "count": 100}


def test_what_cannot_be_judged_has_no_figure_and_says_why():
    frame = units(
        six_did=lambda f: (f.index < 12) & (f.arm == "new"), same=1.0, one=lambda f: f.spend.where(f.index < 2)
    )
    table = experiment(frame, ["same", "one", "six_did"], "old").table.set_index("metric")
    assert table["p_value"].isna().to_dict() == {"same": True, "one": True, "six_did": False}
    assert table["p_adjusted"].isna().to_dict() == {"same": True, "one": True, "six_did": False}
    assert "does not vary" in table.loc["same", "note"]
    assert "fewer than two units" in table.loc["one", "note"]
    assert "fewer than 10 units did" in table.loc["six_did", "note"]


def test_units_without_an_arm_are_counted():
    frame = units()
    frame.loc[:4, "arm"] = None
    found = experiment(frame, ["spend"], "old")
    assert found.notes == ("5 units without an arm are left out.",)
    assert found.units == {"new": 198, "old": 197}


@pytest.mark.parametrize(
    ("given", "change", "words"),
    [
        ({"control": "odl"}, {}, r"control arm 'odl'; did you mean 'old'\?"),
        ({}, {"arm": "old"}, "all units are in the arm 'old'"),
        ({}, {"spend": [np.inf, *[1.0] * 399]}, "'spend' is infinite in 1 units"),
        ({}, {"unit_id": ["u1", "u1", *range(398)]}, r"1 units have more than one row \(for example 'u1'\), 1 of them"),
        ({"metrics": ["spent"]}, {}, r"no column 'spent'; did you mean 'spend'\?"),
        ({"metrics": ["unit_id"]}, {}, "must hold numbers or yes and no, found string"),
        ({"metrics": []}, {}, "name at least one"),
        ({"metrics": ["spend", "spend"]}, {}, "each once"),
        ({"metrics": [("a", "b", "c")]}, {}, "numerator, denominator"),
        ({"unit": "id"}, {}, "unit=None where each row is a unit"),
        ({"covariate": {"spent": "before"}}, {}, "covariate: there is no metric 'spent'"),
        ({"expected": {"old": 1}}, {}, "expected has shares of old"),
        ({"expected": {"old": 1, "new": 0}}, {}, "above 0"),
        ({"expected": [0.5, 0.5]}, {}, "must map each arm"),
        ({"alpha": 5}, {}, "alpha must lie"),
        ({"tuned_to": 0}, {}, "tuned_to"),
        ({"corection": "holm"}, {}, r"no parameter 'corection'; did you mean 'correction'\?"),
        ({"correction": "holmes"}, {}, r"no correction 'holmes'; did you mean 'holm'\?"),
        ({"group_sequential": GroupSequential(3, (0.5, 1))}, {}, "look 3 of 2 planned"),
        ({"group_sequential": GroupSequential(1, (0.5, 0.4))}, {}, "fractions must rise"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(given, change, words):
    with pytest.raises(UsageError, match=words):
        experiment(**{"units": units(**change), "metrics": ["spend"], "control": "old", **given})


def test_no_units_and_too_many_arms_are_refused():
    with pytest.raises(UsageError, match="no unit has an arm"):
        experiment(units()[:0], ["spend"], "old")
    with pytest.raises(UsageError, match="more than 10,000 values"):
        experiment(units(10_002, arm=lambda f: f.unit_id), ["spend"], "u1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bought_successes": [1, 30]}, "more than the 20 units"),
        ({"units": [20, None]}, "units must be a finite number"),
        ({"units": [20, 20.5]}, "units must be a whole number"),
        ({"arm": ["a", "a"]}, "several rows of one arm"),
        ({"spend_variance": [-1, 1]}, "of 0 or more"),
    ],
)
def test_aggregates_that_make_no_sense_are_refused(change, words):
    given = {"arm": ["a", "b"], "units": [20, 20], "bought_successes": [1, 3], "spend_mean": 1, "spend_variance": 2}
    with pytest.raises(UsageError, match=words):
        judge(pd.DataFrame({**given, **change}), ["bought", "spend"], "a")


def test_aggregates_that_lack_a_covariance_say_which():
    given = pd.DataFrame({"arm": ["a", "b"], "units": 9, "x_mean": 1, "x_variance": 1, "y_mean": 1, "y_variance": 1})
    with pytest.raises(UsageError, match="no column 'y_x_covariance'"):
        judge(given, ["y"], "a", covariate="x")


def test_spark_finds_what_pandas_finds(spark):
    frame = units(country=["GB", "GB", "FR", "FR", None, None, "GB", "GB"] * 50)
    frame.loc[:9, "spend"] = np.nan
    frame.loc[10:13, "before"] = None
    frame.loc[14, "arm"] = None
    metrics = ["spend", ("spend", "visits")]
    more = {"covariate": "before", "segment": "country", "group_sequential": GroupSequential(1, (0.5, 1))}
    there, here = (experiment(rows, metrics, "old", **more) for rows in (spark.createDataFrame(frame), frame))
    pd.testing.assert_frame_equal(there.table, here.table, rtol=1e-9, check_dtype=False)
    assert (there.notes, there.units) == (here.notes, here.units)
    twice = spark.createDataFrame(frame).unionAll(spark.createDataFrame(frame[:3].assign(arm="new")))
    with pytest.raises(UsageError, match=r"3 units have more than one row \(for example 'u0'\), 2 of them in several"):
        experiment(twice, metrics, "old")
    with pytest.raises(UsageError, match="'spend' is infinite in 1 units"):
        experiment(spark.createDataFrame(frame.assign(spend=[np.inf] + [1.0] * 399)), ["spend"], "old")


def test_names_are_read_in_composed_letters():
    frame = units().rename(columns={"spend": "gro\u0308sse", "before": "fru\u0308her"})
    table = experiment(frame, ["gr\u00f6sse"], "old", covariate="fr\u00fcher").table
    same = experiment(frame, ["gro\u0308sse"], "old", covariate={"gro\u0308sse": "fru\u0308her"}).table
    pd.testing.assert_frame_equal(table, same)


def test_aggregates_may_be_of_spark(spark):
    given = pd.DataFrame({"arm": ["old", "new"], "units": 100, "bought_successes": [20, 40]})
    pd.testing.assert_frame_equal(
        judge(spark.createDataFrame(given), "bought", "old").table, judge(given, "bought", "old").table
    )
