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
