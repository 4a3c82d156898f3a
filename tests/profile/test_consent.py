"""Consent: the newest word, the refusal at a tie, the default where nobody ever said."""

from datetime import datetime

from onecart.profile import consent

OLD, NEW = datetime(2011, 1, 1), datetime(2011, 6, 1)
SAID = (
    "customer_id string, record_id string, source string, updated_ts timestamp, consent_email boolean, "
    "consent_sms boolean, consent_profiling boolean, consent_matching boolean, consent_said map<string, timestamp>"
)


def words(frame, *rows):
    who = frame("customer_id string", *[(c,) for c in sorted({row[0] for row in rows})])
    found = consent.consents(who, frame(SAID, *[(*row, None)[:9] for row in rows if row[1]]))
    return {(r.customer_id, r.purpose, r.channel): (r.granted, r.record_id) for r in found.collect()}


def test_presumed_consent_holds_where_nobody_said_a_word(frame):
    who = frame("customer_id string", ("asked",), ("unasked",))
    no = frame(SAID, ("asked", "crm:1", "crm", OLD, None, None, False, None, None))
    found = consent.consents(who, no, ["profiling"]).where("purpose IN ('profiling', 'marketing')")
    assert {(r.customer_id, r.purpose): r.granted for r in found.collect()} == {
        ("asked", "profiling"): False, ("unasked", "profiling"): True,
        ("asked", "marketing"): False, ("unasked", "marketing"): False,
    }  # fmt: skip


def test_newest_word_wins_and_a_record_that_says_nothing_is_no_word(frame):
    found = words(
        frame,
        ("c", "crm:1", "crm", OLD, True, False, True, None),
        ("c", "account:1", "account", NEW, None, True, False, False),
    )
    assert found == {
        ("c", "marketing", "email"): (True, "crm:1"),
        ("c", "marketing", "sms"): (True, "account:1"),
        ("c", "profiling", "any"): (False, "account:1"),
        ("c", "matching", "any"): (False, "account:1"),
    }


def test_a_word_is_as_old_as_it_was_said_not_as_its_record(frame):
    said = {"consent_email": OLD}  # the record changed since, its consent did not
    found = words(
        frame,
        ("c", "crm:1", "crm", datetime(2011, 12, 1), True, *[None] * 3, said),
        ("c", "account:1", "account", NEW, False, *[None] * 3),
    )
    assert found["c", "marketing", "email"] == (False, "account:1")


def test_at_a_tie_the_refusal_holds(frame):
    found = words(frame, ("c", "crm:1", "crm", NEW, False, *[None] * 3), ("c", "crm:2", "crm", NEW, True, *[None] * 3))
    assert found["c", "marketing", "email"] == (False, "crm:1")


def test_never_asked_is_no_but_for_matching_not_refused(frame):
    found = words(frame, ("nobody", None), ("c", "crm:1", "crm", NEW, True, *[None] * 3))
    assert {key[1:]: word for key, word in found.items() if key[0] == "nobody"} == {
        ("marketing", "email"): (False, None),
        ("marketing", "sms"): (False, None),
        ("profiling", "any"): (False, None),
        ("matching", "any"): (True, None),
    }


def test_columns_of_the_profile(frame):
    rows = frame(SAID, ("c", "crm:1", "crm", NEW, True, None, None, None, None))
    columns = consent.as_columns(consent.consents(frame("customer_id string", ("c",)), rows))
    assert [r.asDict() for r in columns.collect()] == [
        {"customer_id": "c", "consent_email": True, "consent_sms": False, "consent_profiling": False}
    ]
