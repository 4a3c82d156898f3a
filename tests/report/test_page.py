"""The report: cards leave out what has no rows, text is escaped, charts show the numbers they are given."""

from datetime import date, timedelta

import pandas as pd
import pytest

from onecart.report import figures, page, queries

pytestmark = pytest.mark.job


def test_cards_without_rows_are_left_out():
    empty, full = pd.DataFrame({"a": []}), pd.DataFrame({"a": [1]})
    assert page.cards(("x", empty, page.table_html)) == ""
    assert page.cards(("x", empty, page.table_html), ("y", full, page.table_html)).count("card") == 1


def test_tables_escape_what_customers_wrote():
    html = page.table_html(pd.DataFrame({"text": ["<script>alert(1)</script>"], "n": [1234]}))
    assert "<script>" not in html
    assert '<td class="n">1,234</td>' in html


def test_the_page_is_self_contained_and_names_its_day():
    html = page.page("2011-12-10", "", {"Conversion": "<p>x</p>"}, "A note.")
    assert "2011-12-10" in html
    assert "<h2>Conversion</h2>" in html
    assert "Plotly" in html
    assert 'src="http' not in html


def test_conversion_chart_divides_buyers_by_visitors():
    weekly = pd.DataFrame(
        {"week": ["2011-01-03"] * 2, "channel": ["web", "app"], "visitors": [100.0, 50.0], "buyers": [4.0, 1.0]}
    )
    figure = figures.conversion(weekly)
    assert {t.name: list(t.y) for t in figure.data} == {"web": [0.04], "app": [0.02]}


def test_funnel_steps_sum_the_days_and_keep_the_order(spark):
    rows = [
        ("2011-01-01", "web", "mobile", 10, 8, 4, 3, 2),
        ("2011-01-02", "web", None, 1, 1, 1, 1, 1),
        ("2011-01-01", "store", None, 5, 5, 5, 5, 5),
    ]
    columns = "day string, channel string, device_type string, " + ", ".join(f"{s} long" for s in queries.STEPS)
    funnel = spark.createDataFrame(rows, columns)
    found = queries.funnel_steps(funnel).collect()
    assert [(r.channel, r.step, r.visits, round(r.drop_off, 3)) for r in found] == [
        ("web", "visits", 11, 0.0),
        ("web", "product", 9, 0.182),
        ("web", "cart", 5, 0.444),
        ("web", "checkout", 4, 0.2),
        ("web", "purchase", 3, 0.25),
    ]
    by_device = queries.funnel_steps(funnel, "device_type").toPandas()
    figure = figures.funnel(by_device, by="device_type")
    assert {t.name: t.text[1] for t in figure.data} == {
        "mobile": "80% (8), 20% dropped off",
        "unknown": "100% (1)",
    }


def test_stores_stand_beside_the_web_on_days_that_were_counted(spark):
    rows = [("2011-01-03", "online", 50, 5), ("2011-01-03", "store", 10, 4), ("2011-01-04", "store", None, 9)]
    daily = spark.createDataFrame(rows, "day string, channel string, visitors long, buyers long")
    figure = figures.conversion(queries.weekly_conversion(daily, ("online", "store")).toPandas())
    assert {t.name: list(t.y) for t in figure.data} == {"online": [0.1], "store": [0.4]}


def test_newest_metric_of_each_model(spark):
    rows = [
        ("intent.gbt", "v1", "auc", 0.6, "2011-01-01"),
        ("intent.gbt", "v2", "auc", 0.7, "2011-02-01"),
        ("voice.x", "v1", "auc", 0.9, "2011-01-01"),
    ]
    health = spark.createDataFrame(
        rows, "model string, model_version string, metric string, value double, as_of string"
    )
    assert [(r.model, r.value) for r in queries.newest_metrics(health, "auc", "intent.").collect()] == [
        ("intent.gbt", 0.7)
    ]


