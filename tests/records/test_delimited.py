"""CSV: each record once and whole, whatever its quotes, and never one record's tail as another record."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecart.records.delimited import csv_records, fields
from onecart.records.header import layout
from onecart.records.lines import Lines


def read(text: str | bytes, delimiter: str = ",", wanted: frozenset[str] = frozenset(), encoding: str = "utf-8"):
    raw = text if isinstance(text, bytes) else text.encode(encoding)
    return list(csv_records(Lines(raw.split(b"\n"), encoding), delimiter, wanted))


def payloads(text: str | bytes, **how) -> list[tuple[str, int, str | None]]:
    return [(record.payload, record.line_no, record.problem) for record in read(text, **how)]


@given(
    st.lists(st.lists(st.text(st.sampled_from("ab\",;\n \té'")), min_size=2, max_size=4), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", "||"]),
)
def test_what_a_writer_wrote_is_read_record_by_record(rows, delimiter):
    width = max(map(len, rows))
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    quoted = (('"' + field.replace('"', '""') + '"' for field in row) for row in rows)
    text = "\r\n".join([delimiter.join("hijk"[:width]), *(delimiter.join(row) for row in quoted), ""])
    records = read(text, delimiter)
    assert [fields(record.payload, delimiter) for record in records] == rows
    lines = [record.line_no for record in records]
    assert lines == [2 + sum(field.count("\n") + 0 for row in rows[:i] for field in row) + i for i in range(len(rows))]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3), max_size=5))
def test_fields_agree_with_pythons_reader(rows):
    for row in rows:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(row)
        if row != [""]:
            assert fields(text.getvalue(), ",") == row


def test_a_line_break_within_quotes_is_the_records_own():
    review = 'r1,"nice\r\n\r\nmug, ""really""",5\r\n'
    assert payloads(f"id,text,stars\r\n{review}r2,ok,4\r\n") == [
        ('r1,"nice\n\nmug, ""really""",5', 2, None),
        ("r2,ok,4", 5, None),
    ]


@pytest.mark.parametrize(
    "rest",
    [
        "2,ok,4\n3,ok,4\n",  # no other quote
        '2,"ok",4\n3,ok,4\n',  # a quote that closes amid a field
        '2,"",4\n3,ok,"4"\n',  # one that closes where a field ends, many fields on
    ],
)
def test_a_quote_that_never_closes_takes_no_other_line(rest):
    good = [(line, no, None) for no, line in enumerate(rest.splitlines(), 3)]
    assert payloads(f'id,text,stars\n1,"cut,5\n{rest}') == [('1,"cut,5', 2, "malformed"), *good]


def test_a_quote_within_a_field_opens_nothing():
    assert payloads('a,b\n5" pipe,x\n"5" pipe,x\n') == [('5" pipe,x', 2, None), ('"5" pipe,x', 3, None)]


def test_what_stands_above_a_header_is_no_record():
    text = '\ufeff\n\n"sep=;"\nMonthly sales\nof March\n\nid;"text; long"\n1;x\n'
    (record,) = read(text)
    assert (record.payload, record.line_no) == ("1;x", 8)
    assert layout(record.header, ",") == ('id;"text; long"', ";")


@pytest.mark.parametrize("text", ["sku\nA\nB,C\n", "Report\nA\nB\n"])
def test_a_column_alone_is_no_title(text):
    first, *rest = text.splitlines()
    assert payloads(text, wanted=frozenset({"sku"})) == [(line, no, None) for no, line in enumerate(rest, 2)]
    assert {record.header for record in read(text, wanted=frozenset({"sku"}))} == {first}


def test_bytes_that_are_not_of_the_encoding():
    shop = "name,id\nMüller,1\nMay,2\n"
    assert payloads(shop, encoding="windows-1252") == [("Müller,1", 2, None), ("May,2", 3, None)]
    assert payloads(shop.encode("cp1252")) == [("M\\xfcller,1", 2, "encoding"), ("May,2", 3, None)]
    header = "größe,id\n1,2\n".encode("cp1252")
    assert [(r.header, r.problem) for r in read(header)] == [("gr\\xf6\\xdfe,id", "encoding")]


def test_lines_end_as_on_any_machine():
    assert payloads("a,b\r1,2\r3,4") == payloads("a,b\r\n1,2\r\n3,4\r\n") == [("1,2", 2, None), ("3,4", 3, None)]
