"""JSON: every object once and whole, however it is laid out; what is not JSON is one record with a problem."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecart.records.lines import Lines
from onecart.records.objects import json_records

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.sampled_from('a"\\{}[],:\n é')),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=5,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["id", "b", "{"]), VALUES, max_size=3), min_size=1, max_size=4)


def read(text: str):
    return list(json_records(Lines(text.encode().split(b"\n"))))


def places(text: str) -> list[tuple[str, int, int, str | None]]:
    return [(record.payload, record.line_no, record.record_no, record.problem) for record in read(text)]


@given(
    OBJECTS, st.lists(st.sampled_from([None, 1]), min_size=4), st.sampled_from(["\n", "\r\n", "", " ", "array", "page"])
)
def test_objects_in_any_layout(objects, indents, layout):
    texts = [json.dumps(one, indent=indent) for one, indent in zip(objects, indents, strict=False)]
    text = {"array": f"[{', '.join(texts)}]", "page": json.dumps(objects, indent=2)}.get(layout, layout.join(texts))
    records = read(text)
    assert [json.loads(record.payload) for record in records] == objects
    assert {record.problem for record in records} == {None}
    assert len({(record.line_no, record.record_no) for record in records}) == len(records)


def test_several_objects_on_a_line_are_each_a_record():
    assert places('{"id":1}{"id":2} {"id":3}\n{"id":4}') == [
        ('{"id":1}', 1, 0, None),
        ('{"id":2}', 1, 1, None),
        ('{"id":3}', 1, 2, None),
        ('{"id":4}', 2, 0, None),
    ]


@pytest.mark.parametrize(
    "line",
    [
        *('{"id":1} x', '{"id":1}}', '{"id":1},{"id":2}', '{"id":1},"b":{"c":2}}', '{"id":1}{"id":', '{"id": 1,'),
        *('{"id":"x', "5", '"x"', "[1, 2]", '[{"id":1}, 2]', "]", "null x", "{'id':1}", '{"id":01}', "{" * 5000),
        '{"a":' * 5000 + "1" + "}" * 5000,
    ],
)
def test_what_is_no_object_is_one_record_with_a_problem(line):
    assert places(f'{line}\n{{"id":9}}\n') == [(line, 1, 0, "malformed"), ('{"id":9}', 2, 0, None)]


def test_a_broken_object_over_lines_gives_none_of_its_parts_as_records():
    broken = '{\n "id": 1\n "lines": [\n  {\n   "sku": 2\n  }\n ]\n}'
    assert places(f'{broken}\n{{"id":9}}') == [(broken, 1, 0, "malformed"), ('{"id":9}', 9, 0, None)]


def test_an_object_that_the_file_cuts_off_is_one_record():
    cut = '{\n "lines": [\n  {\n   "sku": 2\n  },'
    assert places(f'{{"id":9}}\n{cut}') == [('{"id":9}', 1, 0, None), (cut, 2, 0, "malformed")]


def test_nothing_is_no_record():
    assert places(' \n[]\n[\n]\nnull\n[null, {"id":1}]') == [('{"id":1}', 6, 1, None)]


def test_bytes_that_are_not_of_the_encoding():
    records = list(json_records(Lines([b'{"a":"M\xfc"}', b'{"a":"M\xfc"}{"a":1}'])))
    assert [(record.payload, record.problem) for record in records] == [
        ('{"a":"M\\xfc"}', "encoding"),
        ('{"a":"M\\xfc"}', "encoding"),
        ('{"a":1}', None),
    ]
