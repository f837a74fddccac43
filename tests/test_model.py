"""A model's answers are the estimator's own, to the bit, in the card's words and order."""

import math

import numpy as np
import pandas as pd
import pytest
from ages import TEXT_TYPES, text_series
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC
from threadpoolctl import ThreadpoolController

from second_opinion import Registry
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.models.model import Model
from second_opinion.models.unlike_training import outside_training
from second_opinion.records.value import plain
from second_opinion.schema import Feature, Schema

ROWS = 120


@pytest.fixture(scope="module")
def points():
    """Two numbers, and three classes that follow from them."""
    rng = np.random.default_rng(3)
    cases = pd.DataFrame(rng.normal(0, 2, (ROWS, 2)), columns=["x", "y"])
    return cases, np.array(["low", "mid", "top"])[np.digitize(cases["x"] + cases["y"], [-1, 1])]


def model(estimator, classes=("low", "mid", "top"), **changes):
    """A model over the numbers x and y, from -10 to 10."""
    fields = {
        "name": "points",
        "version": "1",
        "title": "Points",
        "task": "multiclass" if len(classes) > 2 else "binary" if classes else "regression",
        "target": {"name": "band"},
        "classes": list(classes),
        "features": [
            {"name": "x", "kind": "number", "min": -10, "max": 10},
            {"name": "y", "kind": "number", "min": -10, "max": 10},
        ],
        "artifact": {"file": "m.joblib", "format": "joblib", "sha256": "a" * 64},
    }
    card = ModelCard.model_validate({**fields, **changes})
    return Model(card, estimator, ThreadpoolController())


class Fixed(BaseEstimator):
    """Answers what it was told to."""

    def __init__(self, values, probabilities=None, classes=()):
        self.values, self.probabilities = values, probabilities
        self.classes_ = np.array(classes)

    def predict(self, X):
        return np.array(self.values)


class FixedShares(Fixed):
    def predict_proba(self, X):
        return np.array(self.probabilities)


CASE = {"x": 1.0, "y": 2.0}


@pytest.mark.parametrize("name", ["triage", "dose", "risk", "iris", "hostile"])
def test_the_answers_are_the_estimators_to_the_bit(models, name):
    registry = Registry(models)
    found = registry.load(name)
    schema = found.card.case_schema
    reference = registry.reference(name)
    cases = schema.frame([reference.plausible(schema, seed) for seed in range(40)])
    answers = found.predict(cases)
    given = cases if found.card.input == "frame" else cases.to_numpy()
    assert answers["value"].tolist() == [plain(v) for v in found.estimator.predict(given)]
    if found.card.task != "regression":
        shares = found.estimator.predict_proba(given)
        order = [list(found.estimator.classes_).index(v) for v in found.card.class_values]
        assert answers["probabilities"].tolist() == [tuple(row) for row in shares[:, order]]
        assert answers["confidence"].tolist() == shares.max(axis=1).tolist()


def test_one_case_is_answered_as_many_are(models):
    registry = Registry(models)
    found = registry.load("triage")
    schema = found.card.case_schema
    inputs, _ = schema.read(registry.reference("triage").plausible(schema, 1))
    one = found.predict_one(inputs, asked_by="Ada", source="form", id="p1")
    answer = found.predict([inputs]).iloc[0]
    assert one.inputs == inputs
    assert (one.value, one.confidence) == (answer["value"], answer["confidence"])
    assert (one.probabilities, one.flags) == (answer["probabilities"], answer["flags"])
    assert (one.model, one.version) == ("triage", "1")
    assert one.model_sha256 == found.card.artifact.sha256
    assert one.card_sha256 == found.card.question_sha256
    assert one.latency_ms > 0


@pytest.mark.parametrize("order", [("low", "mid", "top"), ("top", "low", "mid")])
def test_probabilities_are_in_the_order_of_the_card(points, order):
    estimator = RandomForestClassifier(10, random_state=0).fit(*points)
    answers = model(estimator, order).predict(points[0])
    shares = estimator.predict_proba(points[0])
    for at, value in enumerate(order):
        column = list(estimator.classes_).index(value)
        assert [row[at] for row in answers["probabilities"]] == shares[:, column].tolist()
    assert answers["confidence"].tolist() == shares.max(axis=1).tolist()


