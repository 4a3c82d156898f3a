"""Who gets what: the newest plan with its prices and reasons, segments and who moved, queues beside first come first served."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from onecart.report import page
from onecart.report.sections import decide

DAY, BEFORE = date(2011, 12, 10), date(2011, 11, 10)
PLAN = {
    "campaign": "winter", "as_of": DAY, "considered": 5, "eligible": 3, "treated": 1, "control": 1, "budget": 2.0, "spent": 1.5,
    "expected_profit": 6.25, "plan_value": 9.0, "bound": 9.0, "gap": 0.0, "price_of_budget": 2.8, "price_of_consent": 0.4,
    "currency": "GBP",
}  # fmt: skip


def test_segments_stand_with_their_share_of_customers_and_of_revenue():
    summary = pd.DataFrame(
        {"segment": ["loyal", "lapsed"], "share": [0.25, 0.75], "revenue": [Decimal(90), Decimal(10)]}
    )
    customers, revenue = decide.plot_segments(summary).data
    assert [*zip(customers.y, customers.x, revenue.x, strict=True)] == [("loyal", 0.25, 0.9), ("lapsed", 0.75, 0.1)]


def test_movements_are_shaded_by_the_share_of_those_who_were_there():
    moves = [("loyal", "loyal", 30), ("loyal", "lapsed", 10), (None, "loyal", 4), ("lapsed", None, 2)]
    (cells,) = decide.plot_movements(pd.DataFrame(moves, columns=["from_segment", "to_segment", "customers"])).data
    assert ([*cells.y], [*cells.x]) == (["lapsed", "loyal", "(not there)"], ["lapsed", "loyal", "(gone)"])
    assert cells.z.tolist() == [[0, 0, 1], [0.25, 0.75, 0], [0, 1, 0]]
    assert cells.text.tolist() == [["", "", "2"], ["10", "30", ""], ["", "4", ""]]


def test_each_reason_stands_with_its_customers_contacts_first():
    fates = [("excluded", "no consent", 7), ("control", None, 2), ("treated", None, 3), ("treated", None, 4)]
    bars, words = decide.plot_fates(pd.DataFrame(fates, columns=["decision", "reason", "customers"])).data
    assert [*bars.x] == [7, 2, 7]
    assert [*words.text] == ["7 contacted", "2 held back to compare with", "7 no consent"]


def test_a_price_that_nobody_set_is_not_shown():
    plans = pd.DataFrame(
        [{**PLAN, "price_of_contact": None}, {**PLAN, "campaign": "free", "budget": None, "price_of_contact": 0.5}]
    )
    found = decide.priced(plans).sort_values(["campaign", "what"])
    assert found[["campaign", "what", "price"]].to_numpy().tolist() == [
        ["free", "one more consent", 0.4],
        ["free", "one more contact", 0.5],
        ["winter", "1 more of budget", 2.8],
        ["winter", "one more consent", 0.4],
    ]


def test_queues_are_compared_by_urgency():
    figures = {"wait_high": 11.0, "wait_low": 113.0, "urgent_missed": 0.1}
    rows = [("decide.routing", m, v) for m, v in figures.items()] + [("decide.first_come", "wait_high", 46.0)]
    day = pd.DataFrame([*rows, ("decide.first_come", "urgent_missed", 0.52)], columns=["model", "metric", "value"])
    theirs, ours = decide.plot_waits(decide.waits_of(day)).data
    assert (ours.name, [*ours.x], [*ours.y]) == ("by priority, with ageing", ["high", "low"], [11, 113])
    assert theirs.y[0] == 46
    assert "10% of the urgent ones wait too long, 52% where" in decide._queue_title(day)


@pytest.mark.job
def test_the_section_shows_the_newest_day_in_words(context, fill, rows_of):
    assert page.cards(*decide.SECTION.cards(context())) == ""
    fill("gold.campaign_plan", rows_of("gold.campaign_plan", PLAN, {**PLAN, "as_of": BEFORE, "treated": 77}))
    about = {"kind": "campaign", "subject": "winter", "as_of": DAY}
    log = [
        {"decision": "treated", "channel": "email", "action": "five_percent", "customer_id": "person-1"},
        {"decision": "control", "channel": "email", "action": "five_percent", "customer_id": "person-2"},
        *[{"decision": "excluded", "reason": "no <consent>", "customer_id": f"person-{n}"} for n in (3, 4, 5)],
        {"decision": "treated", "channel": "sms", "action": "old", "customer_id": "person-1", "as_of": BEFORE},
    ]
    fill("gold.decision_log", rows_of("gold.decision_log", *[{**about, **row} for row in log]))
    summary = {
        "kind": "rule",
        "segment": "loyal",
        "share": 1.0,
        "customers": 5,
        "revenue": Decimal(9),
        "currency": "GBP",
    }
    fill(
        "gold.segment_summary", rows_of("gold.segment_summary", {**summary, "as_of": DAY}, {**summary, "as_of": BEFORE})
    )
    moved = {"kind": "rule", "from_segment": "loyal", "to_segment": "loyal", "since": BEFORE, "as_of": DAY}
    fill("gold.segment_movements", rows_of("gold.segment_movements", moved))
    tickets = [
        {"ticket_id": n, "queue": "ann", "urgency": "high", "waited_hours": h, "agent": "ann"}
        for n, h in (("1", 2.0), ("2", 5.0))
    ]
    fill("gold.ticket_routing", rows_of("gold.ticket_routing", *tickets))
    shown = {"placement": "home", "policy": "thompson", "propensity": 0.5, "expected_reward": 0.1}
    items = [
        {**shown, "customer_id": c, "item": i, "as_of": DAY} for c, i in (("a", "mug"), ("b", "mug"), ("c", "bag"))
    ]
    items.append({**shown, "customer_id": "a", "item": "gone", "as_of": BEFORE})
    fill("gold.content_choice", rows_of("gold.content_choice", *items))
    context(as_of=DAY).write_health(
        {"decide.routing": {"wait_high": 11.0}, "decide.first_come": {"wait_high": 46.0}}, "simulated day"
    )
    html = page.cards(*decide.SECTION.cards(context()))
    sentence = "Campaign winter, 2011-12-10: 1 contacted, 1 held back, of 5; 1.50 of 2.00 GBP spent, 6.25 GBP expected to be earned"
    assert sentence in html
    assert "77 contacted" not in html
    assert "3 no &lt;consent&gt;" in html
    assert "answer expected of 10.0%" in html
    assert "gone" not in html.replace("(gone)", "")
    assert (
        '<td>ann</td><td class="n">2</td><td class="n">0</td><td class="n">0</td><td class="n">2</td><td class="n">0.21</td>'
        in html
    )
    assert not [
        name for name in ("person-1", "person-2", "person-3") if name in html
    ]  # of customers the page has sums only
    assert html.count('class="card') == 10
