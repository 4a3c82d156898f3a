"""Which of several versions of a row silver keeps, in whatever order and in how many runs they come."""

import json
from datetime import datetime
from itertools import permutations

import pytest

from onecart.quality import job as clean
from onecart.quality.versions import Versions

pytestmark = pytest.mark.job

EVENT = {"event_id": "e1", "ts": "2011-03-04T10:00:00Z", "type": "page_view", "cookie": "c", "origin": "real"}
REVIEW = {"review_id": "r1", "account_id": "a", "stars": 5, "text": "fine", "posted_at": "2011-03-04T10:00:00Z"}
TICKET = {"ticket_id": "t1", "opened_at": "2011-03-04T10:00:00Z", "message": "late", "status": "open"}
PRODUCT = "SKU,Description,Category,List Price,Unit Cost,Currency,Stock,Min Age,Updated,Origin"
CARD = "Card No;Name;Phone;E-mail;Postcode;Issued;Origin"
CRM = "Customer No,First Name,Surname,E-Mail,Telephone,Street,Town,Post Code,Country,Date of Birth,Loyalty Card,"
CRM += "Opt-in E-Mail (Y/N),Opt-in SMS (Y/N),Profiling OK (Y/N),Last Changed,Origin"
VERSIONS = {  # feed -> the record, its correction, its header
    "web_events": (json.dumps(EVENT), json.dumps({**EVENT, "type": "search"}), None),
    "reviews": (json.dumps(REVIEW), json.dumps({**REVIEW, "stars": 1}), None),
    "support_tickets": (json.dumps(TICKET), json.dumps({**TICKET, "status": "solved"}), None),
    "store_footfall": ("2011-03-04,S1,100,real", "2011-03-04,S1,120,real", "Day,Store,People In,Origin"),
    "weather": ("2011-03-04,UK,9.5,0,real", "2011-03-04,UK,8.5,1,real", "Day,Country,Temperature (C),Rain (mm),Origin"),
    "products": ("p,MUG,,2,1,GBP,5,,2011-03-04 10:00:00,real", "p,MUG,,3,1,GBP,5,,2011-03-04 10:00:00,real", PRODUCT),
    "store_cards": ("7;Ann Lee;;;;01/02/2010;real", "7;Ann Ray;;;;01/02/2010;real", CARD),
}


def person(changed, email="", sms="", street="", number="7"):
    """A line of the CRM; consents Y, N or not told."""
    return f"{number},Ann,Lee,,,{street},,,UK,,,{email},{sms},,{changed},real"


def said(lake):
    row = lake.read("silver.contacts").first()
    return row.consent_email, row.consent_sms


def told(lake):
    """Every value of every silver row of VERSIONS that its correction changes."""
    columns = {"interactions": "event_type", "reviews": "rating", "tickets": "status", "footfall": "visitors"}
    columns |= {"weather": "temperature_c", "products": "list_price", "contacts": "surname"}
    return [str(row[0]) for t, c in columns.items() for row in lake.read(f"silver.{t}").select(c).collect()]


FIRST = ["page_view", "5", "open", "100", "9.5", "2.0000", "Lee"]
LAST = ["search", "1", "solved", "120", "8.5", "3.0000", "Ray"]


def test_a_correction_wins_in_every_table_and_a_replay_changes_nothing(deliver, feeds, lake):
    few = ("support_tickets", "store_footfall", "store_cards")

    def run(which, day, names=few):
        for name in names:
            old, new, header = VERSIONS[name]
            deliver(name, [(old, new)[which]], header, file=f"{which}", day=day)
        found = clean.run(feeds(*names))
        return found.rows_out, found.rows_duplicate, found.rows_superseded

    assert run(0, 0, VERSIONS) == (7, 0, 0)
    assert told(lake) == FIRST
    assert run(1, 1, VERSIONS) == (7, 0, 0)
    assert told(lake) == LAST
    before = {t: lake.read(t).collect() for t in ("silver.contacts", "silver.tickets", "silver.footfall")}
    assert run(1, 2) == (0, 3, 0)  # the same again on another day
    assert run(0, 0) == (0, 0, 3)  # the first file once more, as after a kill
    assert {t: lake.read(t).collect() for t in before} == before


