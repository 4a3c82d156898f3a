"""The finder knows a person's identifiers however they are written, and nobody else's."""

import pytest

from onecart.privacy.matcher import Matcher

MATCHER = Matcher(
    [
        ("email", "ann.lee7@x.org"),
        ("phone", "+447449704000"),
        ("account", "A51cc7488a6c6f9"),
        ("order", "489862"),
        ("name", "ann lee"),
        ("name", "zoë brontë"),
    ]
)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ('{"e":"Ann.Lee7@X.org"}', {"email"}),
        ("/search?q=ann.lee7%40x.org&page=2", {"email"}),
        ("joann.lee7@x.org", set()),
        ("ann.lee7@x.organic", set()),
        ("07449 704000", {"phone"}),
        ("(07449) 704-000", {"phone"}),
        ("0044 7449 704000", {"phone"}),
        ("+44 (0)7449 704 000", {"phone"}),
        ("447449704000", {"phone"}),
        ("17449704000", set()),
        ("074497040001", set()),
        ("account:A51cc7488a6c6f9;", {"account"}),
        ("A51cc7488a6c6f90", set()),
        ("my order 489862.", {"order"}),
        ("C489862", set()),
        ("489862.50", set()),
        ("1259669489862", set()),
        ('{"given":"Ann","family":"Lee"}', set()),  # too much in between
        ('["Ann","Lee"]', {"name"}),
        ("Ann;Lee", {"name"}),
        ("LEE, ANN", {"name"}),
        ("Zoë Brontë", {"name"}),
        ("ZOË BRONTË", {"name"}),
        ('"Zo\\u00eb Bront\\u00eb"', {"name"}),
    ],
)
def test_each_way_of_writing(text, kinds):
    assert MATCHER.kinds(text.encode()) == kinds


def test_bytes_that_are_no_text_are_no_obstacle():
    assert MATCHER.kinds(b"\xff\xfe\x00489862\x00\x80") == {"order"}


def test_a_matcher_without_identifiers_finds_nothing():
    assert not Matcher([])
    assert Matcher([]).kinds(b"anything") == set()


@pytest.mark.parametrize(
    ("number", "ways"),
    [
        (
            "+493012345678",
            ["+493012345678", "+49 30 12345678", "0049 (0)30 12345678", "004930 12345678", "030/1234-5678"],
        ),
        ("+12125550100", ["+12125550100", "+1 212 555 0100", "(212) 555-0100", "001 212 555 0100"]),
        ("+353861234567", ["+353861234567", "00353 (0)86 123 4567", "086-1234567"]),
    ],
)
def test_a_number_of_any_country_is_found_as_it_is_written_there_and_from_abroad(number, ways):
    finder = Matcher([("phone", number)])
    assert [way for way in ways if finder.kinds(f'{{"tel":"{way}"}}'.encode()) != {"phone"}] == []
    assert finder.kinds(number.replace("+", "x").encode()) == set()
