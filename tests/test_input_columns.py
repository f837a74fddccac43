"""Which columns of the data a model takes, and what is said where they do not fit."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from second_opinion import Registry, UserError
from second_opinion.compatibility import dtype_name
from second_opinion.models.describe.input_columns import aligned, features_of, inputs_of

X = np.arange(12.0).reshape(-1, 1)
Y = np.array([0, 1] * 6)
FRAME = pd.DataFrame({"age": X[:, 0], "income": X[::-1, 0]})
NOTES = pd.Series(["warm and dry", "cold and wet"] * 6, name="note")
WORDS = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(NOTES, Y)


def lengths(cases):
    """A step that wants texts, and says so to nobody."""
    return cases.assign(age=cases["age"].str.len())


class Mute(ClassifierMixin, BaseEstimator):
    """A classifier that does not say what it takes."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_columns_are_taken_in_the_order_of_the_training():
    fitted = LinearRegression().fit(FRAME, Y)
    shuffled = FRAME.assign(note="x", left=Y)[["left", "income", "note", "age"]]
    assert list(features_of(fitted, shuffled, "left")) == ["age", "income"]


@pytest.mark.parametrize(
    ("renamed", "said"),
    [
        ({"age": "Age "}, "no column 'age' that .* Is it the column 'Age '. Rename it"),
        ({"age": "birthday"}, "no column 'age' that the model was trained on. Add the column"),
        ({"age": "x", "income": "y"}, r"no column 'age' \(nor 1 other\)"),
    ],
)
def test_a_missing_column_is_named_with_the_nearest(renamed, said):
    fitted = LinearRegression().fit(FRAME, Y)
    with pytest.raises(UserError, match=said):
        features_of(fitted, FRAME.rename(columns=renamed), "left")


def test_the_target_cannot_be_an_input():
    with pytest.raises(UserError, match="trained with 'age' as an input"):
        features_of(LinearRegression().fit(FRAME, Y), FRAME, "age")


def test_a_model_without_names_needs_exactly_its_columns():
    fitted = LinearRegression().fit(X, Y)
    with pytest.raises(UserError, match=r"has 2 columns beside the target; .* on 1 without"):
        features_of(fitted, FRAME.assign(left=Y), "left")
    assert list(features_of(fitted, pd.DataFrame({7: Y, "left": Y}), "left")) == ["7"]


@pytest.mark.parametrize(
    ("cases", "outcomes", "said"),
    [
        (FRAME[:0], Y[:0], "The data has no rows"),
        (FRAME, Y[:-1], "12 rows and 11 outcomes; expected one each"),
        (np.empty((0, 3)), None, "The data has no rows"),
    ],
)
def test_cases_and_outcomes_must_pair_up(cases, outcomes, said):
    with pytest.raises(UserError, match=said):
        aligned(cases, outcomes)


@pytest.mark.parametrize("extra", ["id", "note"])
def test_a_column_beside_is_not_taken(extra):
    fitted = LinearRegression().fit(FRAME, Y)
    data = FRAME.assign(**{extra: "R1", "left": Y})
    assert list(features_of(fitted, data, "left")) == ["age", "income"]


def test_a_column_that_no_step_takes_is_left_out_if_the_model_does_without_it():
    chosen = make_column_transformer((StandardScaler(), ["age"]))
    data = FRAME.assign(left=Y)
    fitted = make_pipeline(chosen, LinearRegression()).fit(FRAME, Y)
    assert list(features_of(fitted, data, "left")) == ["age"]
    assert inputs_of(fitted) == ["age"]
    named = FunctionTransformer(lambda cases: cases[["income", "age"]])
    strict = make_pipeline(named, chosen, LinearRegression()).fit(FRAME, Y)
    assert "age" in features_of(strict, FRAME.assign(left=Y).rename(columns=str), "left")


@pytest.mark.parametrize("others", [{}, {"id": range(12)}, {"id": range(12), "size": X[:, 0]}])
def test_a_model_of_texts_takes_the_one_column_of_texts(others):
    data = NOTES.to_frame().assign(**others, left=Y)
    assert list(features_of(WORDS, data, "left")) == ["note"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"note": NOTES, "title": NOTES}, 'beside the target are "note" and "title"'),
        ({"a": Y, "b": Y}, "beside the target are none. Give it the one"),
    ],
)
def test_a_model_of_texts_cannot_choose_among_several(data, said):
    with pytest.raises(UserError, match=said):
        features_of(WORDS, pd.DataFrame(data).assign(left=Y), "left")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (np.eye(12, 3), ["x0", "x1", "x2"]),
        (NOTES, ["note"]),
        (list(NOTES), ["text"]),
        (pd.Series(["a"] * 12), ["text"]),
        (FRAME, ["age", "income"]),
    ],
)
def test_arrays_and_texts_become_columns(given, names):
    cases, outcomes = aligned(given, Y)
    assert list(cases) == names
    assert outcomes.tolist() == Y.tolist()


