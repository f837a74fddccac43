"""Columns of 0 and 1 that a table has in place of a choice are proposed as that, and no others."""

import os

import joblib
import numpy as np
import pandas as pd
import pytest
from builders import on_a_terminal
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry
from second_opinion.errors import UserError
from second_opinion.models.describe.dummy_proposal import proposed, with_choices
from second_opinion.models.one_hot import DummyColumns

ROWS = 300
RNG = np.random.default_rng(0)
RAW = pd.DataFrame(
    {
        "age": RNG.integers(18, 80, ROWS),
        "city": RNG.choice(["Bonn", "New York", "Ulm"], ROWS),
        "city_size": RNG.choice(["big", "small"], ROWS),
        "month": RNG.integers(1, 13, ROWS),
        "plan": RNG.choice(list("abc"), ROWS),
        "has_car": RNG.integers(0, 2, ROWS),
        "has_house": RNG.integers(0, 2, ROWS),
    }
)
CHOICES = ["city", "city_size", "month", "plan"]
Y = ((RAW.city == "Ulm") ^ (RAW.age > 60)).map({True: "Yes", False: "No"})
WAYS = {
    "as it is": {},
    "integers": {"dtype": int},
    "equals": {"prefix_sep": "=", "dtype": float},
    "brackets": {"prefix_sep": "["},
    "patsy's": {"prefix_sep": "[T."},
}


def dummies_of(way="as it is", **more):
    frame = pd.get_dummies(RAW, columns=CHOICES, **WAYS[way], **more)
    return frame.rename(columns=lambda name: f"{name}]" if "[" in name else name)


@pytest.mark.parametrize("way", WAYS)
def test_the_choices_are_those_that_the_dummies_were_made_of(way):
    dummies = dummies_of(way)
    one_hot = proposed(list(dummies), dummies)
    assert list(one_hot) == CHOICES
    whole = with_choices(dummies, one_hot)
    pd.testing.assert_frame_equal(whole[list(RAW)].astype(object), RAW.astype(object))
    made = DummyColumns(one_hot, list(dummies)).transform(whole)
    pd.testing.assert_frame_equal(made.astype(float), dummies.astype(float))


def test_where_the_first_was_dropped_the_level_without_a_column_is_another():
    dummies = dummies_of(drop_first=True)
    one_hot = proposed(list(dummies), dummies)
    assert one_hot["plan"] == {"b": "plan_b", "c": "plan_c", "other": None}
    # One column alone is a switch: nothing says what it is a dummy of.
    assert list(one_hot) == ["city", "month", "plan"]
    made = DummyColumns(one_hot, list(dummies)).transform(with_choices(dummies, one_hot))
    pd.testing.assert_frame_equal(made.astype(float), dummies.astype(float))


def test_a_dummy_of_a_missing_value_is_that():
    plans = RAW.plan.where(RAW.plan != "a")
    dummies = pd.get_dummies(pd.DataFrame({"plan": plans}), dummy_na=True)
    one_hot = proposed(list(dummies), dummies)
    assert one_hot == {"plan": {"b": "plan_b", "c": "plan_c", "": "plan_nan"}}
    assert with_choices(dummies, one_hot)["plan"].isna().sum() == plans.isna().sum()


def test_names_that_lightgbm_made_simple_are_those_of_the_data():
    dummies = dummies_of()
    names = [name.replace(" ", "_") for name in dummies]
    one_hot = proposed(names, dummies)
    assert one_hot["city"]["New_York"] == "city_New_York"
    assert {*with_choices(dummies, one_hot)} == {*RAW}


@pytest.mark.parametrize(
    "columns",
    [
        {"has_car": [0, 1, 1, 0] * 20, "has_house": [0, 1, 0, 1] * 20},
        # Never both, but so few of them that this says nothing.
        {"ill_flu": [1, *[0] * 79], "ill_cold": [0, 1, *[0] * 78]},
        {"x1": [0, 1] * 40, "x2": [1, 0] * 40},
        {"n_a": [0, 1] * 40, "n_b": [2, 0] * 40},
        {"n_a": [0, 1] * 40, "n_b": [1, None] * 40},
        {"n_a": [0, 1, 1], "n_b": [1, 0, 0]},
        # What the choice would be called is a column already.
        {"plan_a": [0, 1] * 40, "plan_b": [1, 0] * 40, "plan": [1, 2] * 40},
    ],
)
def test_what_only_looks_alike_is_no_choice(columns):
    data = pd.DataFrame(columns)
    assert proposed(list(data), data) == {}


def test_a_row_that_is_none_of_a_choice_that_a_notebook_names_is_named():
    data = pd.DataFrame({"plan_a": [0, 1], "plan_b": [1, 1]})
    with pytest.raises(UserError, match='In row 2 of the data, plan is 1 in "plan_a" and "plan_b"'):
        with_choices(data, {"plan": {"a": "plan_a", "b": "plan_b"}})


@pytest.mark.parametrize("other", [{}, {"d": None}])
def test_a_row_that_may_be_1_in_a_column_that_the_data_lacks_is_named(other):
    one_hot = {"plan": {"a": "plan_a", "b": "plan_b", "c": "plan_c"} | other}
    data = pd.DataFrame({"plan_a": [0, 1, 0], "plan_b": [1, 0, 0]})
    with pytest.raises(UserError, match=r'In row 3 .* which has no "plan_c"; expected'):
        with_choices(data, one_hot)
    assert [*with_choices(data[:2], one_hot)["plan"]] == ["b", "a"]


