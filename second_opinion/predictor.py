"""A card with its loaded estimator: cases in, predictions out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

from second_opinion.card import ModelCard
from second_opinion.errors import UserError
from second_opinion.records import Prediction, Source, plain, same_value

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.schema import Cases

# Histogram boosting starts a thread a core even for one row, which on a busy machine costs a
# hundred times the prediction itself.
SMALL = 64


@dataclass(frozen=True)
class Model:
    """One model version, ready to predict. ``warnings`` stay on the page while it is in use."""

    card: ModelCard
    estimator: Any
    threads: ThreadpoolController
    warnings: tuple[str, ...] = ()

    def predict(self, cases: Cases) -> pd.DataFrame:
        """Predict cases that the schema has read.

        Parameters: a frame or a list of cases with at least the model's columns. Returns a frame
        of as many rows with the cases' index: ``value`` (a class value or a number),
        ``confidence`` (0 to 1; None for regression and where the model gives none),
        ``probabilities`` (a tuple in the card's class order, or None) and ``flags`` (a tuple such
        as ``("out_of_range:age",)``). `UserError` names the first row without an answer.
        """
        import pandas as pd

        index = cases.index if isinstance(cases, pd.DataFrame) else None
        # Object columns: pandas would turn a None among floats into NaN and a bool class into 0.
        columns = {
            name: pd.Series(cells, index=index, dtype="object")
            for name, cells in self._answers(cases).items()
        }
        return pd.DataFrame(columns)

    def predict_one(
        self, inputs: Mapping[str, Any], *, asked_by: str, source: Source, id: str
    ) -> Prediction:
        """One case as a `Prediction`, not stored yet."""
        started = time.perf_counter()
        answer = {name: cells[0] for name, cells in self._answers([inputs]).items()}
        return Prediction(
            id=id,
            model=self.card.name,
            version=self.card.version,
            model_sha256=self.card.artifact.sha256,
            card_sha256=self.card.sha256,
            inputs=dict(inputs),
            source=source,
            asked_by=asked_by,
            latency_ms=round((time.perf_counter() - started) * 1000, 3),
            **answer,
        )

    def _answers(self, cases: Cases) -> dict[str, list[Any]]:
        """Value, confidence, probabilities and flags, a list each with a cell for every case."""
        frame = self.card.case_schema.frame(cases)
        found, probabilities = self._ask(frame)
        values = [plain(value) for value in found]
        self._check(values, len(frame))
        confidence = self._confidence(values, probabilities)
        rows = [None] * len(frame) if probabilities is None else map(tuple, probabilities.tolist())
        return {
            "value": values,
            "confidence": confidence,
            "probabilities": list(rows),
            "flags": self._flags(self.card.case_schema.columns(cases), frame, confidence),
        }

    def _ask(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray | None]:
        given = self._given(frame)
        with self.threads.limit(limits=1 if len(frame) <= SMALL else None):
            if not self._has_probabilities:
                return self.estimator.predict(given), None
            probabilities = self.estimator.predict_proba(given)
            if self.card.label_from_probability:
                values = self.estimator.classes_[probabilities.argmax(axis=1)]
            else:
                values = self.estimator.predict(given)
        return values, probabilities[:, self._class_order]

    def _given(self, frame: pd.DataFrame) -> Any:
        if self.card.input == "array":
            return frame.to_numpy()
        return frame.iloc[:, 0] if self.card.input == "series" else frame

    @property
    def _has_probabilities(self) -> bool:
        return self.card.task != "regression" and hasattr(self.estimator, "predict_proba")

    @property
    def _class_order(self) -> list[int]:
        """For each class of the card, its column in the estimator's probabilities."""
        known = [plain(value) for value in self.estimator.classes_]
        return [_position(known, value, self.card) for value in self.card.class_values]

    def _check(self, values: list[Any], rows: int) -> None:
        if len(values) != rows:
            raise UserError(
                f"The model {self.card.ref} gave {len(values)} answers for {rows} cases; expected "
                "one each. Tell the person who added it."
            )
        if None in values:
            raise UserError(
                f"The model {self.card.ref} gave no number for row {values.index(None) + 1}; "
                "expected one. Check that row for unusual values, or tell the person who added "
                "the model."
            )

    def _confidence(
        self, values: list[Any], probabilities: np.ndarray | None
    ) -> list[float | None]:
        if probabilities is None:
            return [None] * len(values)
        column = {value: at for at, value in enumerate(self.card.class_values)}
        at = [column[value] for value in values]
        return list(probabilities[np.arange(len(values)), at].tolist())

    def _flags(
        self,
        columns: Mapping[str, Any],
        frame: pd.DataFrame,
        confidence: list[float | None],
    ) -> list[tuple[str, ...]]:
        import pandas as pd

        marks: dict[str, Any] = {}
        for feature in self.card.features:
            name = feature.name
            missing = pd.isna(columns[name])
            if feature.kind == "category":
                # The typed column will not do: an unseen level of a pandas category is NaN there.
                marks[f"unseen:{name}"] = _unseen(columns[name], feature.values) & ~missing
            elif feature.min is not None and feature.max is not None:
                marks[f"out_of_range:{name}"] = _outside(frame[name], feature.min, feature.max)
            marks[f"missing:{name}"] = missing
        marks["low_confidence"] = np.array([self.card.band(value) == "low" for value in confidence])
        flags: list[list[str]] = [[] for _ in range(len(frame))]
        for flag, mark in marks.items():
            for row in np.flatnonzero(mark):
                flags[row].append(flag)
        return [tuple(row) for row in flags]


def _unseen(values: Any, known: tuple[Any, ...]) -> Any:
    if isinstance(values, list):
        return np.array([value not in known for value in values], dtype=bool)
    return ~values.isin(list(known))


def _outside(column: pd.Series[Any], low: float | str, high: float | str) -> Any:
    cells: Any = column.to_numpy()
    if isinstance(low, str) or isinstance(high, str):
        return (cells < np.datetime64(str(low))) | (cells > np.datetime64(str(high)))
    return (cells < low) | (cells > high)


def _position(known: list[Any], value: Any, card: ModelCard) -> int:
    for at, candidate in enumerate(known):
        if same_value(candidate, value):
            return at
    raise UserError(
        f"The card of {card.ref} names the class {value!r}; the model knows "
        f"{', '.join(map(repr, known))}. Correct the card, or add the model again."
    )
