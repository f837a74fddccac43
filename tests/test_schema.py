"""What a value must be: read once it is final, and nothing passes for something else."""

import json
import math
from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from second_opinion.records.feature_kinds import LARGEST_EXACT_INTEGER
from second_opinion.records.value import same_value
from second_opinion.schema import Choice, Feature, Schema

FEATURES = [
    Feature(name="pulse", kind="number", unit="beats/min", min=40, max=120.5, typical=80),
    Feature(name="weight", kind="number", missing=True),
    Feature(name="age", kind="integer", unit="years", min=18, max=90),
    Feature(name="visits", kind="integer", missing=True),
    Feature(name="colour", kind="category", choices=["red", "green"]),
    Feature(name="grade", kind="category", choices=[1, 2, 3], unknown="error", missing=True),
    Feature(name="mixed", kind="category", choices=[1, "1", True, "true"]),
    Feature(name="smoker", kind="boolean"),
    Feature(name="insured", kind="boolean", choices=[0, 1], missing=True),
    Feature(name="answer", kind="boolean", choices=["no", "yes"]),
    Feature(name="note", kind="text"),
    Feature(name="admitted", kind="date", min="2024-01-01", max="2024-12-31", missing=True),
    Feature(name="seen at", kind="datetime", min="2024-01-01T00:00:00", max="2024-12-31T23:00:00"),
    Feature(name="sent at", kind="datetime", dtype="datetime64[ns, Europe/Berlin]", unit="UTC"),
]
SCHEMA = Schema(FEATURES)
CASE = {
    "pulse": 80.0,
    "weight": None,
    "age": 40,
    "visits": 2,
    "colour": "red",
    "grade": 2,
    "mixed": "1",
    "smoker": False,
    "insured": 1,
    "answer": "yes",
    "note": "well",
    "admitted": "2024-02-29",
    "seen at": "2024-02-29T18:00:00",
    "sent at": "2024-02-29T18:00:00+00:00",
}

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.datetimes()
    | st.sampled_from(["red", "Red", " red", "yes", "1", "2024-02-29", "true", 1, 2, 0, True])
    | st.sampled_from([np.int64(2), np.float32(0.5), np.bool_(True), pd.NA, pd.NaT, np.nan]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def each(features=FEATURES):
    return pytest.mark.parametrize("feature", features, ids=lambda feature: feature.name)


def read(name, value):
    return SCHEMA[name].read(value)


# --- one value


@pytest.mark.slow
@each()
@given(value=ANYTHING)
def test_a_value_that_was_read_is_read_again_as_itself(feature, value):
    """Whatever comes in: a second reading changes neither the value nor what is said of it."""
    once, problem = feature.read(value)
    if problem is not None and problem.blocking:
        assert once is None
        assert problem.field == feature.name
        return
    twice, again = feature.read(once)
    assert repr(twice) == repr(once)
    assert again == problem
    json.dumps(once, allow_nan=False)


@pytest.mark.slow
@each()
@given(value=ANYTHING)
def test_a_value_that_cannot_be_read_is_named_with_what_was_expected(feature, value):
    _, problem = feature.read(value)
    if problem is not None:
        assert str(problem).startswith(f"{feature.name} is ") or "cannot be stored" in str(problem)
        assert problem.expected.startswith(("expected ", "did you mean ", "the training cases go"))
        assert len(str(problem)) < 400


@pytest.mark.parametrize("value", [1, "1", True, "true"])
def test_a_boolean_a_number_and_a_text_stay_apart(value):
    found, problem = read("mixed", value)
    assert problem is None
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", True),
        ("age", "40"),
        ("age", 40.5),
        ("pulse", "80"),
        ("pulse", False),
        ("pulse", [80]),
        ("pulse", math.inf),
        ("colour", 1),
        ("grade", "1"),
        ("grade", 4),
        ("grade", True),
        ("smoker", "true"),
        ("smoker", 1),
        ("insured", 2),
        ("insured", "1"),
        ("answer", 1),
        ("note", 7),
        ("note", "a\x00b"),
        ("note", "\ud800"),
        ("admitted", "29.02.2024"),
        ("admitted", "2023-02-29"),
        ("admitted", 20240229),
        ("admitted", "2024-02-29T18:00"),
        ("seen at", "29.02.2024 18:00"),
        ("seen at", "2024-02-29x18:00"),
        ("seen at", "2024-02-29T25:00"),
        ("seen at", "2024-02-29T18"),
        ("seen at", "2024-02-29T18:00.5"),
        ("seen at", "2024-02-29T18:00:00.1234567"),
        ("seen at", 1709229600),
        ("sent at", "0001-01-01T00:00+14:00"),
    ],
)
def test_nothing_passes_for_something_else(name, value):
    found, problem = read(name, value)
    assert found is None
    assert problem.blocking


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("age", 40.0, 40),
        ("pulse", 80, 80.0),
        ("smoker", True, True),
        ("insured", True, 1),
        ("answer", False, "no"),
        ("admitted", date(2024, 2, 29), "2024-02-29"),
        ("seen at", date(2024, 2, 29), "2024-02-29T00:00:00"),
        ("seen at", datetime(2024, 2, 29, 6, 30), "2024-02-29T06:30:00"),
        ("seen at", "2024-02-29 06:30", "2024-02-29T06:30:00"),
        ("seen at", "2024-02-29T06:30:15.000", "2024-02-29T06:30:15"),
        ("seen at", "2024-02-29T06:30:15.5", "2024-02-29T06:30:15.500000"),
        ("sent at", "2024-02-29T19:00+01:00", "2024-02-29T18:00:00+00:00"),
        ("sent at", "2024-02-29 18:00Z", "2024-02-29T18:00:00+00:00"),
        ("sent at", "2024-02-29 13:00:00 -0500", "2024-02-29T18:00:00+00:00"),
        ("sent at", "2024-02-29T18:00", "2024-02-29T18:00:00+00:00"),
        ("sent at", "2024-02-29T18:00:00.123456789Z", "2024-02-29T18:00:00.123456789+00:00"),
        ("weight", math.nan, None),
        ("visits", "", None),
    ],
)
def test_another_form_of_the_same_value_is_taken(name, value, expected):
    found, problem = read(name, value)
    assert problem is None
    assert type(found) is type(expected)
    assert found == expected


