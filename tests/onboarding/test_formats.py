"""How dates, numbers and bytes are written, decided by the values."""

import gzip

import pytest

from onecart.errors import DataError
from onecart.onboarding.profiling.formats import dates, epoch, numbers
from onecart.onboarding.profiling.sniff import sniff


@pytest.mark.parametrize(
    ("texts", "pattern", "other", "zoned"),
    [
        (["2024-03-05T10:21:33Z", "2024-03-05T10:21:33.250Z"], "", "", True),
        (["2024-03-05"], "", "", False),
        (["2024-3-5"], "yyyy-M-d", "", False),
        (["2024/03/05 10:21"], "yyyy/M/d H:mm", "", False),
        (["05.03.2024", "5.3.2024 7:01"], "d.M.yyyy[ H:mm]", "", False),
        (["05/03/2024", "25/03/2024"], "d/M/yyyy", "", False),
        (["05/03/2024", "03/25/2024"], "M/d/yyyy", "", False),
        (["05/03/2024", "03/04/2024"], "d/M/yyyy", "M/d/yyyy", False),
        (["05/03/24 1:02 PM"], "d/M/yy h:mm a", "M/d/yy h:mm a", False),
        (["20240305"], "yyyyMMdd", "", False),
        (["2024年3月5日"], "yyyy年M月d日", "", False),
        (["5 Mar 2024"], "d MMM yyyy", "", False),
        (["2024-03-05 10:21:33 -0500"], "yyyy-M-d H:mm:ss XX", "", True),
        (["2024-03-05 10:21:33 UTC"], "yyyy-M-d H:mm:ss VV", "", True),
        (["05.03.2024 10:21:33", "05.03.2024 10:21"], "d.M.yyyy H:mm[:ss]", "", False),
    ],
)
def test_the_format_of_dates(texts, pattern, other, zoned):
    found = dates(texts)
    assert (found.pattern, found.other, found.zoned, found.share) == (pattern, other, zoned, 1.0)


def test_what_is_no_day_is_no_date():
    assert dates(["31.02.2024", "2024-13-45", "12345678", "1.2.3"]) is None
    assert dates(["01.03.2024", "31.02.2024"]).share == 0.5


def test_seconds_millis_and_micros():
    assert [epoch([t]) for t in ("1709634093", "1709634093000", "1709634093000000", "20240305", "9999999999")] == [
        *("seconds", "millis", "micros"),
        *("", ""),
    ]


@pytest.mark.parametrize(
    ("texts", "mark", "thousands", "doubt"),
    [
        (["4,95", "1.009,50"], ",", ".", ""),
        (["4.95", "1,009.50"], ".", ",", ""),
        (["1 234,50", "7,00"], ",", " ", ""),
        (["1’234.50"], ".", "’", ""),
        (["0,750", "1,250"], ",", "", ""),
        (["1,250", "3,000"], ".", ",", ","),
        (["1.234.567"], ",", ".", ""),
        (["12", "-3"], ".", "", ""),
    ],
)
def test_the_marks_of_numbers(texts, mark, thousands, doubt):
    found = numbers(texts)
    assert (found.mark, "".join(found.thousands), found.doubt, found.share) == (mark, thousands, doubt, 1.0)


def test_marks_left_open_are_those_of_the_files_other_numbers():
    assert (numbers(["1,250"], ",").mark, numbers(["1.250"], ",").thousands) == (",", frozenset("."))


def test_signs_and_units_stand_beside_numbers():
    assert numbers(["12,30 €", "€ 5"]).signs == {"€"}
    assert numbers(["1.200円", "¥300"]).signs == {"円", "¥"}
    assert numbers(["0,75 kg", "2 Stk"]).units == {"kg", "Stk"}
    assert numbers(["MUG-1", "n/a"]) is None
    assert numbers(["1.23.4", "12"]).share == 0.5


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a;b\n1;ü\n", "utf-8", ("utf-8", ";")),
        ("a,b\n1,ü\n", "utf-8-sig", ("utf-8", ",")),
        ("a\tb\n1\tü\n", "utf-8", ("utf-8", "\t")),
        ("Größe;Preis €\nMüller;1,50\nCafé;2\nnaïve;3\n", "cp1252", ("windows-1252", ";")),
        ("注文番号,氏名\n1,山田 太郎\n2,ｻﾄｳ花子①\n", "cp932", ("cp932", ",")),
        ('a|b\n"1|2, 3, 4"|x;\n"5, 6"|y\n', "utf-8", ("utf-8", "|")),
        ('note;qty\n"one, two; three";1\n"four, five";2\n', "utf-8", ("utf-8", ";")),
    ],
)
def test_encoding_and_delimiter(tmp_path, text, encoding, expected):
    (tmp_path / "f.csv").write_bytes(text.encode(encoding))
    found = sniff(tmp_path / "f.csv")
    assert (found.encoding, found.delimiter) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_files_whose_lines_cannot_be_told_are_refused(tmp_path, encoding):
    (tmp_path / "f.csv").write_bytes("a;b\n1;2\n".encode(encoding))
    with pytest.raises(DataError, match="save it as UTF-8"):
        sniff(tmp_path / "f.csv")


def test_other_files_are_told_apart(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b'[\n{"a": 1}]'))
    (tmp_path / "b.xlsx").write_bytes(b"PK\x03\x04....")
    assert sniff(tmp_path / "a.csv.gz").format == "json"
    with pytest.raises(DataError, match="save each sheet as CSV"):
        sniff(tmp_path / "b.xlsx")