def test_rfm_map_and_lifetime_bins_count_customers(spark):
    rows = [
        (5, 5, "GBP", 12.0),
        (5, 5, "GBP", 19.99),
        (1, 2, "GBP", 20_000.0),
        (1, 2, "EUR", None),
        (None, None, None, None),
    ]
    profiles = spark.createDataFrame(rows, "rfm_r int, rfm_f int, currency string, lifetime_value_12m double")
    counts = queries.rfm_counts(profiles).toPandas()
    assert [tuple(r) for r in counts.to_numpy().tolist()] == [(1, 2, 2), (5, 5, 2)]
    (heat,) = figures.rfm_heatmap(counts).data
    assert (heat.z[1][0], heat.z[4][4], heat.z.sum()) == (2, 2, 4)
    bins = queries.lifetime_bins(profiles).toPandas()
    assert [
        (b.from_value, b.to_value if b.to_value == b.to_value else None, b.customers) for b in bins.itertuples()
    ] == [
        (10, 20, 2),
        (10_000, None, 1),
    ]
    (bars,) = figures.lifetime_values(bins).data
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
    link = queries.example_link(spark.createDataFrame(rows, schema)).toPandas()
    assert set(link.record_b) == {"c"}
    (bars,) = figures.link_waterfall(link).data
    assert (list(bars.y), bars.measure[-1], bars.text[-1]) == ([-9.0, 4.0, 5.0, -2.0, 1.0, 0], "total", "-1.0")


def test_evidence_is_counted_in_steps_of_bits_and_the_threshold_is_a_line(spark):
    rows = [(0.0, False), (1.99, False), (1.99, True), (2.0, True), (-0.1, False), (40.0, True), (20.0, True)]
    bins = queries.evidence_bins(spark.createDataFrame(rows, "weight double, accepted boolean")).toPandas()
    assert [tuple(r) for r in bins.to_numpy().tolist()] == [
        (-2, 0, False, 1),
        (0, 2, False, 2),
        (0, 2, True, 1),
        (2, 4, True, 1),
        (18, 20, True, 2),
    ]
    figure = figures.link_evidence(bins, threshold=1.2)
    assert {t.name: (list(t.x), list(t.y)) for t in figure.data} == {
        "one customer": ([1, 3, 19], [1, 1, 2]),
        "refused": ([-1, 1], [1, 2]),
    }
    assert [line.x0 for line in figure.layout.shapes] == [1.2]
    assert not figures.link_evidence(bins).layout.shapes


def test_records_per_customer_have_one_bar_for_the_tail(spark):
    profiles = spark.createDataFrame([(n,) for n in (1, 1, 3, 10, 11, 400)], "records int")
    counts = queries.records_per_customer(profiles).toPandas()
    (bars,) = figures.records_per_customer(counts).data
    assert (list(bars.x), list(bars.y)) == (["1", "3", "10 and more"], [2, 1, 3])


def test_shared_keys_are_summed_by_identifier_and_what_links_or_only_blocks_is_left_out(spark):
    keys = [("phone", 30, True, None), ("phone", 50, True, None), ("email", 90, True, None)]
    keys += [("surname", 500, False, None), ("account_id", 700, True, "account:1")]  # the latter links, as a star
    columns = "rule string, records long, identifies boolean, star string"
    found = queries.shared_keys(spark.createDataFrame(keys, columns))
    assert [tuple(r) for r in found.collect()] == [("email", 1, 90, 90), ("phone", 2, 80, 50)]


def test_the_customers_section_shows_what_tables_there_are(context, fill):
    assert page.SECTIONS["Customers"](context()) == ""
    pair = {"weight": -3.0, "probability": 0.1, "rules": "phone", "component": "a", "evidence": []}
    fill("gold.identity_edges", [{"record_a": "a", "record_b": "b", "accepted": False, "reason": "strangers", **pair}])
    fill("gold.identity_model", [{"model_version": "v", "records": 2, "threshold": 1.5, "parameters": "{}"}])
    fill("gold.identity_shared_keys", [{"rule": "phone", "key_hash": 1, "records": 30, "identifies": True}])
    html = page.SECTIONS["Customers"](context())
    assert html.count('class="card"') == 3
    assert "strangers" in html
    assert "threshold +1.5" in html
    assert '<td>phone</td><td class="n">1</td><td class="n">30</td>' in html


