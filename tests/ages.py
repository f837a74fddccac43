"""What tests need of a scikit-learn or pandas that is newer than those of the oldest set."""

import re

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone

from second_opinion.compatibility import has_text_type

SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


def needs(release, what):
    """Skip what scikit-learn has only from a release on, such as (1, 4)."""
    if release > SKLEARN:
        pytest.skip(f"{what}: from scikit-learn {'.'.join(map(str, release))} on")


def readable(path):
    """A saved model; skips where a newer scikit-learn saved it, which an older one cannot read."""
    saved_by = re.search(rb"_sklearn_version.{1,12}?(\d+)\.(\d+)\.\d", path.read_bytes(), re.S)
    needs(tuple(int(part) for part in saved_by.groups()), f"{path.parent.name} was saved by it")
    return path


def text_series(values, **options):
    """Texts as pandas reads them from a file: with NaN, in its own type where it has one."""
    values = [np.nan if value is None else value for value in values]
    return pd.Series(values, dtype="str" if has_text_type() else "object", **options)


# Each way in which pandas keeps texts with NaN for the missing ones.
TEXT_TYPES = (
    [pd.StringDtype(storage, np.nan) for storage in ("python", "pyarrow")]
    if has_text_type()
    else [np.dtype(object)]
)


class OwnThresholdClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Answers its second class from a threshold on: FixedThresholdClassifier from 1.5 on."""

    def __init__(self, estimator, *, threshold=0.5):
        self.estimator = estimator
        self.threshold = threshold

    def fit(self, X, y):
        """Fit the estimator inside."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict_proba(self, X):
        """What the estimator inside says."""
        return self.estimator_.predict_proba(X)

    def predict(self, X):
        """The second class where its probability reaches the threshold."""
        return self.classes_[(self.predict_proba(X)[:, 1] >= self.threshold).astype(int)]


if SKLEARN >= (1, 5):
    from sklearn.model_selection import FixedThresholdClassifier
else:
    FixedThresholdClassifier = OwnThresholdClassifier
__all__ = ["TEXT_TYPES", "FixedThresholdClassifier", "needs", "readable", "text_series"]
