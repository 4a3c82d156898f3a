"""What customers say: aspects, issues, and the words of those who agreed."""

from datetime import date, timedelta

import pytest

from onecart.report import page
from onecart.report.sections import voice

pytestmark = pytest.mark.job


def html_of(ctx):
    return page.cards(*voice.SECTION.cards(ctx))


def test_what_customers_say_shows_aspects_issues_and_the_words_of_those_who_agreed(context, fill, rows_of):
    assert html_of(context()) == ""
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
    html = html_of(context())
    assert html.count('class="card') == 4
    assert "red &lt;mug&gt;" in html
    assert "-20 % (-30 to -10)" in html
    assert "a says it died" in html
    assert "b says it died" not in html
    issues = context().lake.read("gold.product_issues")
    assert voice.aspect_polarity(issues, 3).collect() == [("battery", 6, 15)]
    trend = voice.complaint_trend(issues, 3).collect()
    assert [(r.month, r.share) for r in trend] == [(date(2011, 11, 1), 0.25)]  # October has one week only, December one
    assert (
        voice.worst_issues(
            issues, issues.limit(0).selectExpr("*", "1 place", "'' quote"), context().lake.read("silver.products"), 2
        )
        .first()
        .emerging
        == "yes"
    )
