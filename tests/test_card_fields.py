"""From training data to a card: what `add` infers, and that the data it came from fits it."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier

from second_opinion import Registry, UserError
from second_opinion.models.describe.card_fields import (
    Naming,
    card_fields,
    classes_fields,
    digest,
    metrics_on,
    positive_of,
)
from second_opinion.models.describe.estimator_facts import InputFacts
from second_opinion.models.describe.feature_fields import feature_fields, known_fields
from second_opinion.records.feature_kinds import LARGEST_EXACT_INTEGER
from second_opinion.schema import Feature, Schema

HOLE = float("nan")


def inferred(values, dtype=None):
    """The feature that `add` makes of a column."""
    return Feature.model_validate(feature_fields(pd.Series(values, name="x", dtype=dtype)))


@pytest.mark.parametrize("written", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%S"])
def test_days_that_are_texts_for_the_model_have_a_typical_one_that_it_can_parse(written):
    days = list(pd.date_range("2020-01-01", periods=300, freq="9D").strftime(written))
    feature = inferred(days)
    assert feature.kind == "text"
    assert feature.typical in days


@pytest.mark.parametrize("odd", ["Ada Lovelace", "030/1234567", "", "2020-01-01 Ada"])
def test_texts_that_are_not_all_days_have_no_typical_one(odd):
    days = list(pd.date_range("2020-01-01", periods=300, freq="9D").strftime("%Y-%m-%d"))
    assert inferred([*days, odd]).typical == ""


# --- kinds


@pytest.mark.parametrize(
    ("values", "dtype", "kind", "missing"),
    [
        ([1, 2, 3], None, "integer", False),
        ([1, 2, 3], "uint8", "integer", False),
        ([1, 2, None], "Int64", "integer", True),
        ([1.5, 2.0], None, "number", False),
        ([1.5, HOLE], "float32", "number", True),
        ([1.0, 2.0, 3.0], None, "number", False),
        ([1.0, 2.0, HOLE], None, "integer", True),
        ([True, False], None, "boolean", False),
        ([True, None], "object", "boolean", True),
        ([True, None], "boolean", "boolean", True),
        ([0, 1, 1], None, "boolean", False),
        ([0.0, 1.0, HOLE], None, "boolean", True),
        ([0, 1], "category", "boolean", False),
        (["a", "b", "a"], None, "category", False),
        (["a", None, "b"], "object", "category", True),
        (["a", "b"], "category", "category", False),
        ([1, 2, 5], "category", "category", False),
        (["007", "1.10"], None, "category", False),
        ([date(2024, 1, 1), None], "datetime64[s]", "date", True),
        ([f"case {n}" for n in range(40)], None, "text", False),
    ],
)
def test_a_column_becomes_a_feature_of_its_kind(values, dtype, kind, missing):
    feature = inferred(values, dtype)
    assert (feature.kind, feature.missing) == (kind, missing)


@pytest.mark.parametrize(
    ("values", "dtype", "pair"),
    [
        ([0, 1], None, [0, 1]),
        ([1, 1], None, [0, 1]),
        ([0.0, 1.0], None, [0.0, 1.0]),
        ([1, 0], "category", [0, 1]),
        ([True, False], None, [False, True]),
    ],
)
def test_a_boolean_keeps_the_values_that_the_model_was_trained_on(values, dtype, pair):
    found = inferred(values, dtype).values
    assert [(type(value), value) for value in found] == [(type(value), value) for value in pair]


@pytest.mark.parametrize(
    ("rows", "levels", "kind"),
    [
        (1000, 200, "category"),
        (1000, 201, "text"),
        (100, 20, "category"),
        (100, 21, "text"),
        (5, 5, "category"),
        (30, 20, "text"),
    ],
)
def test_texts_that_hardly_repeat_are_no_choices(rows, levels, kind):
    """The names of twenty patients among thirty must not become a list in a card."""
    assert inferred([f"level {n % levels}" for n in range(rows)]).kind == kind


def test_a_text_leaves_no_word_of_it_in_the_card():
    names = [f"patient {n}" for n in range(50)]
    assert "patient" not in repr(feature_fields(pd.Series(names, name="who")))


@pytest.mark.parametrize(
    ("values", "dtype", "said"),
    [
        ([None, None], "float64", "has no value at all"),
        ([1.0, math.inf], None, "holds inf; expected finite numbers"),
        (
            [*map(str, range(30)), 7],
            "object",
            "different values, not all of them texts: 7",
        ),
        ([1, 2**53 + 1], None, "whole ones up to 2"),
        ([1, -(2**60)], None, "whole ones up to 2"),
        ([1 + 2j, 3j], None, "values of type complex"),
        (pd.to_timedelta([1, 2], "D"), None, "values of type"),
        ([b"a", b"b"], "object", "values of type bytes"),
        ([(1, 2), (3, 4)], "object", "values of type tuple"),
        ([date(2024, 1, 1)], "object", "values of type date"),
    ],
)
def test_a_column_that_nobody_could_fill_in_is_refused_by_name(values, dtype, said):
    with pytest.raises(UserError, match=said) as error:
        inferred(values, dtype)
    assert "'x'" in str(error.value)


def test_a_label_is_the_name_made_readable():
    fields = feature_fields(pd.Series([1.5], name="tenure_months"))
    assert fields["label"] == "Tenure months"


# --- what the model's own steps add


def with_steps(values, dtype=None, **known):
    column = pd.Series(values, name="x", dtype=dtype)
    return Feature.model_validate(feature_fields(column, InputFacts(used=True, **known)))


@pytest.mark.parametrize(
    ("values", "learned", "choices"),
    [
        ([3, 5, 9, 12], (3, 5, 9, 12), (3, 5, 9, 12)),
        ([9, 3, HOLE], (3.0, 9.0), (3, 9)),
        ([9.0, 3.0], (3.0, 9.0), (3, 9)),
        ([9, 3], (3, 5, 9), (3, 5, 9)),
        ([9, 3], ("three", "nine"), (3, 9)),
        ([9, 3], tuple(range(300)), tuple(range(300))),
        ([0, 1], (0, 1, 2), (0, 1, 2)),
        (range(500), tuple(range(500)), tuple(range(500))),
    ],
)
def test_whole_numbers_that_a_step_encodes_are_codes(values, learned, choices):
    feature = with_steps(values, choices=learned)
    assert (feature.kind, feature.values) == ("category", choices)
    assert {type(value) for value in (*feature.values, feature.typical)} == {int}


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 1], "boolean"), ([True, False], "boolean"), ([1.5, 2.0], "category")],
)
def test_what_is_encoded_is_of_the_kind_that_its_values_allow(values, kind):
    assert with_steps(values, choices=tuple(values)).kind == kind


def test_numbers_that_no_step_encodes_stay_numbers():
    assert with_steps(range(500)).kind == "integer"


@pytest.mark.parametrize("strict", [True, False])
def test_levels_come_from_the_encoder_however_many_and_it_says_whether_others_are_refused(strict):
    names = tuple(f"Item {n:05}" for n in range(3000))
    feature = with_steps(names[:2500], choices=names, strict=strict)
    assert (feature.kind, feature.values) == ("category", names)
    value, problem = feature.read("Item 3")
    assert problem.blocking is strict
    assert problem.expected == 'did you mean "Item 00003"?'
    assert value == (None if strict else "Item 3")


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_short_floats_stand_in_the_card_as_people_write_them(dtype):
    values = np.array([0.1, 0.7, 0.3], dtype)
    number = inferred(values)
    assert (number.typical, number.places) == (0.3, 1)
    assert dtype == "float16" or number.range_text == "0.1 to 0.7"
    assert {number.read(value)[1] for value in (0.1, 0.7, *values.tolist())} == {None}
    coded = with_steps(values, choices=(0.1, 0.3, 0.7), dtype=dtype)
    assert (coded.values, coded.column_dtype) == ((0.1, 0.3, 0.7), dtype)


def test_a_text_for_words_is_no_category_however_often_it_repeats():
    assert with_steps(["warm", "cold"] * 9, words=True).kind == "text"


def test_a_code_with_holes_goes_into_its_column_and_out_again():
    feature = with_steps([9, 3, HOLE], choices=(3.0, 9.0))
    assert Schema([feature]).frame([{"x": 9}, {"x": None}])["x"].dtype == "float64"
    assert feature.read(9.0) == (9, None)


def test_the_order_of_the_categories_of_pandas_is_kept():
    sizes = pd.Categorical(["S", "L", "S"], categories=["S", "M", "L"])
    assert with_steps(sizes).values == ("S", "M", "L")


@pytest.mark.parametrize(
    ("known", "kind", "typical", "values"),
    [
        (InputFacts(), "number", 0.0, ()),
        (InputFacts(typical=52341.77, spread=9000.0), "number", 52340.0, ()),
        (InputFacts(typical=0.0123456, spread=0.01), "number", 0.0123, ()),
        (InputFacts(low=10.0, high=30.0), "number", 20.0, ()),
        (InputFacts(choices=("b", "a")), "category", "b", ("a", "b")),
        (InputFacts(choices=("b", "a"), typical="a"), "category", "a", ("a", "b")),
        (InputFacts(choices=(5.0, 3.0)), "category", 5, (3, 5)),
        (InputFacts(choices=(0, 1)), "boolean", 0, (0, 1)),
        (InputFacts(choices=(False, True)), "boolean", False, (False, True)),
        (InputFacts(choices=tuple(range(300))), "category", 0, tuple(range(300))),
        (InputFacts(choices=tuple("abcdefgh" * 30)), "category", "a", tuple("abcdefgh")),
        (InputFacts(choices=(0.5, 1.5)), "category", 0.5, (0.5, 1.5)),
        (InputFacts(words=True), "text", "", ()),
        (InputFacts(choices=("S", "L"), dtype="category"), "category", "S", ("S", "L")),
    ],
)
def test_without_data_a_feature_is_what_its_steps_say(known, kind, typical, values):
    feature = Feature.model_validate(known_fields("x", known))
    assert (feature.kind, feature.typical, feature.values) == (kind, typical, values)
    if kind != "text":
        assert feature.read(feature.typical)[1] is None


@given(
    st.floats(-1e12, 1e12) | st.none(),
    st.floats(1e-9, 1e9) | st.none(),
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2) | st.none(),
)
def test_a_guessed_number_lies_in_the_range_that_is_known(typical, spread, ends):
    low, high = sorted(ends) if ends else (None, None)
    known = InputFacts(typical=typical, spread=spread, low=low, high=high)
    feature = Feature.model_validate(known_fields("x", known))
    assert feature.read(feature.typical)[1] is None
    if typical is not None and spread and ends is None:
        assert abs(feature.typical - typical) <= 0.05 * spread + abs(typical) * 1e-12


# --- laws

finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-LARGEST_EXACT_INTEGER, LARGEST_EXACT_INTEGER)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)
days = st.dates(date(1700, 1, 1), date(2200, 1, 1))


@st.composite
def columns(draw):
    """A training column of any kind, with holes where its type allows them."""
    kinds = {
        "float64": finite,
        "float32": st.floats(width=32, allow_nan=False, allow_infinity=False),
        "int64": whole,
        "int8": st.integers(-128, 127),
        "bool": st.booleans(),
        "object": st.one_of(words, st.booleans()),
        "str": words,
        "category": words,
        "datetime64[s]": days,
        "Int64": whole,
    }
    dtype = draw(st.sampled_from(sorted(kinds)))
    values = kinds[dtype]
    if dtype not in ("int64", "int8", "bool"):
        values = st.one_of(values, st.none())
    # More different texts and flags in one column are refused.
    most = 10 if dtype == "object" else 30
    found = draw(st.lists(values, min_size=1, max_size=most).filter(lambda v: set(v) != {None}))
    return pd.Series(found, name="x", dtype=dtype)


@given(columns())
def test_every_row_that_a_schema_was_made_from_passes_it(column):
    feature = Feature.model_validate(feature_fields(column))
    given = column.dt.date if feature.kind == "date" else column
    for value in given:
        read, problem = feature.read(value)
        assert problem is None
        assert (read is None) == pd.isna(value)


@given(columns())
def test_the_typical_value_lies_in_the_range_and_passes(column):
    feature = Feature.model_validate(feature_fields(column))
    if feature.min is not None:
        assert feature.min <= feature.typical <= feature.max
    if feature.kind != "text":
        assert feature.read(feature.typical)[1] is None


@given(columns())
def test_a_card_goes_through_json_unchanged(column):
    feature = Feature.model_validate(feature_fields(column))
    assert Feature.model_validate_json(feature.model_dump_json()) == feature


# --- classes


def fitted(outcome):
    return LogisticRegression().fit(np.arange(len(outcome)).reshape(-1, 1), outcome)


@pytest.mark.parametrize(
    ("outcome", "labels"),
    [
        ([0, 1, 1], ["not left", "left"]),
        ([False, True, True], ["not left", "left"]),
        (["no", "yes", "yes"], ["no", "yes"]),
        ([1, 2, 2], ["1", "2"]),
        ([0, 1, 2], ["0", "1", "2"]),
        (["0", "1", "1"], ["0", "1"]),
    ],
)
def test_labels_are_the_values_and_for_nothing_or_one_the_target(outcome, labels):
    fields = classes_fields(fitted(outcome), None, "left")
    assert [choice["label"] for choice in fields["classes"]] == labels
    assert ("positive" in fields) == (len(labels) == 2)


@pytest.mark.parametrize(
    ("classes", "outcome", "positive"),
    [
        ([0, 1], [0, 1, 1], 1),
        ([False, True], [True, True, False], True),
        (["no", "yes"], ["yes", "yes", "no"], "yes"),
        (["Yes", "No"], ["Yes", "Yes", "No"], "Yes"),
        (["FALSE", "TRUE"], ["TRUE", "TRUE", "FALSE"], "TRUE"),
        (["0", "1"], ["1", "1", "0"], "1"),
        (["bad", "good"], ["good", "good", "bad"], "bad"),
        (["good", "poor"], ["good", "good", "poor"], "poor"),
        (["a", "b"], ["a", "b"], "b"),
        (["a", "b"], [], "b"),
        ([1, 2], [1, 1, 2], 1),
    ],
)
def test_the_event_is_one_true_or_yes_and_else_the_rarer_class(classes, outcome, positive):
    found = positive_of(classes, pd.Series(outcome, dtype="object"))
    assert (type(found), found) == (type(positive), positive)


# --- the rest of the card


def test_a_card_says_how_many_rows_it_came_from_and_which():
    data = pd.DataFrame({"age": [30.5, 40.5, 50.5]})
    fields = card_fields(
        Ridge().fit(data, [1, 2, 3]), data, pd.Series([1, 2, 3]), Naming("risk-score", "1")
    )
    assert fields["title"] == "Risk score"
    assert (fields["task"], fields["input"]) == ("regression", "frame")
    assert fields["data"]["rows"] == 3
    assert fields["data"]["sha256"] == digest(data)
    assert "classes" not in fields


def test_the_digest_tells_values_rows_and_names_apart():
    data = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    others = [data[::-1], data.rename(columns={"a": "c"}), data.replace("x", "z"), data[:1]]
    assert digest(data.copy()) == digest(data)
    assert len({digest(other) for other in [data, *others]}) == 5


def test_scores_are_those_of_scikit_learn():
    assert metrics_on([1, 0, 1], pd.Series([1, 1, 1]), "binary", "rows")["accuracy"] == 0.6667
    found = metrics_on([1.0, 2.0], pd.Series([1.0, 3.0]), "regression", "held-out rows")
    assert found == {"on": "held-out rows", "rows": 2, "mean absolute error": 0.5, "R²": 0.5}


@pytest.mark.slow
def test_a_model_of_every_kind_of_feature_answers_its_own_rows(tmp_path, models, training):
    """The registered model, asked through its card, says what the estimator itself says."""
    registry, (cases, _) = Registry(models), training
    model = registry.load("triage")
    assert [feature.kind for feature in model.card.features] == [
        *("number", "number", "integer", "integer", "category", "category"),
        *("boolean", "boolean", "boolean", "date", "text"),
    ]
    answers = model.predict(cases)
    assert answers["value"].tolist() == model.estimator.predict(cases).tolist()


def test_the_file_of_a_nearest_neighbour_model_is_said_to_hold_rows():
    from second_opinion.models.describe.estimator_checks import keeps_rows

    rows = np.arange(8).reshape(-1, 1)
    outcome = [0, 1] * 4
    assert keeps_rows(KNeighborsClassifier(1).fit(rows, outcome))
    assert not keeps_rows(LogisticRegression().fit(rows, outcome))
