"""An MLflow signature as features of a card."""

from itertools import product

import pytest

from second_opinion.models.describe.mlflow_signature import KINDS, refined
from second_opinion.schema import Feature

NUMBER = {"name": "x", "label": "X", "kind": "number", "typical": 2.6, "min": 1.0, "max": 4.0}
CATEGORY = {"name": "x", "label": "X", "kind": "category", "typical": "a", "choices": ["a", "b"]}


def column(kind, name="x", **more):
    return {"name": name, "type": kind, "required": True, **more}


@pytest.mark.parametrize(("kind", "expected"), KINDS.items())
def test_a_number_that_nobody_knows_better_takes_the_kind_of_its_column(kind, expected):
    (found,) = refined([NUMBER], [column(kind)])
    feature = Feature.model_validate(found)
    assert feature.kind == expected
    assert feature.typical == "" or feature.read(feature.typical)[1] is None


def test_whole_numbers_have_whole_bounds():
    (found,) = refined([NUMBER], [column("long")])
    values = found["typical"], found["min"], found["max"]
    assert values == (3, 1, 4)
    assert all(type(value) is int for value in values)


@pytest.mark.parametrize("kind", ["string", "long", "double"])
def test_what_an_encoder_knows_is_more_than_a_type(kind):
    assert refined([CATEGORY], [column(kind)]) == [CATEGORY]


def test_only_a_column_that_is_not_required_may_be_missing_for_that():
    (free,) = refined([CATEGORY], [column("string", required=False)])
    assert free["missing"] is True
    allowed = {**CATEGORY, "missing": True}
    assert refined([allowed], [column("string", required=True)]) == [allowed]


@pytest.mark.parametrize("kind", ["binary", "array", "object", ""])
def test_a_type_that_no_form_can_ask_for_changes_nothing(kind):
    assert refined([NUMBER], [column(kind)]) == [NUMBER]


def test_without_a_signature_nothing_changes():
    assert refined([NUMBER, CATEGORY], []) == [NUMBER, CATEGORY]


def test_a_model_without_names_takes_those_of_the_signature_in_their_order():
    unnamed = [{**NUMBER, "name": "x0"}, {**NUMBER, "name": "x1"}]
    signature = [column("double", "age"), column("long", "body_mass")]
    found = [(f["name"], f["label"], f["kind"]) for f in refined(unnamed, signature)]
    assert found == [("age", "Age", "number"), ("body_mass", "Body mass", "integer")]


def test_a_signature_of_other_columns_changes_nothing():
    features = [{**NUMBER, "name": "x0"}, {**NUMBER, "name": "x1"}]
    assert refined(features, [column("long", "age")]) == features


def test_refining_twice_is_refining_once():
    for feature, kind in product((NUMBER, CATEGORY), KINDS):
        once = refined([feature], [column(kind)])
        assert refined(once, [column(kind)]) == once