@pytest.mark.parametrize("name", ["age", "pulse"])
@pytest.mark.parametrize("sign", [1, -1])
@given(beyond=st.integers(1, 10**30))
def test_a_whole_number_that_a_float_cannot_hold_is_refused(name, sign, beyond):
    edge = sign * LARGEST_EXACT_INTEGER
    assert same_value(read(name, edge)[0], edge)
    found, problem = read(name, edge + sign * beyond)
    assert found is None
    assert "too large to be exact" in str(problem)


@pytest.mark.parametrize("value", [None, "", math.nan])
def test_a_missing_value_is_a_problem_only_where_it_may_not_be_missing(value):
    for feature in FEATURES:
        found, problem = feature.read(value)
        assert found is None
        assert (problem is None) == feature.optional


def test_a_value_outside_the_training_range_is_kept_and_said():
    found, problem = read("pulse", 300)
    assert found == 300.0
    assert not problem.blocking
    assert str(problem) == "pulse is 300; the training cases go from 40 to 120.5 beats/min"
    found, problem = read("admitted", "2025-01-01")
    assert found == "2025-01-01"
    assert "go from 2024-01-01 to 2024-12-31" in str(problem)


def test_a_moment_with_a_time_zone_is_refused_where_the_model_knows_none():
    found, problem = read("seen at", "2024-02-29T18:00:00+01:00")
    assert found is None
    assert problem.expected.endswith("without a time zone, which the model does not know")


def test_a_moment_is_flagged_by_its_time_too():
    assert read("seen at", "2024-12-31T23:00")[1] is None
    assert "go from 2024-01-01 00:00 to 2024-12-31 23:00" in str(
        read("seen at", "2024-12-31T23:00:01")[1]
    )


@pytest.mark.parametrize("name", ["sent at", "seen at"])
def test_a_moment_beyond_what_its_column_can_hold_is_refused(name):
    found, problem = read(name, "2300-01-01T00:00")
    assert (found is None) == problem.blocking == (name == "sent at")


