"""Steps of a pipeline that was joined from parts: each takes its columns of a frame by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    import pandas as pd


class _ByName(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Takes a frame of these names, and has learned nothing itself."""

    names: Sequence[str]

    def fit(self, X: Any = None, y: Any = None) -> _ByName:
        """Nothing is learned."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the columns, in order."""
        return np.array(list(self.names), dtype=object)

    @property
    def n_features_in_(self) -> int:
        """How many columns it takes."""
        return len(self.names)


class OnColumns(_ByName):
    """A fitted step on some columns of a frame; the others pass as they are.

    ``step`` gets ``columns``, as a frame if it was fitted on one, else as an array. ``results`` are
    the names of what it gives: in place where they are the same names of some columns, else behind
    the others.
    ``as_text``: it was fitted on the texts of what are numbers in a file.
    """

    def __init__(
        self,
        step: Any,
        columns: Sequence[str],
        results: Sequence[str],
        names: Sequence[str],
        as_text: bool = False,
    ) -> None:
        self.step = step
        self.columns = columns
        self.results = results
        self.names = names
        self.as_text = as_text

    @property
    def names_out(self) -> list[str]:
        """The names of the columns that come out, in order."""
        others = [name for name in self.names if name not in self.columns]
        if others and list(self.results) == list(self.columns):
            return list(self.names)
        return others + list(self.results)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The frame with the step's results."""
        import pandas as pd

        cases = X[list(self.columns)]
        if self.as_text:
            cases = cases.astype(str)
        is_named = hasattr(self.step, "feature_names_in_")
        cells = self.step.transform(cases if is_named else cases.to_numpy())
        cells = cells.toarray() if hasattr(cells, "toarray") else cells
        if isinstance(cells, pd.DataFrame):
            results = cells.set_axis(list(self.results), axis=1)
        else:
            results = pd.DataFrame(cells, X.index, list(self.results))
        others = X.drop(columns=list(self.columns))
        return pd.concat([others, results], axis=1)[self.names_out]


class InOrder(_ByName):
    """The columns that a model was trained on, in its order: as a frame, or as an array."""

    def __init__(self, names: Sequence[str], form: Literal["frame", "array"] = "frame") -> None:
        self.names = names
        self.form = form

    @property
    def names_out(self) -> list[str]:
        """The names of the columns that come out, in order."""
        return list(self.names)

    def transform(self, X: pd.DataFrame) -> Any:
        """The columns in order."""
        frame = X[list(self.names)]
        return frame.to_numpy() if self.form == "array" else frame


class Renamed(_ByName):
    """Columns under the names that a model was trained on, by their place."""

    def __init__(self, names: Sequence[str], results: Sequence[str]) -> None:
        self.names = names
        self.results = results

    @property
    def names_out(self) -> list[str]:
        """The names of the columns that come out, in order."""
        return list(self.results)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The frame under its new names."""
        return X[list(self.names)].set_axis(list(self.results), axis=1)
