"""One-hot dummies as the one column that people know: ``city`` for ``city_A`` and ``city_B``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from second_opinion.models.describe.input_form import names_of
from second_opinion.records.value import plain, typed_text

if TYPE_CHECKING:
    import pandas as pd

# For each column the dummy of each level, by the level's text; None for one without a dummy. The
# empty text is a missing value.
OneHot = Mapping[str, Mapping[str, str | None]]


class DummyColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Puts dummies, 0 or 1, where an estimator was trained on them, as ``pandas.get_dummies`` does.

    ``one_hot`` is the card's; ``names`` are the estimator's columns in its order. A level that has
    no dummy is 0 in each of the column's dummies.
    """

    def __init__(self, one_hot: OneHot, names: Sequence[str]) -> None:
        self.one_hot = one_hot
        self.names = names

    def fit(self, X: Any = None, y: Any = None) -> DummyColumns:
        """Nothing is learned."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def n_features_in_(self) -> int:
        """How many columns people fill in."""
        return len(self.feature_names_in_)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The columns that people fill in; one stands where the first of its dummies would."""
        column_of = {
            dummy: column for column, dummies in self.one_hot.items() for dummy in dummies.values()
        }
        names = dict.fromkeys(column_of.get(name, name) for name in self.names)
        return np.array(list(names), dtype=object)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The frame with its dummies, in the estimator's order."""
        import pandas as pd

        dummies = {}
        for column, dummy_of in self.one_hot.items():
            codes, levels = pd.factorize(X[column])
            texts = [typed_text(plain(level)) for level in levels]
            for code, text in [*enumerate(texts), (-1, "")]:
                dummy = dummy_of.get(text)
                if dummy is not None:
                    dummies[dummy] = (codes == code).astype("float64")
        zeros = np.zeros(len(X))
        columns = {name: X[name] if name in X else dummies.get(name, zeros) for name in self.names}
        return pd.DataFrame(columns, index=X.index, copy=False)


def with_dummies(estimator: Any, one_hot: OneHot) -> Pipeline:
    """The estimator with a first step that makes its dummies."""
    step = DummyColumns(one_hot, names_of(estimator) or ())
    return Pipeline([("one_hot", step), ("model", estimator)])