def test_an_array_of_objects_has_columns_of_their_own_types():
    cases, _ = aligned(np.array([[1.5, "a"], [2.5, "b"]], dtype=object), None)
    assert {name: dtype_name(cases[name]) for name in cases} == {"x0": "float64", "x1": "str"}


@pytest.mark.parametrize(
    ("fitted", "names"),
    [
        (LinearRegression().fit(FRAME, Y), ["age", "income"]),
        (LinearRegression().fit(FRAME.to_numpy(), Y), ["x0", "x1"]),
        (WORDS, ["text"]),
    ],
)
def test_a_model_names_its_inputs_itself(fitted, names):
    assert inputs_of(fitted) == names


def test_a_model_that_does_not_say_what_it_takes_needs_data(tmp_path):
    mute, registry = Mute().fit(FRAME, Y), Registry(tmp_path / "model")
    with pytest.raises(UserError, match=r"The Mute does not say which inputs it takes; .* --data"):
        registry.add(mute, name="mute")
    assert not (tmp_path / "model" / "mute").exists()
    assert registry.add(mute, FRAME, Y, name="mute").case_schema.names == ["age", "income"]


def test_a_model_without_data_that_cannot_answer_a_made_up_case_leaves_nothing(tmp_path):
    registry = Registry(tmp_path / "model")
    upper = FunctionTransformer(lengths)
    fitted = make_pipeline(upper, LinearRegression())
    fitted.fit(FRAME.astype(str).assign(income=1.0), Y)
    with pytest.raises(UserError, match="The Pipeline cannot predict a typical case"):
        registry.add(fitted, name="lost")
    assert not (tmp_path / "model" / "lost").exists()


def test_outcomes_without_cases_are_refused(tmp_path):
    registry = Registry(tmp_path / "model")
    for given in ({"y": pd.Series(Y)}, {"reference": "rows"}):
        with pytest.raises(UserError, match="but no cases; expected the data"):
            registry.add(LinearRegression().fit(FRAME, Y), name="lost", **given)


# --- outcomes, twins and sparse cases


@pytest.mark.parametrize(
    "shaped",
    [
        pd.Series.to_frame,
        lambda y: y.to_numpy()[:, None],
        pd.Series.tolist,
        lambda y: y.astype("Float64"),
        lambda y: y.astype(pd.SparseDtype("float64", 0.0)),
    ],
)
def test_outcomes_are_taken_in_each_form_of_one_column(shaped):
    X, y = pd.DataFrame({"a": [1.0, 2.0, 3.0]}), pd.Series([0.5, 1.0, 0.0], name="price")
    _, found = aligned(X, shaped(y))
    assert found.tolist() == y.tolist()


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (pd.DataFrame({"p": [1, 2, 3], "q": [1, 2, 3]}), r"2 columns \(\"p\" and \"q\"\)"),
        (np.ones((3, 2)), "array of 3 × 2"),
    ],
)
def test_outcomes_of_several_columns_are_named(outcomes, said):
    with pytest.raises(UserError, match=said):
        aligned(pd.DataFrame({"a": [1.0, 2.0, 3.0]}), outcomes)


def test_a_column_that_stands_there_twice_is_named_where_the_model_takes_it():
    cases = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 0.0]})
    model = LinearRegression().fit(cases, [1, 2, 3])
    with pytest.raises(UserError, match="2 columns 'a'"):
        features_of(model, pd.concat([cases, cases[["a"]]], axis=1), "y")
    idle = cases[["a"]].set_axis(["idle"], axis=1)
    assert list(features_of(model, pd.concat([cases, idle, idle], axis=1), "y")) == ["a", "b"]


def test_sparse_columns_are_dense_afterwards():
    X = pd.DataFrame({"a": [0.0, 0.0, 4.0], "b": [0, 1, 0]}).astype(pd.SparseDtype("float64", 0.0))
    model = LinearRegression().fit(X, [1, 2, 3])
    assert features_of(model, X, "y").dtypes.astype(str).tolist() == ["float64", "float64"]
    cases, _ = aligned(sparse.csr_matrix(X.to_numpy()), [1, 2, 3])
    assert cases.to_numpy().tolist() == X.to_numpy().tolist()