@pytest.fixture
def brought(tmp_path, empty_folder, monkeypatch):
    """A model of dummies with names, one without, its columns, and the table of dummies."""
    monkeypatch.chdir(tmp_path)
    dummies = dummies_of()
    own = LogisticRegression(max_iter=5000).fit(dummies, Y)
    bare = LogisticRegression(max_iter=5000).fit(dummies.to_numpy(float), Y)
    for content, name in ((own, "model.joblib"), (bare, "bare.joblib"), (list(dummies), "c.pkl")):
        joblib.dump(content, name)
    dummies.assign(y=Y).to_csv("dummies.csv", index=False)
    return own, dummies


ADD = ["--data", "dummies.csv", "--target", "y", "--name", "m"]


@pytest.mark.parametrize(
    "model", [["model.joblib"], ["bare.joblib"], ["bare.joblib", "--columns", "c.pkl"]]
)
def test_a_table_of_dummies_ends_with_one_choice_each(run, brought, empty_folder, model):
    own, dummies = brought
    code, _, said = run("add", *model, *ADD, "--yes")
    assert code == 0, said
    assert "city: Bonn, New York and Ulm\n" in said
    card = Registry(empty_folder).card("m")
    assert {*card.case_schema.names} == {*RAW}
    assert card.case_schema["month"].values == tuple(range(1, 13))
    assert not card.findings
    for table in (RAW, dummies):
        table.to_csv("new.csv", index=False)
        code, _, said = run("score", "new.csv", "-o", "out.csv", "--model", "m")
        assert code == 0, said
        scored = pd.read_csv("out.csv")
        assert scored["prediction"].tolist() == own.predict(dummies).tolist()
        shares = own.predict_proba(dummies).max(axis=1)
        np.testing.assert_allclose(scored["confidence"], shares, rtol=1e-9)


def test_a_choice_that_was_proposed_wrongly_is_left_apart(run, brought, empty_folder):
    code, _, said = run("add", "model.joblib", *ADD, "--yes")
    assert "If one is not, say --switches city." in said
    code, _, said = run("add", "model.joblib", *ADD, "--yes", "--switches", "city")
    assert code == 0, said
    schema = Registry(empty_folder).card("m/2").case_schema
    assert schema["city_Ulm"].kind == "boolean"
    assert schema["plan"].values == ("a", "b", "c")
    code, _, said = run("add", "model.joblib", *ADD, "--yes", "--switches", "plans")
    assert code == 2
    assert 'Did you mean "plan"?' in said


@pytest.mark.slow
def test_on_a_terminal_the_choices_are_a_question(brought, tmp_path):
    """Each is asked for where not all are right, and what the level without a column is called."""
    frame = dummies_of(drop_first=True)
    joblib.dump(LogisticRegression(max_iter=5000).fit(frame, Y), "model.joblib")
    frame.assign(y=Y).to_csv("dummies.csv", index=False)
    # To load it; not all; city, not month, plan; two levels; three texts.
    answers = "y\nn\ny\nn\ny\nBonn\na\n\n\n\n"
    code, _, said = on_a_terminal(["add", "model.joblib", *ADD], answers, tmp_path)
    assert code == 0, said
    card = Registry(os.environ["MODEL_DIR"]).card("m")
    assert card.one_hot["plan"] == {"b": "plan_b", "c": "plan_c", "a": None}
    assert card.case_schema["city"].values == ("Bonn", "New York", "Ulm")
    assert "month_2" in card.case_schema.names


def test_names_that_differ_in_marks_are_the_same_decision_as_of_score(run, brought, empty_folder):
    _, dummies = brought
    table = dummies.rename(columns={"age": "Age ", "city_Ulm": "City_ulm"})
    table.assign(y=Y).to_csv("dummies.csv", index=False)
    code, _, said = run("add", "model.joblib", *ADD, "--yes")
    assert code == 1
    assert 'the names of 2 columns otherwise than the model: "Age " for "age"' in said
    (way,) = [line for line in said.splitlines() if "--alike-ok" in line]
    assert way == "Read them so: add --alike-ok"
    code, out, said = run("add", "model.joblib", *ADD, "--yes", "--alike-ok")
    assert code == 0, said
    assert 'Read "Age " as "age"' in out
    card = Registry(empty_folder).card("m")
    assert not card.findings
    assert card.case_schema["city"].values == ("Bonn", "New York", "Ulm")


def test_a_pickled_frame_meets_the_same_two_decisions(run, brought, empty_folder):
    own, dummies = brought
    dummies.rename(columns={"age": "Age "}).assign(y=Y).to_pickle("df.pkl")
    command = ["add", "model.joblib", "--data", "df.pkl", "--target", "y", "--name", "m", "--yes"]
    code, _, said = run(*command)
    assert code == 1
    assert 'df.pkl writes the names of 1 column otherwise than the model: "Age " for "age"' in said
    assert "Read it so: add --alike-ok\n" in said
    code, out, said = run(*command, "--alike-ok")
    assert code == 0, said
    assert 'Read "Age " as "age".' in out
    model = Registry(empty_folder).load("m")
    assert model.card.case_schema["city"].values == ("Bonn", "New York", "Ulm")
    assert model.predict(RAW)["value"].tolist() == own.predict(dummies).tolist()