def test_the_model_gets_a_moment_as_it_was_trained_on_it():
    found = SCHEMA.frame(CASE)
    assert found["seen at"][0] == pd.Timestamp("2024-02-29 18:00")
    assert found["sent at"][0] == pd.Timestamp("2024-02-29 19:00", tz="Europe/Berlin")
    assert str(found["sent at"].dtype) == "datetime64[ns, Europe/Berlin]"


@pytest.mark.parametrize("edge", [40, 120.5])
def test_the_ends_of_the_training_range_are_inside(edge):
    assert read("pulse", edge) == (float(edge), None)


def test_an_unseen_choice_is_kept_or_refused_as_the_card_says():
    assert read("colour", "blue")[0] == "blue"
    assert not read("colour", "blue")[1].blocking
    assert read("grade", 4)[0] is None


@pytest.mark.parametrize("value", ["Red", " red ", "RED"])
def test_a_choice_in_another_spelling_is_not_guessed(value):
    found, problem = read("colour", value)
    assert found is None
    assert problem.expected == 'did you mean "red"?'


def test_what_is_expected_is_said_in_words():
    assert SCHEMA["pulse"].expected == "a number from 40 to 120.5 beats/min"
    assert SCHEMA["age"].expected == "a whole number from 18 to 90 years"
    assert SCHEMA["colour"].expected == 'one of "red", "green"'
    assert SCHEMA["smoker"].expected == "true or false"
    many = Feature(name="city", kind="category", choices=[f"c{n}" for n in range(15)])
    assert many.expected.endswith('"c11" and 3 more')


def test_a_value_is_shown_in_its_words():
    labelled = Feature(
        name="plan", kind="category", choices=[{"value": 1, "label": "Monthly"}, {"value": 2}]
    )
    assert [labelled.text(value) for value in (1, 2, 3, None)] == ["Monthly", "2", "3", "not known"]
    assert SCHEMA["age"].text(40) == "40 years"
    assert SCHEMA["smoker"].text(True) == "yes"


@pytest.mark.parametrize(
    ("low", "high", "step"), [(0, 1, 0.01), (18, 90, 0.5), (0, 75000, 500), (0, 0.004, 1e-3)]
)
def test_a_step_is_about_a_hundredth_of_the_range(low, high, step):
    assert Feature(name="x", kind="number", min=low, max=high, places=3).step == step


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "category"},
        {"kind": "boolean", "choices": [1]},
        {"kind": "boolean", "choices": [1, 2, 3]},
        {"kind": "colour"},
        {"kind": "number", "places": 11},
        {"kind": "number", "name": ""},
    ],
)
def test_a_feature_that_does_not_fit_its_kind_is_refused(fields):
    with pytest.raises(ValidationError):
        Feature(**{"name": "x", **fields})


def test_a_bare_choice_stands_for_itself():
    assert Choice.model_validate("red") == Choice(value="red", label="red")
    assert Choice.model_validate({"value": 0}) == Choice(value=0, label="0")


# --- a whole case


def test_a_good_case_is_read_as_it_is():
    assert SCHEMA.read(CASE) == (CASE, [])
    backwards = dict(reversed(CASE.items()))
    assert list(SCHEMA.read(backwards)[0]) == SCHEMA.names


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(SCHEMA.names) | st.text(), ANYTHING))
def test_a_case_that_was_read_is_read_again_as_itself(case):
    once, problems = SCHEMA.read(case)
    assert list(once) == SCHEMA.names
    if not any(problem.blocking for problem in problems):
        twice, _ = SCHEMA.read(once)
        assert repr(twice) == repr(once)


@given(st.sampled_from(SCHEMA.names))
def test_a_missing_field_is_one_problem(name):
    case = {other: value for other, value in CASE.items() if other != name}
    found, (problem,) = SCHEMA.read(case)
    assert found[name] is None
    assert problem.field == name
    assert problem.blocking != SCHEMA[name].optional


@given(st.sampled_from(["pulse", "weight", "colour", "insured", "admitted"]), st.booleans())
def test_a_misspelt_field_is_one_problem(name, louder):
    """Not one for the name that is too much and another for the one that is not there."""
    wrong = name.upper() if louder else f"{name}s"
    case = {wrong if other == name else other: value for other, value in CASE.items()}
    _, (problem,) = SCHEMA.read(case)
    assert (problem.field, problem.blocking) == (wrong, True)
    assert problem.expected == f"did you mean {name}? Rename it."