def test_values_are_plain_and_keep_their_types(points):
    cases, _ = points
    whole = LogisticRegression().fit(cases, (cases["x"] > 0).astype(int))
    assert {type(v) for v in model(whole, (0, 1)).predict(cases)["value"]} == {int}
    flags = LogisticRegression().fit(cases, cases["x"] > 0)
    answers = model(flags, (True, False)).predict(cases)
    assert {type(value) for value in answers["value"]} == {bool}
    assert {type(share) for row in answers["probabilities"] for share in row} == {float}


def test_a_regression_has_no_confidence(points):
    cases, _ = points
    estimator = LinearRegression().fit(cases, cases["x"] * 3 + cases["y"])
    answers = model(estimator, ()).predict(cases)
    assert answers["value"].tolist() == estimator.predict(cases).tolist()
    assert answers["confidence"].tolist() == [None] * ROWS
    assert answers["probabilities"].tolist() == [None] * ROWS


def test_a_classifier_without_probabilities_has_no_confidence(points):
    estimator = LinearSVC().fit(*points)
    answers = model(estimator).predict(points[0])
    assert answers["value"].tolist() == estimator.predict(points[0]).tolist()
    assert answers["confidence"].tolist() == [None] * ROWS


def test_the_label_follows_the_probabilities_where_the_card_says_so():
    estimator = FixedShares(["low"], [[0.2, 0.5, 0.3]], ["low", "mid", "top"])
    asked = model(estimator, label_from_probability=True).predict([CASE]).iloc[0]
    assert (asked["value"], asked["confidence"]) == ("mid", 0.5)
    own = model(estimator).predict([CASE]).iloc[0]
    assert (own["value"], own["confidence"]) == ("low", 0.2)


def test_the_estimator_gets_what_it_was_trained_on(points):
    cases, outcome = points
    array = RandomForestClassifier(5, random_state=0).fit(cases.to_numpy(), outcome)
    answers = model(array, input="array").predict(cases)
    assert answers["value"].tolist() == array.predict(cases.to_numpy()).tolist()


def test_answers_keep_the_index_of_the_cases(points):
    estimator = RandomForestClassifier(5, random_state=0).fit(*points)
    shuffled = points[0].sample(20, random_state=1)
    answers = model(estimator).predict(shuffled[["y", "x"]].assign(more=1))
    assert answers.index.equals(shuffled.index)
    assert answers["value"].tolist() == estimator.predict(shuffled).tolist()


@pytest.mark.parametrize(("values", "row"), [([math.nan, 1.0], 1), ([1.0, 2.0, math.nan], 3)])
def test_a_row_without_a_number_is_named(values, row):
    with pytest.raises(UserError, match=f"gave no number for row {row};"):
        model(Fixed(values), ()).predict([CASE] * len(values))


def test_another_number_of_answers_than_cases_is_an_error():
    with pytest.raises(UserError, match="gave 2 answers for 1 case;"):
        model(Fixed([1.0, 2.0]), ()).predict([CASE])


def test_a_class_of_the_card_that_the_estimator_does_not_know_is_named(points):
    estimator = RandomForestClassifier(5, random_state=0).fit(*points)
    with pytest.raises(UserError, match="names the class 'best'; the model knows 'low', 'mid'"):
        model(estimator, ("low", "mid", "best")).predict(points[0])


@pytest.mark.parametrize(
    ("case", "flags"),
    [
        ({}, ()),
        ({"x": 10.0, "y": -10.0}, ()),
        ({"x": 10.5}, ("out_of_range:x",)),
        ({"y": -11.0, "x": 11.0}, ("out_of_range:x", "out_of_range:y")),
        ({"city": "Rome"}, ("unseen:city",)),
        ({"city": None}, ("missing:city",)),
        ({"seen": "2025-01-01"}, ("out_of_range:seen",)),
        ({"seen": None}, ("missing:seen",)),
    ],
)
def test_a_flag_says_what_is_unusual(case, flags):
    features = [
        {"name": "x", "kind": "number", "min": -10, "max": 10},
        {"name": "y", "kind": "number", "min": -10, "max": 10},
        {"name": "city", "kind": "category", "choices": ["Bonn", "Oslo"], "missing": True},
        {"name": "seen", "kind": "date", "min": "2024-01-01", "max": "2024-12-31", "missing": True},
    ]
    usual = {**CASE, "city": "Bonn", "seen": "2024-02-29"}
    asked = model(Fixed([1.0]), (), features=features)
    assert asked.predict([{**usual, **case}])["flags"][0] == flags
    table = pd.DataFrame([{**usual, **case}])
    assert asked.predict(asked.card.case_schema.frame(table)).index.tolist() == [0]


