"""Customers: counts of the profiles, and what is shown of how records were linked."""

import pytest

from onecart.report import page
from onecart.report.sections import profile

pytestmark = pytest.mark.job


def html_of(ctx):
    return page.cards(*profile.SECTION.cards(ctx))


def test_rfm_map_and_lifetime_bins_count_customers(spark):
    rows = [
        (5, 5, "GBP", 12.0),
        (5, 5, "GBP", 19.99),
        (1, 2, "GBP", 20_000.0),
        (1, 2, "EUR", None),
        (None, None, None, None),
    ]
    profiles = spark.createDataFrame(rows, "rfm_r int, rfm_f int, currency string, lifetime_value_12m double")
    counts = profile.rfm_counts(profiles).toPandas()
    assert [tuple(r) for r in counts.to_numpy().tolist()] == [(1, 2, 2), (5, 5, 2)]
    (heat,) = profile.plot_rfm(counts).data
    assert (heat.z[1][0], heat.z[4][4], heat.z.sum()) == (2, 2, 4)
    bins = profile.lifetime_bins(profiles).toPandas()
    assert [
        (b.from_value, b.to_value if b.to_value == b.to_value else None, b.customers) for b in bins.itertuples()
    ] == [
        (10, 20, 2),
        (10_000, None, 1),
    ]
    (bars,) = profile.plot_lifetime(bins).data
    assert (list(bars.x), list(bars.y)) == (["10 to 20", "10,000 and more"], [2, 1])


def test_the_waterfall_is_of_the_richest_link_the_model_made(spark):
    def pieces(*weights):
        return [("prior", None, -9.0), *[(f"f{i}", "exact", w) for i, w in enumerate(weights)]]

    rows = [
        ("a", "b", "model", True, pieces(4.0, 5.0, 6.0, 1.0)),
        ("a", "c", "model+email", True, pieces(4.0, 5.0, -2.0, 1.0)),
        ("a", "d", "model", False, pieces(4.0, 5.0, 6.0, -1.0, 1.0)),
        ("a", "e", "email", True, pieces(4.0, 5.0, 6.0, -1.0, 1.0)),
        ("a", "f", "model", True, pieces(4.0, 5.0)),
    ]
    schema = (
        "record_a string, record_b string, rules string, accepted boolean, "
        "evidence array<struct<field: string, level: string, weight: double>>"
    )
    link = profile.example_link(spark.createDataFrame(rows, schema)).toPandas()
    assert set(link.record_b) == {"c"}
    (bars,) = profile.plot_waterfall(link).data
    assert (list(bars.y), bars.measure[-1], bars.text[-1]) == ([-9.0, 4.0, 5.0, -2.0, 1.0, 0], "total", "-1.0")


def test_evidence_is_counted_in_steps_of_bits_and_the_threshold_is_a_line(spark):
    rows = [(0.0, False), (1.99, False), (1.99, True), (2.0, True), (-0.1, False), (40.0, True), (20.0, True)]
    bins = profile.evidence_bins(spark.createDataFrame(rows, "weight double, accepted boolean")).toPandas()
    assert [tuple(r) for r in bins.to_numpy().tolist()] == [
        (-2, 0, False, 1),
        (0, 2, False, 2),
        (0, 2, True, 1),
        (2, 4, True, 1),
        (18, 20, True, 2),
    ]
    figure = profile.plot_evidence(bins, threshold=1.2)
    assert {t.name: (list(t.x), list(t.y)) for t in figure.data} == {
        "one customer": ([1, 3, 19], [1, 1, 2]),
        "refused": ([-1, 1], [1, 2]),
    }
    assert [line.x0 for line in figure.layout.shapes] == [1.2]
    assert not profile.plot_evidence(bins).layout.shapes


def test_records_per_customer_have_one_bar_for_the_tail(spark):
    profiles = spark.createDataFrame([(n,) for n in (1, 1, 3, 10, 11, 400)], "records int")
    counts = profile.records_per_customer(profiles).toPandas()
    (bars,) = profile.plot_records(counts).data
    assert (list(bars.x), list(bars.y)) == (["1", "3", "10 and more"], [2, 1, 3])


def test_shared_keys_are_summed_by_identifier_and_what_links_or_only_blocks_is_left_out(spark):
    keys = [("phone", 30, True, None), ("phone", 50, True, None), ("email", 90, True, None)]
    keys += [("surname", 500, False, None), ("account_id", 700, True, "account:1")]  # the latter links, as a star
    columns = "rule string, records long, identifies boolean, star string"
    found = profile.shared_keys(spark.createDataFrame(keys, columns))
    assert [tuple(r) for r in found.collect()] == [("email", 1, 90, 90), ("phone", 2, 80, 50)]


def test_the_customers_section_shows_what_tables_there_are(context, fill):
    assert html_of(context()) == ""
    pair = {"weight": -3.0, "probability": 0.1, "rules": "phone", "component": "a", "evidence": []}
    fill("gold.identity_edges", [{"record_a": "a", "record_b": "b", "accepted": False, "reason": "strangers", **pair}])
    fill("gold.identity_model", [{"model_version": "v", "records": 2, "threshold": 1.5, "parameters": "{}"}])
    fill("gold.identity_shared_keys", [{"rule": "phone", "key_hash": 1, "records": 30, "identifies": True}])
    html = html_of(context())
    assert html.count('class="card"') == 3
    assert "strangers" in html
    assert "threshold +1.5" in html
    assert '<td>phone</td><td class="n">1</td><td class="n">30</td>' in html
