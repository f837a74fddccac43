"""A file that holds one-hot dummies is read back into the one choice that the card has."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry, tables
from second_opinion.records.dummies import DummiesByColumn
from second_opinion.schema import Feature, Schema
from second_opinion.tables import Decisions, TableFile

ROWS = 300
RNG = np.random.default_rng(0)
RAW = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, ROWS),
        "city": RNG.choice(["Bonn", "New York", "Ulm"], ROWS),
        "month": RNG.integers(1, 13, ROWS),
        "member": RNG.random(ROWS) > 0.5,
    }
)
ENCODED = ["city", "month", "member"]
WAYS = {
    "as it is": {},
    "the first dropped": {"drop_first": True},
    "integers": {"dtype": int},
    "floats": {"dtype": float, "prefix_sep": "="},
    "short prefixes": {
        "prefix": {"city": "c", "month": "month", "member": "member"},
        "drop_first": True,
    },
}

CITIES = DummiesByColumn.of({"city": {"A": "city_A", "B": "city_B", "C": "city_C"}})
FEATURES = [
    Feature(name="age", kind="number"),
    Feature(name="city", kind="category", choices=["A", "B", "C"]),
]
OPTIONAL = FEATURES[1].model_copy(update={"missing": True})
SCHEMA = Schema(FEATURES, CITIES)
NO_A = Schema(FEATURES, DummiesByColumn.of({"city": {"A": None, "B": "city_B", "C": "city_C"}}))


def read(text, schema=SCHEMA, name="cases.csv", **decisions):
    """The rows of a file, and its problems by line."""
    source = TableFile.of_bytes(name, text.encode())
    look = tables.look(source, schema, Decisions(**decisions))
    if look.problems:
        return look, [], []
    chunks = list(tables.read(source, look, schema))
    rows = [row for chunk in chunks for row in chunk.cases.to_dict("records")]
    return look, rows, [str(problem) for chunk in chunks for problem in chunk.problems]


def cities(rows):
    return [row["city"] for row in rows]


FORMS = ["json", "jsonl", "xlsx", "parquet"]


@pytest.mark.parametrize(
    ("way", "form"), [*((way, "csv") for way in WAYS), *(("integers", form) for form in FORMS)]
)
def test_a_file_of_dummies_is_answered_as_the_raw_file_and_as_the_estimator(way, form, tmp_path):
    dummies = pd.get_dummies(RAW, columns=ENCODED, **WAYS[way])
    y = (RAW.city == "Ulm") ^ (RAW.age > 60)
    estimator = LogisticRegression(max_iter=5000).fit(dummies, y)
    registry = Registry(tmp_path / "model")
    registry.add(estimator, RAW, y, name="m", target="y")
    schema, path = registry.card("m").case_schema, tmp_path / f"cases.{form}"
    match form:
        case "csv":
            dummies.to_csv(path, index=False)
        case "xlsx":
            dummies.to_excel(path, index=False)
        case "parquet":
            dummies.to_parquet(path)
        case _:
            dummies.to_json(path, orient="records", lines=form == "jsonl")
    source = TableFile.of_path(path)
    look = tables.look(source, schema)
    (chunk,) = tables.read(source, look, schema)
    assert not look.problems
    assert not look.unused
    assert not chunk.problems
    assert chunk.text.column_names == list(dummies)
    raw = registry.load("m").answers(RAW)
    found = registry.load("m").answers(chunk.cases)
    assert found.values.tolist() == estimator.predict(dummies).tolist() == raw.values.tolist()
    assert found.flags_text().to_pylist() == raw.flags_text().to_pylist()


def test_a_row_that_has_not_one_level_is_a_problem_that_names_it():
    look, rows, problems = read(
        "age,city_A,city_B,city_C\n1,1,0,0\n2,1,1,0\n3,0,0,0\n4,2,0,1\n5,,0,1\n6,0,True,0.0\n"
    )
    assert cities(rows) == ["A", "B"]
    assert problems == [
        'Line 3: city is 1 in "city_A" and "city_B"; expected 1 in exactly one of its columns.',
        'Line 4: city is 1 in none of "city_A", "city_B" and "city_C"; expected 1 in exactly one '
        "of its columns.",
        'Line 5: city_A is "2"; expected 0 or 1.',
        "Line 6: city_A is empty; expected 0 or 1.",
    ]
    assert look.notes == (
        'Read "city" from 3 columns of 0 and 1: "city_A", "city_B" and "city_C".',
    )


def test_where_the_first_was_dropped_none_is_that_level_and_the_file_says_so():
    look, rows, problems = read("age,city_B,city_C\n1,0,0\n2,0,1\n3,1,1\n", NO_A)
    assert cities(rows) == ["A", "C"]
    assert len(problems) == 1
    assert look.notes[-1].endswith('"city_C". 0 in all of them is "A".')


def test_a_value_that_may_be_missing_is_so_in_a_row_of_zeros():
    features = [FEATURES[0], FEATURES[1].model_copy(update={"missing": True})]
    _, rows, problems = read(
        "age,city_A,city_B,city_C\n1,0,0,0\n2,0,0,1\n", Schema(features, CITIES)
    )
    assert not problems
    assert pd.isna(rows[0]["city"])
    assert rows[1]["city"] == "C"


def test_a_dummy_that_the_file_lacks_is_asked_about_and_then_zero():
    text = "age,city_A,city_B\n1,1,0\n2,0,0\n"
    look, _, _ = read(text)
    assert 'has no column "city_C"' in look.problems[0]
    assert [offer.option for offer in look.offers] == ["--absent-ok"]
    look, rows, problems = read(text, absent_ok=True)
    assert cities(rows) == ["A"]
    assert problems[0].startswith("Line 3: city is 1 in none of")
    assert 'read as 0 in every row: "city_C".' in look.notes[-1]


def test_a_dummy_of_a_level_that_the_model_never_saw_is_that_level():
    text = "age,city_B,city_C,city_Z,city_size\n1,0,0,1,1\n2,1,0,0,1\n3,0,0,0,300\n4,0,0,1,7\n"
    _, rows, problems = read(text, NO_A)
    assert cities(rows) == ["B", "A", "Z"]
    assert problems[0].startswith('Line 2: city is 1 in "city_Z" and "city_size"')


def test_names_that_differ_in_case_or_marks_are_a_decision_for_dummies_too():
    text = "age,City A,city_b,city_C\n1,1,0,0\n2,0,1,0\n"
    assert 'City A" for "city_A"' in read(text)[0].problems[0]
    assert cities(read(text, alike_ok=True)[1]) == ["A", "B"]


def test_the_column_itself_is_read_where_the_file_has_both():
    look, rows, _ = read("age,city,city_A,city_B,city_C\n1,B,1,0,0\n")
    assert cities(rows) == ["B"]
    assert look.unused == ("city_A", "city_B", "city_C")


def test_with_decimal_commas_and_below_a_title_dummies_are_found_too():
    text = "Cases of May\n\nage;city_A;city_B;city_C\n1,5;1,0;0,0;0,0\n2,5;0;0;1\n"
    _, rows, problems = read(text)
    assert not problems
    assert rows == [{"age": 1.5, "city": "A"}, {"age": 2.5, "city": "C"}]


def test_a_pasted_case_of_dummies_is_read_alike():
    case = {"age": 1, "city_A": 0, "city_B": True, "city_C": 0}
    assert SCHEMA.read(case) == ({"age": 1, "city": "B"}, [])
    for wrong, found in (
        ({"city_C": 1}, 'is 1 in "city_B" and "city_C"'),
        ({"city_B": 0}, "is 1 in none of"),
        ({"city_B": 3}, 'is 3 in "city_B"'),
    ):
        (problem,) = SCHEMA.read(case | wrong)[1]
        assert problem.field == "city"
        assert problem.found.startswith(found)
        assert problem.blocking


@pytest.mark.parametrize("columns", [FEATURES, [FEATURES[0], OPTIONAL]])
@pytest.mark.parametrize("dummy_of", [CITIES, NO_A.dummies])
@pytest.mark.parametrize(
    "dummies",
    [
        {"city_B": 0},
        {"city_C": False},
        {"city_B": 0.0},
        {"city_C": "0"},
        {"city_B": 0, "city_Z": 0},
    ],
)
def test_a_case_without_its_one_that_lacks_a_dummy_is_refused_and_mended_by_it(
    columns, dummy_of, dummies
):
    schema, case = Schema(columns, dummy_of), {"age": 1, **dummies}
    (problem,) = schema.read(case)[1]
    assert (problem.field, problem.blocking) == ("city", True)
    (*_, absent) = re.findall('"(city_[ABC])"', problem.found)
    assert absent not in case
    assert problem.expected == "expected 1 in exactly one of its columns"
    assert schema.read(case | {absent: 1}) == ({"age": 1, "city": absent[-1]}, [])


def test_the_one_alone_is_enough_and_all_zeros_are_the_level_without_a_dummy():
    for schema in (SCHEMA, NO_A):
        assert schema.read({"age": 1, "city_B": 1}) == ({"age": 1, "city": "B"}, [])
    assert NO_A.read({"age": 1, "city_B": 0, "city_C": 0}) == ({"age": 1, "city": "A"}, [])


def test_json_cases_of_dummies_in_any_form_are_read_alike():
    columns = {"age": [1, 2], "city_A": [1, 0], "city_B": [0, 0], "city_C": [0, 1]}
    for content in (columns, {"instances": pd.DataFrame(columns).to_dict("records")}):
        assert cities(read(json.dumps(content), name="cases.json")[1]) == ["A", "C"]