@pytest.mark.parametrize(("share", "flags"), [(0.59, ("low_confidence",)), (0.6, ())])
def test_a_low_confidence_is_flagged(share, flags):
    estimator = FixedShares(["low"], [[share, 1 - share, 0.0]], ["low", "mid", "top"])
    assert model(estimator).predict([CASE])["flags"][0] == flags


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
@pytest.mark.parametrize("rows", [3, 3000])
def test_unseen_and_missing_are_told_apart_in_every_kind_of_column(dtype, rows):
    city = {"name": "city", "kind": "category", "choices": ["Bonn", "Oslo"], "missing": True}
    asked = model(Fixed([1.0] * rows), (), features=[{**city, "dtype": dtype}])
    cells = (["Rome", None, "Bonn"] * rows)[:rows]
    for cases in (
        [{"city": cell} for cell in cells],
        pd.DataFrame({"city": pd.Series(cells, dtype=dtype)}),
    ):
        answers = asked.answers(cases)
        flags = [("unseen:city",), ("missing:city",), ()] * rows
        assert answers.flags() == flags[:rows]


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [
        (-10, 10, [-10.5, -10, 0.5, 10, 11]),
        (-10.5, 10.5, [-11, -10, 0, 10, 11]),
        (0, 1e300, [-1e-300, 0.0, 1.0, 1e300, 2e300]),
        (
            "2024-01-01",
            "2024-12-31",
            ["2023-12-31", "2024-01-01", "2024-06-01", "2024-12-31", "2025-01-01"],
        ),
    ],
)
def test_outside_is_the_same_of_an_array_and_of_a_column(low, high, values):
    kind = "date" if isinstance(low, str) else "number"
    feature = Feature(name="x", kind=kind, min=low, max=high)
    array = Schema([feature]).arrays([{"x": value} for value in values])["x"]
    assert outside_training(array, feature).tolist() == [True, False, False, False, True]
    assert outside_training(pd.Series(array), feature).tolist() == [True, False, False, False, True]


class Watching(BaseEstimator):
    """Keeps what it was given."""

    def predict(self, X):
        self.given = X
        return np.zeros(len(X))


@pytest.mark.parametrize("dtype", TEXT_TYPES, ids=str)
def test_many_texts_reach_the_estimator_as_they_are(dtype):
    cells = np.array(["Bonn", "Oslo", None, "Rome"] * 1000, dtype=object)
    cases = pd.DataFrame({"city": pd.array(cells, dtype=dtype)})
    city = {"name": "city", "kind": "category", "choices": ["Bonn", "Oslo"], "missing": True}
    estimator = Watching()
    model(estimator, (), features=[city]).answers(cases)
    given = estimator.given["city"]
    assert given.dtype == text_series([]).dtype.name
    assert given.isna().tolist() == [cell is None for cell in cells]
    assert given.dropna().tolist() == [cell for cell in cells if cell is not None]


def test_a_missing_value_is_what_the_training_data_had_in_its_place(models, training, triage):
    """An encoder that has learned None as a level of its own does not know NaN."""
    cases, _ = training
    card = Registry(models).card("triage/1")
    assert card.case_schema["pregnant"].gap == "none"
    assert card.case_schema["temperature"].gap == "nan"
    unknown = cases[cases["pregnant"].isna()].head(20)
    found = Registry(models).load("triage/1").predict(unknown)
    expected = triage.predict_proba(unknown)
    assert np.array_equal(sorted(map(max, found["probabilities"])), sorted(expected.max(axis=1)))
