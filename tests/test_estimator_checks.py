"""What is accepted as a model, and what is said of everything else."""

import sys

import numpy as np
import pandas as pd
import pytest
from ages import FixedThresholdClassifier
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from second_opinion import UserError
from second_opinion.models.describe.estimator_checks import (
    follows_probabilities,
    keeps_rows,
    outcomes_of,
    refuse_unsaveable,
    task_of,
    third_party,
)

X = np.arange(12.0).reshape(-1, 1)
Y = np.array([0, 1] * 6)


@pytest.mark.parametrize(
    ("estimator", "task"),
    [
        (LogisticRegression().fit(X, Y), "binary"),
        (LogisticRegression().fit(X, Y.astype(str)), "binary"),
        (LogisticRegression().fit(X, [0, 1, 2] * 4), "multiclass"),
        (make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), "binary"),
        (GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2).fit(X, Y), "binary"),
        (FixedThresholdClassifier(LogisticRegression()).fit(X, Y), "binary"),
        (LinearRegression().fit(X, Y), "regression"),
        (make_pipeline(StandardScaler(), LinearRegression()).fit(X, Y), "regression"),
    ],
)
def test_a_trained_classifier_or_regressor_has_a_task(estimator, task):
    assert task_of(estimator) == task


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (StandardScaler().fit(X), "a StandardScaler; expected a trained classifier or regressor"),
        (KMeans(2).fit(X), "a KMeans; expected a trained classifier"),
        (
            IsolationForest(n_estimators=5).fit(X),
            "an IsolationForest; expected a trained classifier",
        ),
        (make_pipeline(StandardScaler()).fit(X), "a Pipeline; expected a trained classifier"),
        (LogisticRegression(), "The LogisticRegression is not trained yet. Call fit"),
        (LinearRegression(), "The LinearRegression is not trained yet"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "The Pipeline is not trained yet"),
        (LogisticRegression, "the class LogisticRegression itself; expected a trained"),
        ({"model": LinearRegression()}, r"a dict with a model at \['model'\]; expected"),
        ([1, LinearRegression()], r"a list with a model at \[1\]; expected"),
        ({"a": 1}, "a dict; expected a trained scikit-learn"),
        (np.eye(2), "a ndarray; expected"),
        (None, "a NoneType; expected"),
        ("model", "a str; expected"),
        (RandomForestClassifier(2).fit(X, np.c_[Y, Y]), "predicts several targets at once"),
        (RandomForestClassifier(2).fit(X, Y * 0), "knows a single class, 0; expected two"),
    ],
)
def test_anything_else_is_refused_with_what_it_is(found, said):
    with pytest.raises(UserError, match=said):
        task_of(found)


@pytest.mark.parametrize(
    ("classes", "outcomes", "expected"),
    [
        ([0, 1], [1, 0], [1, 0]),
        ([0, 1], [1.0, 0.0], [1, 0]),
        (["0", "1"], [1, 0], ["1", "0"]),
        ([0, 1], ["1", "0"], [1, 0]),
        ([False, True], ["True", "False"], [True, False]),
        ([False, True], [True, False], [True, False]),
        (["no", "yes"], ["yes", "perhaps"], ["yes", "perhaps"]),
    ],
)
def test_outcomes_are_read_as_the_model_s_own_classes(classes, outcomes, expected):
    fitted = LogisticRegression().fit(X, np.array(classes)[Y])
    found = outcomes_of(fitted, pd.Series(outcomes, name="left")).tolist()
    assert [(type(value), value) for value in found] == [(type(v), v) for v in expected]


@pytest.mark.parametrize(
    ("estimator", "outcomes", "said"),
    [
        (LogisticRegression().fit(X, Y), ["yes", "no"], '"yes" and "no"; the model knows 0 and 1'),
        (LogisticRegression().fit(X, Y), [0, None], "has no value in 1 of 2 rows"),
        (LinearRegression().fit(X, Y), ["a", "b"], 'holds "a"; expected numbers'),
        (LinearRegression().fit(X, Y), [1.0, None], "has no value in 1 of 2 rows"),
    ],
)
def test_outcomes_of_another_column_are_refused(estimator, outcomes, said):
    with pytest.raises(UserError, match=said):
        outcomes_of(estimator, pd.Series(outcomes, name="left"))


def test_labels_follow_probabilities_unless_a_threshold_says_otherwise():
    plain = LogisticRegression().fit(X, Y > 0)
    assert follows_probabilities(plain, X)
    odd = FixedThresholdClassifier(plain, threshold=0.999).fit(X, Y > 0)
    assert not follows_probabilities(odd, X)
    assert not follows_probabilities(LinearRegression().fit(X, Y), X)


def test_an_answer_for_each_of_several_targets_is_refused():
    several = LinearRegression().fit(X, np.c_[Y, Y])
    with pytest.raises(UserError, match=r"answers of shape \(12, 2\) for 12 rows"):
        follows_probabilities(several, X)


@pytest.mark.parametrize(
    ("estimator", "keeps"),
    [
        (KNeighborsClassifier(1).fit(X, Y), True),
        (make_pipeline(StandardScaler(), KNeighborsClassifier(1)).fit(X, Y), True),
        (GridSearchCV(SVC(), {"C": [1, 2]}, cv=2).fit(X, Y), True),
        (LogisticRegression().fit(X, Y), False),
        (RandomForestClassifier(2).fit(X, Y), False),
    ],
)
def test_a_model_that_holds_training_rows_is_known(estimator, keeps):
    assert keeps_rows(estimator) is keeps


def test_rows_are_found_in_front_of_much_else():
    fitted = KNeighborsClassifier(1).fit(X, Y)
    fitted.ballast_ = np.zeros(100_000)
    assert keeps_rows(fitted)


def test_a_model_that_cannot_be_searched_is_taken_to_hold_rows():
    fitted = LogisticRegression().fit(X, Y)
    fitted.helper_ = lambda: None
    assert keeps_rows(fitted)


def test_what_an_estimator_raises_is_said_in_its_first_line():
    with pytest.raises(UserError) as error, third_party("It cannot predict"):
        raise RuntimeError("Out of luck.\n  and more")
    assert str(error.value).startswith("It cannot predict (RuntimeError: Out of luck). ")
    with pytest.raises(UserError, match=r"^as it is$"), third_party("It cannot predict"):
        raise UserError("as it is")


def test_what_the_app_could_not_load_is_refused(monkeypatch):
    with pytest.raises(UserError, match=r"The Pipeline cannot be saved .*lambda.* as a function"):
        refuse_unsaveable(make_pipeline(FunctionTransformer(lambda rows: rows), SVC()))
    here = type("Mine", (LogisticRegression,), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Mine", here, raising=False)
    with pytest.raises(UserError, match=r"The Mine uses something .* in this notebook or script"):
        refuse_unsaveable(here().fit(X, Y))
    refuse_unsaveable(LogisticRegression().fit(X, Y))