def test_a_field_too_many_is_one_problem():
    _, (problem,) = SCHEMA.read({**CASE, "shoe size": 42})
    assert str(problem).startswith("shoe size is not a field of this model; remove it")


# --- as the estimator takes it


def test_a_frame_has_the_columns_and_types_of_the_training():
    features = [
        Feature(name="a", kind="number"),
        Feature(name="b", kind="integer"),
        Feature(name="c", kind="integer", missing=True),
        Feature(name="d", kind="boolean"),
        Feature(name="e", kind="boolean", missing=True, dtype="object"),
        Feature(name="f", kind="category", choices=["x", "y"], dtype="category"),
        Feature(name="g", kind="date", dtype="datetime64[us]"),
    ]
    case = {"g": "2024-02-29", "f": "z", "e": None, "d": True, "c": None, "b": 2, "a": 1.5}
    frame = Schema(features).frame([case, {**case, "f": "x", "e": True}])
    assert list(frame.columns) == list("abcdefg")
    assert [str(kind) for kind in frame.dtypes] == [
        "float64",
        "int64",
        "float64",
        "bool",
        "object",
        "category",
        "datetime64[us]",
    ]
    assert frame["e"].tolist()[1] is True
    assert math.isnan(frame["e"][0])
    assert frame["f"].isna().tolist() == [True, False]
    assert frame["f"].cat.categories.tolist() == ["x", "y"]


@pytest.mark.parametrize(
    ("choices", "dtype"),
    [((), "bool"), ((0, 1), "int64"), (("no", "yes"), "str"), ((0, "yes"), "object")],
)
def test_a_boolean_has_the_type_of_its_pair(choices, dtype):
    assert Feature(name="x", kind="boolean", choices=choices).column_dtype == dtype


@pytest.mark.parametrize(
    ("kind", "dtype", "wide"),
    [
        *[("integer", dtype, "int64") for dtype in ("int8", "int16", "int32", "uint8", "uint64")],
        *[("integer", dtype, "Int64") for dtype in ("Int8", "UInt16", "Int64")],
        *[("number", dtype, "float64") for dtype in ("float16", "float32", "float64")],
        ("number", "Float32", "Float64"),
        ("integer", "int8[pyarrow]", "int64[pyarrow]"),
        ("number", "halffloat[pyarrow]", "double[pyarrow]"),
        ("number", "float[pyarrow]", "double[pyarrow]"),
    ],
)
def test_small_numbers_are_widened(kind, dtype, wide):
    feature = Feature(name="x", kind=kind, dtype=dtype)
    assert feature.column_dtype == wide
    for value in (300, 70_000, 16_777_217, 2**53):
        assert Schema([feature]).frame([{"x": feature.read(value)[0]}])["x"].tolist() == [value]


def test_one_case_a_list_and_a_frame_make_the_same_frame():
    one = SCHEMA.frame(CASE)
    pd.testing.assert_frame_equal(one, SCHEMA.frame([CASE]))
    table = pd.DataFrame([CASE], columns=[*reversed(SCHEMA.names)]).assign(more=1)
    pd.testing.assert_frame_equal(one, SCHEMA.frame(table))


def test_the_arrays_of_cases_are_the_columns_of_their_frame():
    for cases in ([CASE, CASE], pd.DataFrame([CASE, CASE], index=[7, 3])):
        arrays, frame = SCHEMA.arrays(cases), SCHEMA.frame(cases)
        assert list(arrays) == list(frame.columns) == SCHEMA.names
        pd.testing.assert_frame_equal(SCHEMA.framed(arrays, cases), frame)
        for name, array in arrays.items():
            pd.testing.assert_series_equal(
                pd.Series(array, frame.index, dtype=frame[name].dtype),
                frame[name],
                check_names=False,
            )


def test_a_frame_keeps_its_index():
    table = pd.DataFrame([CASE, CASE], index=[7, 3])
    assert SCHEMA.frame(table).index.tolist() == [7, 3]
