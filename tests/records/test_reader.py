"""Blanking: a record leaves its lines whole, the others stay as they are and keep their places."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecart.records.reader import Reader


def blanked(text: str, *places: tuple[int, int], form: str = "json", word: str = "", **how) -> str:
    reader = Reader(form, **how)
    raws = text.encode(reader.encoding).split(b"\n")
    found = reader.blanked(iter(raws), set(places), lambda payload: bool(word) and word in payload)
    return b"\n".join(found).decode(reader.encoding)


@pytest.mark.parametrize(
    ("text", "places", "left"),
    [
        ('{"a":1}\r\n{"a":2}\r\n', [(1, 0)], '\n{"a":2}\r\n'),
        ('{"a":1}{"b":2}\n', [(1, 0)], 'null   {"b":2}\n'),
        ('[{"a":1},{"b":2}]', [(1, 1)], '[{"a":1},null   ]'),
        ('[\n {\n  "a": 1\n },\n {\n  "b": 2\n }\n]', [(2, 0)], '[\n null\n\n  ,\n {\n  "b": 2\n }\n]'),
        ('{\n "a": 1\n}\n{\n "b": 2\n}', [(4, 0)], '{\n "a": 1\n}\n\n\n'),
    ],
)
def test_objects_leave_their_places(text, places, left):
    assert blanked(text, *places) == left


def test_a_csv_record_leaves_all_its_lines():
    text = 'id,text\r\n1,"ann\r\nlee"\r\n2,"bo\rb"\r\n'
    assert blanked(text, (2, 0), form="csv") == 'id,text\r\n\n\n2,"bo\rb"\r\n'
    assert blanked(text, form="csv", word="lee") == 'id,text\r\n\n\n2,"bo\rb"\r\n'
    assert blanked(text, (4, 0), form="csv") == 'id,text\r\n1,"ann\r\nlee"\r\n\r\n'


def test_titles_and_lines_of_no_feed_go_too():
    assert blanked("Sales of ann\nid,text\n1,x\n", form="csv", word="ann") == "\nid,text\n1,x\n"
    assert blanked("bob\nann\n", form="text", word="ann") == "bob\n\n"


def test_other_encodings_stay_as_they_are():
    assert blanked('{"a":"é"}{"b":"ü"}', (1, 0), encoding="latin-1") == 'null     {"b":"ü"}'


@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "b"]), st.integers() | st.text("é{}\n"), min_size=1), min_size=1),
    st.sampled_from(["\n", "\r\n", " ", "array", "page"]),
    st.data(),
)
def test_the_others_keep_their_places(objects, layout, data):
    texts = [json.dumps(one) for one in objects]
    pages = {"array": f"[{', '.join(texts)}]", "page": json.dumps(objects, indent=1)}
    raws = pages.get(layout, layout.join(texts)).encode().split(b"\n")
    reader = Reader("json")
    records = list(reader.records(raws))
    gone = set(data.draw(st.lists(st.sampled_from(records), unique=True)))
    left = list(reader.blanked(raws, {(r.line_no, r.record_no) for r in gone}, lambda payload: False))
    kept = [record for record in records if record not in gone]
    assert [r[:5] for r in reader.records(left)] == [r[:5] for r in kept]


def test_utf_16_is_a_problem_not_a_guess():
    records = list(Reader("csv").records("a,b\n1,2\n".encode("utf-16").split(b"\n")))
    assert {record.problem for record in records} == {"encoding"}
