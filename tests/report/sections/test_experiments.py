"""Did it work: effects with both intervals, credit beside proof, no figure where the log cannot say."""

from datetime import date

import pandas as pd
import pytest

from onecart.report import page
from onecart.report.sections import experiments

RESULT = {
    "campaign": "winter", "segment": "all", "metric": "orders", "treated": 200, "control": 100, "effect": 0.02, "lo": 0.01, "hi": 0.03,
    "always_valid_lo": -0.01, "always_valid_hi": 0.05, "trusted": True, "complete": True, "incremental": 4.0, "note": "",
    "relative_effect": 0.2, "p_adjusted": 0.01, "always_valid_p": 0.2, "variance_reduction": 0.3, "treated_mean": 0.12, "control_mean": 0.1,
}  # fmt: skip
NOVEMBER, DECEMBER = date(2011, 11, 1), date(2011, 12, 1)


def credit(*rows):
    """gold.attribution of rows (month, method, touch, credit, proved_orders)."""
    names = ["month", "method", "touch", "credit", "proved_orders"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(proved_low=table.proved_orders - 3, proved_high=table.proved_orders + 3)


def test_effects_say_whether_they_can_be_trusted_and_whether_time_is_over():
    rows = [
        RESULT,
        {**RESULT, "segment": "bought once", "trusted": False},
        {**RESULT, "campaign": "a", "complete": False},
    ]
    found = experiments.effects(pd.DataFrame(rows))
    assert [*found.label] == ["a: all (so far)", "winter: all", "winter: bought once (not trusted)"]
    assert found.loc[0].drop("label").to_dict() == {
        "value": 0.02,
        "low": 0.01,
        "high": 0.03,
        "wide_low": -0.01,
        "wide_high": 0.05,
    }


def test_each_rule_shares_out_all_purchases():
    many = [(NOVEMBER, "last", f"touch {n}", 10.0 - n, None) for n in range(10)]
    found = experiments.shared(
        credit(*many, (DECEMBER, "last", "touch 9", 5.0, None), (NOVEMBER, "first", "touch 0", 8.0, None))
    )
    assert found.groupby("method").share.sum().round(9).to_dict() == {"first": 1, "last": 1}
    last = found[found.method == "last"]
    assert next(iter(last.touch)) == "touch 0"
    assert [*last.touch][-1] == "all others"
    assert last[last.touch == "touch 9"].credit.item() == 6
    assert len(last) == 9


def test_credit_of_a_campaign_stands_beside_what_its_control_group_proves():
    found = experiments.beside_proof(
        credit(
            (NOVEMBER, "last", "email / winter", 9.0, 2.0),
            (NOVEMBER, "last", "sms / winter", 1.0, 2.0),
            (DECEMBER, "last", "email / winter", 4.0, None),
            (date(2011, 10, 1), "last", "email / winter", 50.0, None),  # before it began
            (NOVEMBER, "last", "email / never judged", 7.0, None),
            (NOVEMBER, "last", "web", 70.0, None),
        )
    )
    assert found.fillna(0).to_numpy().tolist() == [
        ["winter", "last", 14.0, 0.0, 0.0],
        ["winter", "proved", 2.0, -1.0, 5.0],
    ]
    (bars,) = experiments.plot_proof(found).data
    assert [*zip(bars.y, bars.x, bars.error_x.array, strict=True)][1] == ("winter: proved", 2.0, 3.0)
    assert bars.y[0] == "winter: last"
    assert experiments.beside_proof(credit((NOVEMBER, "last", "web", 1.0, None))).empty


@pytest.mark.job
def test_the_section_shows_no_figure_where_the_log_cannot_say(context, fill, rows_of):
    assert page.cards(*experiments.SECTION.cards(context())) == ""
    fill(
        "gold.experiment_results",
        rows_of("gold.experiment_results", {**RESULT, "note": "arms <differ>", "trusted": False}),
    )
    touches = [("web", None, 3.0), ("email / winter", 2.0, 1.0)]
    rows = [
        {"method": "markov", "touch": t, "credit": c, "proved_orders": p, "proved_low": 1.0, "proved_high": 3.0}
        for t, p, c in touches
    ]
    fill("gold.attribution", rows_of("gold.attribution", *rows))
    judged = {"kind": "campaign", "subject": "winter", "effective_sample": 41.6}
    policies = [
        {**judged, "policy": "everyone", "outcome": "bought", "value": 0.3, "lift": 0.1, "lift_low": 0.05, "lift_high": 0.15, "trusted": True, "live": True},
        {**judged, "policy": "nobody", "outcome": "bought", "trusted": False, "why": "42 decisions are left of 100"},
    ]  # fmt: skip
    fill("gold.policy_value", rows_of("gold.policy_value", *policies))
    points = [
        {
            "treatment": "mug",
            "point": n,
            "share": n / 2,
            "gain": 0.1 * n,
            "chord": 0.05 * n,
            "model_version": "uplift.mug@1",
        }
        for n in range(3)
    ]
    fill("gold.uplift_curve", rows_of("gold.uplift_curve", *points))
    ctx = context(as_of=date(2011, 12, 10))
    ctx.write_health({"uplift.mug": {"qini": 0.0072, "qini_low": 0.0054, "qini_high": 0.0091}}, "experiment")
    (words,) = experiments.judged(pd.DataFrame([{**RESULT, "treated_mean": 0.09}])).to_dict("records")
    assert words["contacted, mean (adjusted)"] - words["held back, mean"] == pytest.approx(0.02)
    html = page.cards(*experiments.SECTION.cards(ctx))
    assert html.count('class="card') == 7
    assert "(Qini 0.0072, 0.0054 to 0.0091)" in html
    assert "arms &lt;differ&gt;" in html
    assert "winter: all (not trusted)" in html
    nobody = '<td>nobody</td><td>bought</td><td class="n">1</td><td class="n">42</td><td class="n"></td><td class="n"></td><td>no</td><td>no</td><td>42 decisions are left of 100</td>'
    assert nobody in html
    assert "winter: everyone" in html
    assert "winter: nobody" not in html
