"""What must be masked in texts, and what must stay."""

import time
from typing import Any

import pytest
from pyspark.sql import functions as F

from onecart.voice import masked
from onecart.voice.text.phones import without_phones

MUST = [
    ("write to jane.doe+shop@mail.example.co.uk please", "write to [EMAIL] please"),
    ("MAX_MUSTERMANN@Example.DE", "[EMAIL]"),
    ("mail me: jane (at) example.org", "mail me: [EMAIL]"),
    ("see https://jane:secret@example.org/x now", "see [URL] now"),
    ("https://shop.example.org/reset?token=abc123&x=1", "[URL]"),
    ("call +44 20 7946 0958 after six", "call [PHONE] after six"),
    ("call +49 (0)30 1234567.", "call [PHONE]."),
    ("0044 20 7946 0958 is mine", "[PHONE] is mine"),
    ("my number is 07700 900123", "my number is [PHONE]"),
    ("(020) 7946 0958", "[PHONE]"),
    ("02079460958!", "[PHONE]!"),
    ("ring 212-555-0123", "ring [PHONE]"),
    ("please call me on 555 0123 45", "please call me on [PHONE]"),
    ("card 4111 1111 1111 1111 was charged", "card [CARD] was charged"),
    ("5555-5555-5555-4444", "[CARD]"),
    ("amex 378282246310005, twice", "amex [CARD], twice"),
    ("pay to GB29 NWBK 6016 1331 9268 19 please", "pay to [IBAN] please"),
    ("DE89370400440532013000", "[IBAN]"),
    ("it went to 12 High Street, London", "it went to [ADDRESS], London"),
    ("221b Baker St is old", "[ADDRESS] is old"),
    ("ich wohne Lange Hauptstraße 12 in Köln", "ich wohne Lange [ADDRESS] in Köln"),
    ("my postcode is SW1A 1AA.", "my postcode is [POSTCODE]."),
    ("Springfield, IL 62704", "Springfield, [POSTCODE]"),
    ("ask @jane_doe on there", "ask [HANDLE] on there"),
    ("Dear Mr Smith, where is it", "Dear Mr [NAME], where is it"),
    ("Hi Anna, where is it", "Hi [NAME], where is it"),
    ("Where is it?\nKind regards,\nJohn O'Neill", "Where is it?\nKind regards,\n[NAME]"),
    ("Please help. Thanks, Maria", "Please help. Thanks, [NAME]"),
    ("My name is Peter van den Berg and I wait", "My name is [NAME] and I wait"),
    ("I am John Smith, order 536365", "I am [NAME], order 536365"),
    ("Mrs. Jones served me", "Mrs. [NAME] served me"),
]
MUST_NOT = [
    "the canon g3 and the nikon coolpix 4300, nokia 6610, apex ad-2600",
    "order 536365 and order C536365 have not arrived",
    "order number 0207946095812 is late",
    "tracking 00340434161094042557",
    "it cost 1,299.00 or £12.50, 1 200 000 pounds in all",
    "on 2011-12-09 at 10:45, 12/11/2011",
    "room 12, 30 minutes, 15 x 20 cm, 1080p, 802.11",
    "4111 1111 1111 1112 is no card",
    "GB29 NWBK 6016 1331 9268 18 is no account",
    "Dear Sir or Madam, Hi there, Hello team, Dear Customer Service,",
    "Thanks, great product. Thanks, Great product and fast delivery",
    "Best wishes for the season to all of you",
    "model WH-1000XM4, sku 85123A, DC10 vacuum, size M8",
    "I am Very happy with the Red Mug",
    "the page https://shop.example.org/mugs?colour=red is down",
    "2 @ 5 pounds",
    "the High Street was full",
]


def _all(spark: Any, texts: list[str], **kwargs: Any) -> list[str]:
    frame = spark.createDataFrame([*enumerate(texts)], "i INT, text STRING")
    once = frame.select("i", masked(F.col("text"), **kwargs).alias("text"))
    return [r["text"] for r in once.orderBy("i").collect()]


def test_personal_data_is_masked(spark: Any) -> None:
    assert _all(spark, [text for text, _ in MUST]) == [after for _, after in MUST]


def test_numbers_prices_models_and_plain_words_stay(spark: Any) -> None:
    assert _all(spark, MUST_NOT) == MUST_NOT


def test_masking_twice_changes_nothing(spark: Any) -> None:
    after = [after for _, after in MUST]
    assert _all(spark, after) == after


def test_names_and_values_of_the_record_are_masked_wherever_they_stand(spark: Any) -> None:
    rows = [
        ("jane told Jane's mother, DOE, at rose@x.example that janet is out", "Jane", "Doe", "Rose@X.example"),
        ("the rose mug that Rose sent", "Rose", None, None),
        ("nothing is known", None, "", "x"),
        (None, "Jane", "Doe", "a@b.example"),
        ("a .* b c", ".*", None, None),
    ]
    frame = spark.createDataFrame(rows, "text STRING, given STRING, surname STRING, email STRING")
    mask = masked(F.col("text"), names=[F.col("given"), F.col("surname")], known=[F.col("email")])
    assert [r[0] for r in frame.select(mask).collect()] == [
        "[NAME] told [NAME]'s mother, [NAME], at [KNOWN] that janet is out",
        "the rose mug that [NAME] sent",
        "nothing is known",
        None,
        "a [NAME] b c",
    ]


@pytest.mark.parametrize("text", ["", " ", "😀 ok"])
def test_texts_without_anything_stay(spark: Any, text: str) -> None:
    assert _all(spark, [text]) == [text]


@pytest.mark.parametrize("unit", ["x@b.b.b", "a", "A-", "regards ", "+1 ", "phone is is ", "http://a", "AA11 0000 "])
def test_a_long_hostile_text_is_masked_in_seconds(spark: Any, unit: str) -> None:
    text, clock = (unit * 100_000)[:100_000], time.monotonic()
    assert _all(spark, [text, "I am Ann Lee, ann@example.org"])[1] == "I am [NAME], [EMAIL]"
    assert time.monotonic() - clock < 20


def test_an_address_of_many_parts_is_masked_whole(spark: Any) -> None:
    host = ".".join("b" * 12)
    assert _all(spark, [f"{'x' * 64}@{host}.com now"]) == ["[EMAIL] now"]


@pytest.mark.parametrize(
    ("country", "text", "after"),
    [
        ("FR", "rappelez le 01 42 68 53 00 svp", "rappelez le [PHONE] svp"),
        ("IT", "chiamare 06 698 12345", "chiamare [PHONE]"),
        ("DK", "ring 32 12 34 56 i dag", "ring [PHONE] i dag"),
        ("JP", "03-1234-5678 or +33 1 42 68 53 00", "[PHONE] or [PHONE]"),
        ("DK", "order 32123456, 2011-12-09, 12 500 000 kr", "order 32123456, 2011-12-09, 12 500 000 kr"),
        ("DE", "ISBN 9783161484100, Karte 4111 1111 1111 1112", "ISBN 9783161484100, Karte 4111 1111 1111 1112"),
    ],
)
def test_numbers_as_they_are_dialled_in_a_country(country: str, text: str, after: str) -> None:
    assert without_phones(text, country) == after


def test_a_country_changes_nothing_else(spark: Any) -> None:
    assert _all(spark, [text for text, _ in MUST], country="GB") == [after for _, after in MUST]
    assert _all(spark, MUST_NOT, country="GB") == MUST_NOT
    assert _all(spark, ["chiamare 06 698 12345"], country="IT") == ["chiamare [PHONE]"]
