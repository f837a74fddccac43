"""Importance: what is lost when a feature is shuffled, within its budget."""

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression

from second_opinion.models.describe.importance import drops

RNG = np.random.default_rng(4)
X = pd.DataFrame(RNG.normal(size=(3000, 3)), columns=["much", "little", "nothing"])
SCORE = 3 * X["much"] + X["little"]


class Slow(ClassifierMixin, BaseEstimator):
    """Looks at the first column, a while for each row; keeps count of the rows."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def fit(self, X, y):
        self.classes_, self.rows_ = np.unique(y), []
        return self

    def predict(self, X):
        self.rows_.append(len(X))
        started = time.process_time()
        while time.process_time() - started < self.seconds * len(X):
            pass
        return (np.asarray(X)[:, 0] > 0).astype(int)


@pytest.mark.parametrize("form", ["frame", "array"])
def test_what_counts_more_costs_more_when_it_is_shuffled(form):
    y = pd.Series(np.where(SCORE > 0, "yes", "no"))
    given = X if form == "frame" else X.to_numpy()
    found = drops(LogisticRegression().fit(given, y), X, y, form)
    assert found["much"] > found["little"] > 0.01
    assert abs(found["nothing"]) < 0.01


def test_a_regression_loses_its_share_of_explained_variance():
    """Shuffling a column of a sum costs twice its part of the variance: 9/10 and 1/10 of it."""
    found = drops(LinearRegression().fit(X, SCORE), X, SCORE, "frame")
    assert found["much"] == pytest.approx(2 * 0.9, rel=0.1)
    assert found["little"] == pytest.approx(2 * 0.1, rel=0.2)
    assert found["nothing"] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_on_few_rows_it_is_scikit_learn_s():
    few, y = X[:50], (SCORE[:50] > 0).astype(int)
    fitted = LogisticRegression().fit(few, y)
    theirs = permutation_importance(fitted, few, y, n_repeats=200, random_state=9).importances_mean
    np.testing.assert_allclose(list(drops(fitted, few, y, "frame").values()), theirs, atol=0.06)


def test_the_same_rows_give_the_same_figures():
    y = (SCORE > 0).astype(int)
    fitted = LogisticRegression().fit(X, y)
    assert drops(fitted, X, y, "frame") == drops(fitted, X, y, "frame")


def test_a_slow_model_is_asked_less_and_a_very_slow_one_not_at_all():
    y = (X["much"] > 0).astype(int)
    quick, slow, never = (Slow(seconds).fit(X, y) for seconds in (0.0, 2e-5, 1e-3))
    assert drops(quick, X, y, "frame", seconds=0.3)["much"] > 0.4
    assert set(quick.rows_) == {2000}
    assert drops(slow, X, y, "frame", seconds=0.06)["much"] > 0.4
    assert len(slow.rows_) < len(quick.rows_)
    assert drops(never, X[:300], y[:300], "frame", seconds=0.01) == {}
    assert len(never.rows_) == 1


def test_a_single_feature_needs_no_figure():
    y = (X["much"] > 0).astype(int)
    assert drops(LogisticRegression().fit(X[["much"]], y), X[["much"]], y, "frame") == {}
