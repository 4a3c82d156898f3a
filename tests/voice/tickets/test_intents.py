"""Intent and urgency of support texts, by rules and learnt."""

from typing import Any

import pytest

from onecart.errors import UsageError
from onecart.voice.tickets.intents import Intents, learn_intents

RULES = Intents(None, (), {})
# Written for this test; none is of the simulator's templates.
SAID = [
    ("The courier still has not shown up with my order", "delivery"),
    ("Tracking says delivered but there is no parcel", "delivery"),
    ("You have not given me my money back for the kettle", "refund"),
    ("I was overcharged by ten pounds", "refund"),
    ("The kettle leaks and the lid is cracked", "fault"),
    ("You sent the wrong size", "fault"),
    ("How long is the cable of this lamp?", "question"),
    ("Do you stock the large one in green", "question"),
    ("My password is not accepted", "account"),
    ("Please unsubscribe me", "account"),
    ("Lovely weather here", "other"),
    ("", "other"),
    (None, "other"),
]


def scored(spark: Any, texts: list[str | None], intents: Intents = RULES) -> list[Any]:
    frame = spark.createDataFrame([*enumerate(texts)], "ticket_id INT, text STRING")
    return intents.score(frame).orderBy("ticket_id").collect()


def test_rules_tell_the_intent(spark: Any) -> None:
    rows = scored(spark, [text for text, _ in SAID])
    assert [r.intent for r in rows] == [intent for _, intent in SAID]
    assert all(0 <= r.confidence <= 1 and (r.confidence == 0) == (r.intent == "other") for r in rows)


@pytest.mark.parametrize(
    ("text", "urgency", "reasons"),
    [
        ("The plug caught fire!", "high", ["danger to health"]),
        ("Somebody hacked my account", "high", ["fraud or stolen data"]),
        ("I wrote three times already, I need it by Friday", "high", ["needed soon", "asked before"]),
        ("My parcel is late", "normal", []),
        ("WHERE ON EARTH IS MY PASSWORD MAIL", "normal", ["angry"]),
        ("How tall is the vase?", "low", []),
        ("My parcel has not arrived, no rush", "low", ["in no hurry"]),
        ("Is the firewood for the fireplace dry?", "low", []),  # words, not parts of words
        (None, "normal", []),
    ],
)
def test_urgency_says_why(spark: Any, text: str | None, urgency: str, reasons: list[str]) -> None:
    (row,) = scored(spark, [text])
    assert (row.urgency, row.reasons) == (urgency, reasons)


def labelled(spark: Any, *, tell: bool) -> Any:
    """Eight templates of two categories; the word that tells them is one the rules do not know."""
    words = [("zorp", "refund"), ("blick", "delivery")]
    rows = [
        (f"{opening} {i}", f"the {word if tell else 'thing'} {opening} {i}", category)
        for word, category in words
        for opening in ("alpha", "beta", "gamma", "delta", *(f"{word}{x}" for x in "abcd"))
        for i in range(8)
    ]
    return spark.createDataFrame(rows, "subject STRING, text STRING, category STRING")


def test_a_model_that_beats_the_rules_on_unseen_templates_is_kept(spark: Any) -> None:
    learnt = learn_intents(labelled(spark, tell=True), min_rows=50)
    assert learnt.name == "voice.intent"
    assert learnt.figures["accuracy"] > 0.9 > learnt.figures["rules_accuracy"]
    assert (learnt.figures["n"], learnt.figures["templates"]) == (128, 12)
    rows = scored(spark, ["where is the zorp", "where is the blick", ""], learnt)
    assert [r.intent for r in rows] == ["refund", "delivery", "other"]
    assert all(r.confidence > 0.5 for r in rows[:2])


def test_few_tickets_are_left_to_the_rules(spark: Any) -> None:
    assert learn_intents(labelled(spark, tell=True)).figures == {"n": 128.0}
    none = spark.createDataFrame([], "text STRING, category STRING")
    assert learn_intents(none).name == "voice.intent_rules"


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("body STRING, category STRING", "no column 'text'"),
        ("text STRING", "no column 'category'"),
        ("text INT, category STRING", "column 'text' must hold text, found int"),
    ],
)
def test_what_cannot_be_learnt_from_says_why(spark: Any, schema: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        learn_intents(spark.createDataFrame([], schema))
