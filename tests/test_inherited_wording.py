"""The words of one version that the next begins with."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from second_opinion import Registry
from second_opinion.models.describe.inherited_wording import ABOUT_CLASSES

ROWS = 200


@pytest.fixture
def cases():
    rng = np.random.default_rng(1)
    codes = {"ward": rng.choice([3, 5, 9], ROWS), "age": rng.integers(18, 90, ROWS)}
    return pd.DataFrame(codes), pd.Series(rng.integers(0, 2, ROWS), name="ill")


@pytest.fixture
def registry(tmp_path, cases):
    """One version, whose card somebody has edited."""
    X, y = cases
    registry = Registry(tmp_path / "model")
    registry.add(make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X, y), X, y, name="ill")
    path = registry.folder / "ill/1/card.json"
    card = json.loads(path.read_text())
    ward, age = card["features"]
    ward["choices"] = [{"value": 3, "label": "Surgery"}, 5, {"value": 9, "label": "Intensive care"}]
    age |= {"label": "Age at admission", "unit": "years", "description": "Whole years."}
    card |= {"title": "Who falls ill?", "limits": "Not for children.", "bands": {"low": 0.7}}
    card["target"] |= {"description": "Will this patient fall ill?", "event": "falling ill"}
    card["classes"][1]["label"] = "Falls ill"
    path.write_text(json.dumps(card))
    return registry


def words(card):
    return (card.title, card.limits, card.bands.low, card.target.event, card.label(1))


def test_the_next_version_begins_with_them(registry, cases):
    X, y = cases
    model = make_pipeline(OneHotEncoder(), LogisticRegression(C=0.1)).fit(X, y)
    before, card = registry.card("ill/1"), registry.add(model, X, y, name="ill")
    assert words(card) == words(before)
    assert words(card) == ("Who falls ill?", "Not for children.", 0.7, "falling ill", "Falls ill")
    ward, age = card.features
    assert [choice.label for choice in ward.choices] == ["Surgery", "5", "Intensive care"]
    assert (age.label, age.unit, age.description) == ("Age at admission", "years", "Whole years.")
    assert card.artifact.sha256 != before.artifact.sha256


def test_what_is_said_to_add_comes_first(registry, cases):
    X, y = cases
    given = {"limits": "Not for adults.", "features": {"age": {"unit": "months"}}}
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X, y)
    card = registry.add(model, X, y, name="ill", title="Illness", card=given)
    assert (card.title, card.limits) == ("Illness", "Not for adults.")
    assert (card.features[1].unit, card.features[1].label) == ("months", "Age at admission")


def test_what_is_another_thing_now_begins_anew(registry, cases):
    X, _ = cases
    other = X.assign(age=X["age"] + 0.5, height=X["age"] * 2.5)
    dose = pd.Series(np.arange(ROWS) / 7, name="dose")
    card = registry.add(LinearRegression().fit(other, dose), other, dose, name="ill")
    assert (card.features[1].unit, card.features[1].kind) == ("", "number")
    assert (card.target.event, card.classes) == ("", ())
    written = json.loads((registry.folder / "ill/2/card.json").read_text())
    assert not written.keys() & (ABOUT_CLASSES - {"bands", "answer"})


def test_a_broken_card_is_no_obstacle(registry, cases):
    X, y = cases
    (registry.folder / "ill/1/card.json").write_text("{")
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X, y)
    assert registry.add(model, X, y, name="ill").title == "Ill"
