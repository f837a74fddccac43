"""The kinds of models that people bring: each is added as they do it, and asked in every way.

Each answer must be the estimator's own, to the bit and in its type, on the rows as they were before
they went through a file, a form or JSON.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import streamlit as st
from ages import FixedThresholdClassifier, needs
from builders import ROOT
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from streamlit import config
from streamlit.testing.v1 import AppTest
from threadpoolctl import threadpool_limits

from second_opinion import Registry, settings
from second_opinion.batches.score_file import score_file
from second_opinion.cli import main
from second_opinion.models.model import as_taken
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.records.value import plain
from second_opinion.store import Store
from second_opinion.tables import TableFile, look
from second_opinion.ui import form

TARGET = "outcome"
ROWS = 20
KINDS: dict[str, Callable[[], tuple[Any, pd.DataFrame, pd.Series]]] = {}


@dataclass(frozen=True)
class Kind:
    """A trained estimator, the rows that it was trained on, and the model that `add` made of it."""

    estimator: Any
    X: pd.DataFrame
    y: pd.Series
    registry: Registry
    name: str
    said: str

    @property
    def model(self):
        return self.registry.load(self.name)

    def asked(self, frame):
        """What the estimator itself says of rows: values and probabilities."""
        given = as_taken(frame, self.model.card.input)
        # A thread a core for one row makes boosting a hundred times slower.
        with threadpool_limits(1):
            values = [plain(value) for value in np.ravel(self.estimator.predict(given))]
            if not hasattr(self.estimator, "predict_proba"):
                return values, [None] * len(frame)
            return values, [tuple(row) for row in self.estimator.predict_proba(given).tolist()]

    def native(self, inputs):
        """A case as a row of the training data, made without the schema; an id is made up."""
        row = {**self.X.iloc[0].to_dict(), **inputs}
        return pd.DataFrame({n: [row[n]] for n in self.X}).astype(self.X.dtypes.to_dict())


def kind(make):
    """Register a maker of ``(estimator, X, y)`` under its name."""
    KINDS[make.__name__.replace("_", "-")] = make
    return make


@cache
def clinic(holes=False):
    """Made data: numbers, whole numbers, codes, texts that repeat, yes and no, and a score."""
    rng = np.random.default_rng(11)
    rows = 240
    ward = rng.choice([3, 5, 9, 12], rows)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "bmi": rng.normal(27, 4, rows).round(1),
            "ward": ward,
            "colour": rng.choice(["red", "amber", "green"], rows),
            "smoker": rng.random(rows) < 0.4,
        }
    )
    score = (X["bmi"] - 27) / 3 + X["smoker"] + (ward == 9) - (X["colour"] == "green") - 0.4
    if holes:
        X["bmi"] = X["bmi"].mask(rng.random(rows) < 0.15)
        X["colour"] = X["colour"].mask(rng.random(rows) < 0.15)
    return X, score + rng.normal(0, 0.4, rows)


def columns(**others):
    """Scaled numbers, codes and colours as one-hot columns, the rest as it is."""
    return make_column_transformer(
        (StandardScaler(), ["age", "bmi"]),
        (OneHotEncoder(**others), ["ward", "colour"]),
        ("passthrough", ["smoker"]),
    )


def classified(estimator, labels=(0, 1), holes=False):
    X, score = clinic(holes)
    y = pd.Series(np.array(labels)[(score > 0).astype(int)])
    return estimator.fit(X, y), X, y


def linear():
    return make_pipeline(columns(), LogisticRegression())


# --- the kinds


@kind
def pipeline_with_imputers_and_encoders():
    steps = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
                ["bmi"],
            ),
            ("codes", OrdinalEncoder(), ["ward"]),
            (
                "words",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
                ["colour"],
            ),
            ("rest", "passthrough", ["age", "smoker"]),
        ]
    )
    return classified(make_pipeline(steps, LogisticRegression(max_iter=1000)), holes=True)


@kind
def target_encoder():
    needs((1, 3), "TargetEncoder")
    from sklearn.preprocessing import TargetEncoder

    steps = make_column_transformer(
        (TargetEncoder(), ["ward", "colour"]), ("passthrough", ["age", "smoker"])
    )
    return classified(make_pipeline(steps, LogisticRegression(max_iter=1000)))


@kind
def bare_estimator_on_an_array():
    data = load_breast_cancer(as_frame=True)
    X = data.data.iloc[:, :5]
    return LogisticRegression(max_iter=5000).fit(X.to_numpy(), data.target), X, data.target


@kind
def labels_0_and_1():
    return classified(linear())


@kind
def labels_true_and_false():
    return classified(linear(), (False, True))


@kind
def labels_yes_and_no():
    return classified(linear(), ("no", "yes"))


@kind
def no_probabilities():
    return classified(make_pipeline(columns(), LinearSVC()), ("no", "yes"))


@kind
def many_classes():
    digits = load_digits(as_frame=True)
    X = digits.data[["pixel_2_2", "pixel_3_4", "pixel_4_3", "pixel_5_5", "pixel_6_2"]]
    return (
        DecisionTreeClassifier(max_depth=6, random_state=0).fit(X, digits.target),
        X,
        digits.target,
    )


@kind
def many_classes_with_names():
    iris = load_iris(as_frame=True)
    names = pd.Series(iris.target_names[iris.target])
    forest = RandomForestClassifier(10, random_state=0)
    return forest.fit(iris.data, names), iris.data, names


@kind
def regression():
    data = load_diabetes(as_frame=True, scaled=False)
    X = data.data[["age", "sex", "bmi", "bp", "s1"]]
    return make_pipeline(StandardScaler(), Ridge()).fit(X, data.target), X, data.target


@kind
def transformed_target():
    data = load_diabetes(as_frame=True, scaled=False)
    X = data.data[["age", "bmi", "bp"]]
    model = TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1)
    return model.fit(X, data.target), X, data.target


@kind
def grid_search():
    return classified(GridSearchCV(linear(), {"logisticregression__C": [0.1, 1]}, cv=2))


@kind
def voting():
    parts = [("a", linear()), ("b", make_pipeline(columns(), DecisionTreeClassifier(max_depth=3)))]
    return classified(VotingClassifier(parts, voting="soft"), ("no", "yes"))


@kind
def stacking():
    parts = [("a", linear()), ("b", make_pipeline(columns(), DecisionTreeClassifier(max_depth=3)))]
    return classified(StackingClassifier(parts, cv=2))


@kind
def calibrated():
    return classified(CalibratedClassifierCV(make_pipeline(columns(), LinearSVC()), cv=2))


@kind
def fixed_threshold():
    return classified(FixedThresholdClassifier(linear(), threshold=0.8), ("no", "yes"))


@kind
def boosting_with_holes_and_categories():
    needs((1, 4), "boosting that encodes its texts")
    boosting = HistGradientBoostingClassifier(
        max_iter=10, categorical_features=["ward", "colour"], random_state=0
    )
    return classified(boosting, holes=True)


@kind
def boosting_of_a_number():
    X, score = clinic(holes=True)
    X = X[["age", "bmi", "smoker"]]
    return HistGradientBoostingRegressor(max_iter=10, random_state=0).fit(X, score), X, score


@kind
def text():
    words = ["warm", "sunny", "rain", "storm", "calm", "wind", "snow", "cold"]
    rng = np.random.default_rng(3)
    notes = pd.Series([" ".join(rng.choice(words, 5)) for _ in range(80)], name="note")
    y = pd.Series(np.where(notes.str.contains("storm|snow"), "stay", "go"))
    return make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(notes, y), notes.to_frame(), y


@kind
def an_id_that_no_step_takes():
    X, score = clinic()
    X = X.assign(record=[f"R{n:05}" for n in range(len(X))])
    return linear().fit(X, score > 0), X, score > 0


@kind
def xgboost():
    library = pytest.importorskip("xgboost")
    X, score = clinic(holes=True)
    X = X.astype({"colour": "category"})
    y = (score > 0).astype(int)
    return library.XGBClassifier(n_estimators=8, enable_categorical=True).fit(X, y), X, y


@kind
def lightgbm():
    library = pytest.importorskip("lightgbm")
    X, score = clinic(holes=True)
    X = X.astype({"colour": "category", "ward": "category"}).rename(columns={"age": "age in years"})
    y = pd.Series(np.where(score > 0, "yes", "no"))
    return library.LGBMClassifier(n_estimators=8, verbose=-1).fit(X, y), X, y


# --- adding them


@pytest.fixture(scope="module")
def added(tmp_path_factory):
    """Adds a kind by its name from a file and a CSV through the command line, once."""
    place = tmp_path_factory.mktemp("kinds")

    @cache
    def add(name):
        estimator, X, y = KINDS[name]()
        joblib.dump(estimator, place / f"{name}.joblib")
        X.assign(**{TARGET: y}).to_csv(place / f"{name}.csv", index=False)
        said = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MODEL_DIR", str(place / "model"))
            patch.setattr(main.click, "echo", lambda text, **more: said.append(str(text)))
            given = [str(place / f"{name}.joblib"), "--name", name, "--target", TARGET, "--yes"]
            code = main.main(["add", *given, "--data", str(place / f"{name}.csv")])
        assert code == 0, said
        return Kind(estimator, X, y, Registry(place / "model"), name, "\n".join(said))

    return add


@pytest.fixture(params=list(KINDS))
def brought(request, added):
    """Each kind in turn, added."""
    return added(request.param)


# --- the ways to ask


def by_json(model, case):
    """One case as JSON text, as the JSON tab and the API take it."""
    sent = json.loads(json.dumps({name: plain(value) for name, value in case.items()}))
    inputs, problems = model.card.case_schema.read(sent)
    assert not [str(problem) for problem in problems if problem.blocking]
    return model.predict_one(inputs, asked_by="Ada", source="api", id=new_id())


def as_typed_rows(model, case):
    """One row of the data, already in its types."""
    answers = model.predict(pd.DataFrame([case])[model.card.case_schema.names])
    return next(answers.itertuples())


WAYS = [by_json, as_typed_rows]


def assert_same_answers(brought, way):
    """Twenty rows asked in one way are answered as the estimator answers these very rows."""
    model, names = brought.model, brought.model.card.case_schema.names
    for at in range(ROWS):
        row = brought.X.iloc[[at]]
        answer = way(model, {name: row[name].iloc[0] for name in names})
        values, probabilities = brought.asked(row)
        assert_same(values[0], answer.value)
        assert answer.probabilities == probabilities[0]


def assert_same(expected, found):
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_twenty_rows_are_answered_as_the_estimator_does(brought, way):
    assert_same_answers(brought, way)


def assert_same_at_once(brought):
    """All rows in one call are answered as the estimator answers them in one call."""
    found = brought.model.predict(brought.X)
    # Column by column, as tables are read: sums over another layout end on other bits.
    values, probabilities = brought.asked(pd.DataFrame({n: brought.X[n].array for n in brought.X}))
    assert found["value"].tolist() == values
    assert found["probabilities"].tolist() == probabilities


@pytest.mark.slow
def test_all_rows_at_once_are_answered_as_the_estimator_does(brought):
    assert_same_at_once(brought)


def as_file(brought, path):
    """The rows of the data as a CSV file of what people would type."""
    schema = brought.model.card.case_schema
    names = {name: brought.X[name] for name in schema.names}
    rows = [
        schema.read(dict(zip(names, map(plain, row), strict=True)))[0]
        for row in zip(*names.values(), strict=True)
    ]
    cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
    pd.DataFrame(cells, columns=schema.names, dtype="str").to_csv(path, index=False)
    return path


def test_a_scored_file_says_what_the_estimator_says(brought, tmp_path):
    source = TableFile.of_path(as_file(brought, tmp_path / "cases.csv"))
    found = look(source, brought.model.card.case_schema)
    summary = score_file(source, found, brought.model, tmp_path / "scored.csv")
    scored = pd.read_csv(tmp_path / "scored.csv", dtype="str", keep_default_na=False)
    values, probabilities = brought.asked(pd.DataFrame({n: brought.X[n].array for n in brought.X}))
    assert (summary.good, summary.bad) == (len(brought.X), 0)
    assert scored["prediction"].tolist() == [str(value) for value in values]
    sure = [None if shares is None else max(shares) for shares in probabilities]
    if brought.model.card.label_from_probability:
        assert [float(text) for text in scored["confidence"]] == sure
    elif sure[0] is None:
        assert set(scored["confidence"]) == {""}


def test_answers_keep_their_type_in_json(brought):
    card = brought.model.card
    if card.task == "regression":
        assert {type(value) for value in brought.asked(brought.X)[0]} == {float}
        return
    known = [plain(value) for value in brought.estimator.classes_]
    stored = json.loads(card.model_dump_json())["classes"]
    for choice, value in zip(stored, known, strict=True):
        assert_same(value, choice["value"])
        assert_same(value, json.loads(json.dumps(value)))


def test_no_row_of_the_data_has_a_problem(brought):
    schema = brought.model.card.case_schema
    for _, row in brought.X.head(60).iterrows():
        assert schema.read({name: plain(row[name]) for name in schema.names})[1] == []


# --- the form


@pytest.fixture
def page(tmp_path, monkeypatch, added):
    """Opens Single prediction with one of the kinds."""

    def open_page(brought):
        monkeypatch.setenv("MODEL_DIR", str(brought.registry.folder))
        monkeypatch.setenv("FEEDBACK_DB", str(tmp_path / "feedback.db"))
        monkeypatch.setattr(settings, "SECRETS", tmp_path / "secrets.toml")
        monkeypatch.setattr(type(st.context), "cookies", {})
        config.set_option("runner.magicEnabled", False)
        at = AppTest.from_file(ROOT / "Home.py", default_timeout=30)
        at.session_state["who_expert"] = Expert.declared("Ada")
        at.session_state["who_cases"] = []
        at.query_params["model"] = brought.name
        at.switch_page("pages/1_Single_prediction.py")
        return at.run()

    yield open_page
    Store.open(tmp_path / "feedback.db").close()


def changed(brought):
    """A field of the form, and another value for it than the typical one, from the data."""
    schema = brought.model.card.case_schema
    for feature in sorted(schema, key=lambda feature: feature.kind == "boolean"):
        for value in map(plain, brought.X[feature.name]):
            if value is not None and value != feature.typical:
                return feature, feature.read(value)[0]
    raise AssertionError("no field has two values")


def predicted(at, folder):
    """What was stored for the case on the page."""
    at.button(key="predict_submit").click().run()
    assert not at.exception
    assert not [error.value for error in at.error]
    found = at.query_params["prediction"]
    return Store.open(folder / "feedback.db").prediction(
        found if isinstance(found, str) else found[0]
    )


@pytest.mark.slow
def test_the_form_answers_as_the_estimator_does(brought, page, tmp_path):
    at = page(brought)
    schema = brought.model.card.case_schema
    feature, value = changed(brought)
    typical = schema.typical
    cases = [typical, {**typical, feature.name: value}]
    for case in cases[1:] if feature.kind == "text" else cases:
        if case is not typical:
            key = form.widget_key(feature)
            groups = (at.number_input, at.selectbox, at.text_area)
            widgets = [w for group in groups for w in group if w.key == key]
            widgets += [w for w in at.get("button_group") if w.key == key]
            widgets[0].set_value(form.shown(feature, value))
        made = predicted(at, tmp_path)
        assert made.inputs == case
        values, probabilities = brought.asked(brought.native(case))
        assert_same(values[0], made.value)
        assert made.probabilities == probabilities[0]


# --- what the cards say


def kinds_of(brought):
    return {feature.name: feature.kind for feature in brought.model.card.features}


def missing(brought):
    return {feature.name for feature in brought.model.card.features if feature.optional}


@pytest.mark.parametrize(
    "name", ["labels-0-and-1", "target-encoder", "boosting-with-holes-and-categories", "voting"]
)
def test_whole_numbers_that_the_model_encodes_are_codes(added, name):
    brought = added(name)
    ward = brought.model.card.case_schema["ward"]
    assert (ward.kind, ward.values) == ("category", (3, 5, 9, 12))
    assert kinds_of(brought)["age"] == "integer" if "age" in kinds_of(brought) else True
    assert kinds_of(brought)["smoker"] == "boolean"


def test_what_the_data_lacks_somewhere_may_be_missing(brought):
    holes = {name for name in brought.X if brought.X[name].isna().any()}
    assert missing(brought) == holes & set(brought.model.card.case_schema.names)


def test_a_model_of_an_array_takes_the_columns_of_the_file_and_says_so(added):
    brought = added("bare-estimator-on-an-array")
    card = brought.model.card
    assert card.input == "array"
    assert card.case_schema.names == list(brought.X)
    said = "the LogisticRegression was trained on an array, so the columns of the data are taken"
    assert said in card.unknown[0]
    assert said in brought.said


def test_a_classifier_without_probabilities_says_that_it_is_never_sure(added):
    brought = added("no-probabilities")
    sentence = "How sure it is of an answer: the Pipeline gives no probabilities."
    assert brought.model.card.unknown == (sentence,)
    assert sentence in brought.said
    assert set(brought.model.predict(brought.X)["confidence"]) == {None}


def test_a_text_model_has_one_field_for_the_text(added):
    card = added("text").model.card
    assert card.input == "series"
    assert [(f.name, f.kind, f.typical) for f in card.features] == [("note", "text", "")]
    assert card.importance == {}


def test_an_id_is_not_asked_for(added):
    brought = added("an-id-that-no-step-takes")
    assert list(kinds_of(brought)) == ["age", "bmi", "ward", "colour", "smoker"]
    assert not any(
        "R00001" in p.read_text() for p in brought.registry.folder.glob("an-id*/1/*.json")
    )


def test_a_threshold_of_its_own_is_not_the_likeliest_class(added):
    assert added("labels-0-and-1").model.card.label_from_probability
    assert not added("fixed-threshold").model.card.label_from_probability


def test_what_counts_is_what_the_model_looks_at_most(added):
    for name in ("labels-0-and-1", "boosting-with-holes-and-categories", "grid-search"):
        card = added(name).model.card
        shares = [share for _, share in card.looks_at]
        assert card.looks_at[0][0].name == "bmi"
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)


# --- without the training data


@pytest.fixture(scope="module")
def bare(added, tmp_path_factory):
    """A registry to which each kind was added without its data."""
    registry = Registry(tmp_path_factory.mktemp("bare") / "model")

    @cache
    def add(name):
        brought = added(name)
        card = registry.add(brought.estimator, name=name)
        return Kind(brought.estimator, brought.X, brought.y, registry, name, card.name)

    return add


@pytest.mark.slow
@pytest.mark.parametrize("name", list(KINDS))
def test_without_data_a_model_still_answers_as_the_estimator_does(bare, name):
    brought = bare(name)
    if brought.model.card.input != "frame" or name == "lightgbm":
        brought = renamed(brought)
    assert_same_at_once(brought)
    assert brought.registry.verify(name) == []
    assert brought.model.card.importance == brought.model.card.metrics == {}


def renamed(brought):
    """With the columns as the model itself calls them."""
    names = brought.model.card.case_schema.names
    X = brought.X.set_axis(names, axis=1)
    return Kind(brought.estimator, X, brought.y, brought.registry, brought.name, brought.said)


def test_without_data_the_steps_say_what_they_know(bare):
    schema = bare("labels-0-and-1").model.card.case_schema
    assert [(f.name, f.kind) for f in schema] == [
        *(("age", "number"), ("bmi", "number"), ("ward", "category")),
        *(("colour", "category"), ("smoker", "number")),
    ]
    assert schema["ward"].values == (3, 5, 9, 12)
    assert schema["colour"].values == ("amber", "green", "red")
    assert schema["bmi"].typical == pytest.approx(27, abs=1)
    assert (schema["bmi"].min, schema["smoker"].typical) == (None, 0)


def test_without_data_the_card_says_what_nobody_knows(bare):
    unknown = " ".join(bare("labels-0-and-1").model.card.unknown)
    for said in (
        "The range of age, bmi and smoker: no value there can be flagged",
        "A usual value of smoker: the form begins with 0 there.",
        "Whether age, bmi and smoker can be whole, or yes and no, alone",
        "How often it is right, and what it looks at most: that takes outcomes.",
    ):
        assert said in unknown


def test_without_data_holes_are_allowed_where_the_model_takes_them(bare):
    assert missing(bare("labels-0-and-1")) == set()
    assert missing(bare("pipeline-with-imputers-and-encoders")) == {"bmi", "colour"}
    assert len(missing(bare("boosting-with-holes-and-categories"))) == 5


def test_without_data_the_inputs_of_an_array_are_numbered(bare):
    card = bare("bare-estimator-on-an-array").model.card
    assert card.case_schema.names == ["x0", "x1", "x2", "x3", "x4"]
    assert "trained on an array" in card.unknown[0]


def test_without_data_another_example_is_one_of_the_choices(bare):
    brought = bare("labels-0-and-1")
    schema = brought.model.card.case_schema
    reference = brought.registry.reference(brought.name)
    made_up = [reference.plausible(schema, seed) for seed in range(40)]
    assert {case["ward"] for case in made_up} == {3, 5, 9, 12}
    assert all(schema.read(case)[1] == [] for case in made_up)