def _measured(**metrics):
    rows = {"ndcg": 0.2, "ndcg_low": 0.1, "ndcg_high": 0.3, "coverage": 0.5}
    rows |= {"diversity": 0.9, "popularity_share": 0.25, "novelty": 7.5, **metrics}
    return rows


GROUPS = {"activity.10-19": 40, "activity.2-4": 30, "age.55 and over": 35, "age.under 35": 35, "country.France": 70}
OFFERED = {
    "recommend.popularity": _measured(ndcg=0.1),
    "recommend.als": _measured(
        ndcg_over_popularity=0.1,
        ndcg_over_popularity_low=0.05,
        ndcg_over_popularity_high=0.15,
        **{
            f"{name}.{group}": value
            for group, users in GROUPS.items()
            for name, value in (("users", users), ("ndcg", 0.2), ("ndcg_low", 0.1), ("ndcg_high", 0.3))
        },
    ),
}


def test_scores_are_those_of_the_run_that_made_the_offers(spark):
    rows = [
        (model, f"{model}@{run}", metric, float(value + (run == "b")))
        for run in "ab"
        for model, found in OFFERED.items()
        for metric, value in found.items()
    ]
    rows.append(("intent.gbt", "intent.gbt@a", "ndcg", 9.0))
    health = spark.createDataFrame(rows, "model string, model_version string, metric string, value double")
    offers = spark.createDataFrame([("recommend.als@a", "2011-12-10")], "model_version string, as_of string")
    found = queries.of_offers(health, offers)
    models = queries.model_scores(found).toPandas()
    assert models[["model", "ndcg", "ndcg_over_popularity"]].fillna(0).to_numpy().tolist() == [
        ["als", 0.2, 0.1],
        ["popularity", 0.1, 0],
    ]
    assert queries.group_scores(found).toPandas().to_numpy().tolist() == [
        ["als", "activity", "2-4", 30, 0.2, 0.1, 0.3],
        ["als", "activity", "10-19", 40, 0.2, 0.1, 0.3],
        ["als", "age", "under 35", 35, 0.2, 0.1, 0.3],
        ["als", "age", "55 and over", 35, 0.2, 0.1, 0.3],
        ["als", "country", "France", 70, 0.2, 0.1, 0.3],
    ]
    assert queries.model_scores(health.limit(0)).count() == 0


def test_whiskers_reach_from_low_to_high():
    table = pd.DataFrame({"label": ["a", "b"], "value": [0.5, 0.2], "low": [0.4, float("nan")], "high": [0.7, None]})
    (dots,) = figures.intervals(table, x="nDCG").data
    assert (list(dots.x), list(dots.y), dots.text) == ([0.5, 0.2], ["a", "b"], ("0.500", "0.200"))
    assert (round(dots.error_x.array[0], 3), round(dots.error_x.arrayminus[0], 3)) == (0.2, 0.1)


def test_each_measure_of_the_lists_has_a_chart_of_its_own():
    table = pd.DataFrame([{"model": model, **found} for model, found in OFFERED.items()])
    charts = figures.make_up(table).data
    assert [c.x[0] for c in charts] == [0.5, 0.25, 0.9, 7.5]
    assert [c.text[0] for c in charts] == ["50.0%", "25%", "90%", "7.5"]