def test_of_one_delivery_the_later_line_wins(deliver, feeds, lake):
    for name, (old, new, header) in VERSIONS.items():
        deliver(name, [old, old, new], header)
    found = clean.run(feeds(*VERSIONS))
    assert told(lake) == LAST
    assert (found.rows_in, found.rows_out, found.rows_duplicate, found.rows_superseded) == (21, 7, 7, 7)
    assert "in 21 = out 7 + quarantined 0 + duplicates 7 + superseded 7" in found.headline


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("04/03/2011 10:00", "Y", "Y"), ("05/03/2011 10:00", "N", "")], (False, True)),  # no word is no answer
        (
            [("04/03/2011 10:00", "Y", "Y"), ("04/03/2011 10:00", "N", "Y")],
            (False, True),
        ),  # withdrawn in the same minute
        ([("04/03/2011 10:00", "N", "Y"), ("04/03/2011 10:00", "Y", "Y")], (False, True)),  # a refusal wins a tie
        ([("05/03/2011 10:00", "N", "Y"), ("04/03/2011 10:00", "Y", "N")], (False, True)),  # late, and older
        ([("04/03/2011 10:00", "N", ""), ("06/03/2011 10:00", "", "Y"), ("05/03/2011 10:00", "Y", "N")], (True, True)),
    ],
)
def test_the_last_word_on_a_consent_holds_in_one_run_and_in_several(deliver, feeds, lake, lines, expected):
    ctx = feeds("crm_customers")
    records = [person(changed, email, sms, street=str(i)) for i, (changed, email, sms) in enumerate(lines)]
    for day, record in enumerate(records):
        deliver("crm_customers", [record], CRM, file=str(day), day=day)
        clean.run(ctx)
    assert said(lake) == expected
    several = lake.read("silver.contacts").drop("ingested_ts").collect()
    deliver("crm_customers", [*records, person("04/03/2011 10:00", number="8")], CRM)
    lake.replace("silver.contacts", lake.read("silver.contacts").limit(0))
    clean.run(ctx)
    assert lake.read("silver.contacts").where("record_id = 'crm:7'").drop("ingested_ts").collect() == several


def test_a_lake_that_does_not_know_when_consents_were_said_takes_the_time_of_the_record(deliver, feeds, fill, lake):
    row = {"record_id": "crm:7", "source": "crm", "consent_email": False, "updated_ts": datetime(2011, 3, 5)}
    fill("silver.contacts", [{**row, "ingested_ts": datetime(2011, 12, 1)}])
    deliver("crm_customers", [person("04/03/2011 10:00", "Y", "Y")], CRM)
    clean.run(feeds("crm_customers"))
    assert said(lake) == (False, True)
    assert lake.read("silver.contacts").first().consent_said == {
        "consent_email": datetime(2011, 3, 5),
        "consent_sms": datetime(2011, 3, 4, 10),
    }


def test_lines_in_any_order_are_the_same_versions(spark):
    from onecart.contracts import contract

    schema = "rule string, day date, store_id string, visitors long, ingested_ts timestamp, source_file string, "
    schema += "line_no long, record_no int, element int"
    place = (datetime(2011, 3, 4).date(), "S1")
    lines = [(None, *place, n, datetime(2011, 3, 5), "f", line, None, 0) for line, n in enumerate([100, 100, 120, 100])]
    fates = set()
    for some in permutations(lines):
        rows = spark.createDataFrame(some, schema).transform(
            Versions(contract("silver.footfall"), dated=False).with_fate
        )
        fates.add(tuple(row.fate for row in rows.orderBy("line_no").collect()))
    assert fates == {("superseded", "duplicate", "superseded", "newest")}
