"""A case as JSON: where its fields stand, what is marked, and what a click mends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.schema import Feature, Schema
from second_opinion.ui import json_case

SCHEMA = Schema(
    [
        Feature(name="income", kind="number", label="Income"),
        Feature(name="colour", kind="category", choices=("red", "amber")),
        Feature(name="smoker", kind="boolean"),
    ]
)
GOOD = {"income": 5.0, "colour": "red", "smoker": True}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), VALUES, max_size=6), st.sampled_from([None, 1, "\t"]))
def test_a_place_holds_the_name_and_the_value_of_its_field(case, indent):
    text = json.dumps(case, indent=indent, ensure_ascii=False)
    places = json_case.places(text)
    assert {*places} == {*case}
    for name, place in places.items():
        assert json.loads(text[slice(*place.name)]) == name
        assert json.loads(text[slice(*place.value)]) == case[name]
        assert text[: place.name[0]].count("\n") == place.line - 1


@given(st.text())
def test_any_text_has_places_without_an_error(text):
    json_case.places(text)
    json_case.places("{" + text)
    json_case.places('{"a":' + text)


@pytest.mark.parametrize(
    ("typed", "mended"),
    [
        ('{"incme": 5}', '{"income": 5}'),
        ('{\n  "Income" : 5,\n  "smoker": true}', '{\n  "income" : 5,\n  "smoker": true}'),
        ('{"income": 5, "colour":"Red"}', '{"income": 5, "colour":"red"}'),
        ('{"colour": "ambre"}', '{"colour": "amber"}'),
        ('{"color": "incme"}', '{"colour": "incme"}'),
        ('{"smokr": "smokr"}', '{"smoker": "smokr"}'),
    ],
)
def test_what_was_likely_meant_takes_the_place_of_what_was_typed(typed, mended):
    problems = json_case.read(typed, SCHEMA).problems
    (problem,) = [one for one in problems if one.near is not None]
    assert json_case.mended(typed, problem, SCHEMA) == mended


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\n"income": 5,\n"colour": }', 3),
        ('{\n"income": NaN\n}', 2),
        ('{\n"income": 5,\n"smoker": true,\n"income": 6\n}', 4),
        ("[]", 0),
        ("", 1),
    ],
)
def test_a_fault_has_its_line(text, line):
    assert json_case.read(text, SCHEMA).fault_line == line


def test_a_case_is_written_as_it_is_read():
    assert json_case.read(json_case.written(GOOD), SCHEMA).inputs == GOOD


ROW = list(GOOD.values())


@pytest.mark.parametrize(
    "form",
    [
        GOOD,
        [GOOD],
        ROW,
        [ROW],
        {"dataframe_records": [GOOD]},
        {"dataframe_split": {"columns": list(GOOD), "data": [ROW]}},
        {"inputs": [GOOD]},
        {"inputs": [ROW]},
        {"instances": [GOOD]},
        {"instances": [ROW]},
        {name: [value] for name, value in GOOD.items()},
    ],
    ids=str,
)
def test_one_case_in_a_form_of_programs_is_that_case(form):
    reading = json_case.read(json.dumps(form), SCHEMA)
    assert (reading.inputs, reading.problems, reading.fault) == (GOOD, [], "")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ([5.0, "red"], "There are 2 values; expected 3: income, colour, smoker."),
        ([*ROW, 1], "There are 4 values; expected 3"),
        ({"inputs": [[5.0]]}, "There is 1 value; expected 3"),
        ([GOOD, GOOD], "There are 2 cases here; expected one"),
        ({"dataframe_records": [GOOD, GOOD, GOOD]}, "There are 3 cases here; expected one"),
        ([], "This is no case"),
        ({"inputs": []}, "This is no case"),
        ("income", "This is no case"),
        (None, "This is no case"),
    ],
    ids=str,
)
def test_what_is_not_one_case_says_what_is_expected(form, said):
    reading = json_case.read(json.dumps(form), SCHEMA)
    assert reading.fault.startswith(said)
    assert reading.inputs == {}


@given(VALUES)
def test_whatever_json_is_typed_is_read_or_refused_in_words(value):
    reading = json_case.read(json.dumps(value), SCHEMA)
    assert reading.fault or isinstance(reading.inputs, dict)