def test_what_is_offered_shows_scores_sources_and_reasons_of_those_who_agreed(context, fill, rows_of):
    assert page.SECTIONS["What to offer"](context()) == ""
    ctx = context(as_of=date(2011, 12, 10))
    ctx.write_health(OFFERED, "holdout")
    products = [{"sku": "1", "description": "red <mug>"}, {"sku": "2", "description": "blue bowl"}, {"sku": "3"}]
    fill("silver.products", rows_of("silver.products", *products))
    people = [{"customer_id": c, "consent_profiling": c != "c-no"} for c in ("c-yes", "c-no")]
    fill("gold.customer_profile", rows_of("gold.customer_profile", *people))
    mine = {"customer_id": "c-yes", "model_version": "recommend.als@testrun"}
    offers = [
        {**mine, "rank": 1, "sku": "2", "tier": "als", "because": ["1", "3"]},
        {**mine, "rank": 2, "sku": "3", "tier": "popularity"},
        {
            "customer_id": "c-no",
            "rank": 1,
            "sku": "1",
            "tier": "popularity",
            "model_version": "recommend.popularity@testrun",
        },
    ]
    fill("gold.recommendations", rows_of("gold.recommendations", *offers))
    html = page.SECTIONS["What to offer"](ctx)
    assert html.count('class="card') == 6
    assert "als +0.100 (+0.050 to +0.150) beside popularity" in html
    assert "2-4 (30 customers)" in html
    assert "age: 55 and over (35 customers)" in html
    assert "France" not in html  # one group alone compares nothing
    assert "because you bought or looked at red &lt;mug&gt; and 3" in html
    assert "because many buy it now" in html
    assert "c-no" not in html
    shares = queries.offers_by_source(ctx.lake.read("gold.recommendations")).toPandas()
    assert shares.set_index("source")["share"].round(3).to_dict() == {
        "als": 0.333,
        "popularity": 0.333,
        "popularity, no personal model": 0.333,
    }


def test_what_customers_say_shows_aspects_issues_and_the_words_of_those_who_agreed(context, fill, rows_of):
    assert page.SECTIONS["What customers say"](context()) == ""
    weeks = [date(2011, 10, 31) + timedelta(days=7 * i) for i in range(6)]
    shop = {"scope": "shop", "item": "all", "aspect": "battery", "reviews": 10, "mentions": 6, "positive": 1}
    rows = [{**shop, "week": week, "negative": i} for i, week in enumerate(weeks)]
    rows.append({**shop, "scope": "sku", "item": "1", "week": weeks[5], "negative": 2, "emerging": True})
    effect = {"sales_effect": -0.2, "sales_effect_low": -0.3, "sales_effect_high": -0.1, "owner": "logistics"}
    rows[-1] |= effect
    fill("gold.product_issues", rows_of("gold.product_issues", *rows))
    fill("silver.products", rows_of("silver.products", {"sku": "1", "description": "red <mug>"}))
    quote = {"scope": "sku", "item": "1", "aspect": "battery", "week": weeks[5]}
    quotes = [
        {**quote, "place": i, "record_id": f"crm:{who}", "quote": f"{who} says it died"} for i, who in enumerate("ab")
    ]
    fill("gold.issue_quotes", rows_of("gold.issue_quotes", *quotes))
    people = [{"customer_id": who, "consent_profiling": who == "a"} for who in "ab"]
    fill("gold.customer_profile", rows_of("gold.customer_profile", *people))
    links = [{"record_id": f"crm:{who}", "customer_id": who, "probability": 1.0, "rule": "x"} for who in "ab"]
    fill("gold.identity_links", links)
    intent = {"intent": "delivery", "urgency": "high"}
    fill(
        "gold.ticket_intent", rows_of("gold.ticket_intent", {"ticket_id": "1", **intent}, {"ticket_id": "2", **intent})
    )
    html = page.SECTIONS["What customers say"](context())
    assert html.count('class="card') == 4
    assert "red &lt;mug&gt;" in html
    assert "-20 % (-30 to -10)" in html
    assert "a says it died" in html
    assert "b says it died" not in html
    issues = context().lake.read("gold.product_issues")
    assert queries.aspect_polarity(issues, 3).collect() == [("battery", 6, 15)]
    trend = queries.complaint_trend(issues, 3).collect()
    assert [(r.month, r.share) for r in trend] == [(date(2011, 11, 1), 0.25)]  # October has one week only, December one
    assert (
        queries.worst_issues(
            issues, issues.limit(0).selectExpr("*", "1 place", "'' quote"), context().lake.read("silver.products"), 2
        )
        .first()
        .emerging
        == "yes"
    )
