"""A card with its loaded estimator: cases in, predictions out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models import card_flags
from second_opinion.models.card import ModelCard
from second_opinion.records.alone import ALONE, alone
from second_opinion.records.prediction import Prediction, Source
from second_opinion.records.value import plain, same_value

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from second_opinion.schema import Cases

# Histogram boosting starts a thread a core even for one row, which on a busy machine costs a
# hundred times the prediction itself.
SMALL = 64

# So many marks fit into a whole number of 64 bits beside a count of rows.
MARKS_AT_ONCE = 24


class NoAnswerError(UserError):
    """The model answered, but gave nothing that can be used for the cases at ``rows``."""

    def __init__(self, message: str, rows: np.ndarray) -> None:
        super().__init__(message)
        self.rows = rows


@dataclass(frozen=True)
class Answers:
    """What a model says of many cases, column by column.

    ``values``: a class value or a number per case, in the dtype that the estimator answered in.
    ``confidence``: 0 to 1 per case; None for regression and where the model gives none.
    ``probabilities``: cases × classes, in the card's class order, or None.
    ``marks``: for each flag that was raised at all, whether it was raised for each case; in the
    order of the card's features.
    """

    values: np.ndarray
    confidence: np.ndarray | None
    probabilities: np.ndarray | None
    marks: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.values)

    def flags(self) -> list[tuple[str, ...]]:
        """The flags of each case: ``("out_of_range:age", "low_confidence")``."""
        codes, combinations = self._combinations()
        return [combinations[code] for code in codes.tolist()]

    def flags_text(self) -> pa.DictionaryArray:
        """The flags of each case as text with ``;`` between, empty where there are none."""
        import pyarrow as pa

        codes, combinations = self._combinations()
        texts = pa.array([";".join(flags) for flags in combinations], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), texts)

    def _combinations(self) -> tuple[np.ndarray, list[tuple[str, ...]]]:
        """For each case the number of its combination of flags, and the combinations.

        The first combination is no flag at all.
        """
        codes = np.zeros(len(self), dtype=np.int64)
        if not self.marks:
            return codes, [()]
        flagged = np.flatnonzero(np.logical_or.reduce(list(self.marks.values())))
        first, numbers = _distinct([mark[flagged] for mark in self.marks.values()])
        codes[flagged] = numbers + 1
        return codes, [(), *(self._raised_at(row) for row in flagged[first].tolist())]

    def _raised_at(self, row: int) -> tuple[str, ...]:
        return tuple(flag for flag, mark in self.marks.items() if mark[row])


@dataclass(frozen=True)
class Outputs:
    """What an estimator says of many cases, with nothing checked, marked or flagged.

    ``values``: a class value or a number per case, NaN or None where it gives none.
    ``probabilities``: cases × classes, in the card's class order, or None.
    """

    values: np.ndarray
    probabilities: np.ndarray | None


@dataclass(frozen=True)
class Model:
    """One model version, ready to predict. ``warnings`` stay on the page while it is in use.

    ``alone_from`` is the confidence from which on it may answer alone, where a study said so.
    """

    card: ModelCard
    estimator: Any
    threads: ThreadpoolController
    warnings: tuple[str, ...] = ()
    alone_from: float | None = None

    def predict(self, cases: Cases) -> pd.DataFrame:
        """Predict cases that the schema has read.

        Parameters: a frame or a list of cases with at least the model's columns. Returns a frame
        of as many rows with the cases' index: ``value`` (a class value or a number),
        ``confidence`` (0 to 1; None for regression and where the model gives none),
        ``probabilities`` (a tuple in the card's class order, or None) and ``flags`` (a tuple such
        as ``("out_of_range:age",)``); with ``alone_from`` also ``alone``, yes or no.
        `NoAnswerError`, a `UserError`, names the first row without an answer.
        """
        import pandas as pd

        index = cases.index if isinstance(cases, pd.DataFrame) else None
        # Object columns: pandas would turn a None among floats into NaN and a bool class into 0.
        cells = _cells(self.answers(cases))
        if self.alone_from is not None:
            cells[ALONE] = [alone(sure, self.alone_from) for sure in cells["confidence"]]
        return pd.DataFrame(
            {name: pd.Series(column, index=index, dtype="object") for name, column in cells.items()}
        )

    def answers(self, cases: Cases) -> Answers:
        """Predict cases that the schema has read, column by column: one pass, for many cases.

        Takes what `predict` takes, and raises what it raises.
        """
        schema = self.card.case_schema
        arrays = schema.arrays(cases)
        frame = schema.framed(arrays, cases)
        values, shares = self._ask(frame, threads=1 if len(frame) <= SMALL else None)
        self._check(values, len(frame))
        confidence = None if shares is None else self._confidence(values, shares)
        probabilities = None if shares is None else shares[:, self._class_order]
        marks = card_flags.raised(self.card, schema.columns(cases), arrays, confidence)
        return Answers(values, confidence, probabilities, marks)

    def outputs(self, cases: Cases) -> Outputs:
        """The bare outputs for cases that the schema has read, in one call on one thread.

        For variants of a case; `answers` is for cases that somebody asks about.
        """
        values, shares = self._ask(self.card.case_schema.frame(cases), threads=1)
        return Outputs(values, None if shares is None else shares[:, self._class_order])

    def predict_one(
        self,
        inputs: Mapping[str, Any],
        *,
        asked_by: str,
        source: Source,
        id: str,
        alias: str | None = None,
        expert_key: str | None = None,
    ) -> Prediction:
        """One case as a `Prediction`, not stored yet; ``alias`` is what it was asked under."""
        (prediction,) = self.predictions(
            [inputs], [id], asked_by=asked_by, source=source, alias=alias, expert_key=expert_key
        )
        return prediction

    def predictions(
        self,
        cases: Sequence[Mapping[str, Any]],
        ids: Sequence[str],
        *,
        asked_by: str,
        source: Source,
        alias: str | None = None,
        expert_key: str | None = None,
    ) -> list[Prediction]:
        """Each case as a `Prediction` with its id, not stored yet: all are put to the model in one
        call, whose time is shared between them. Raises what `predict` raises."""
        started = time.perf_counter()
        cells = _cells(self.answers(cases))
        milliseconds = (time.perf_counter() - started) * 1000 / len(cases)
        said = (dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True))
        return [
            Prediction(
                id=id,
                model=self.card.name,
                version=self.card.version,
                model_sha256=self.card.artifact.sha256,
                card_sha256=self.card.question_sha256,
                inputs=dict(inputs),
                source=source,
                asked_by=asked_by,
                expert_key=expert_key,
                alias=alias,
                scale=self.card.answer_scale,
                latency_ms=round(milliseconds, 3),
                **answer,
            )
            for inputs, id, answer in zip(cases, ids, said, strict=True)
        ]

    def _ask(
        self, frame: pd.DataFrame, threads: int | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The values, and the probabilities in the estimator's own order of the classes."""

        def cases() -> Any:
            return as_taken(frame, self.card.input)

        with self.threads.limit(limits=threads):
            if not self._has_probabilities:
                return _one_each(self.estimator.predict(cases())), None
            shares = self.estimator.predict_proba(cases())
            if self.card.label_from_probability:
                return self.estimator.classes_[shares.argmax(axis=1)], shares
            return _one_each(self.estimator.predict(cases())), shares

    @property
    def _has_probabilities(self) -> bool:
        return self.card.task != "regression" and hasattr(self.estimator, "predict_proba")

    @property
    def _class_order(self) -> list[int]:
        """For each class of the card, its column in the estimator's probabilities."""
        classes = [plain(value) for value in self.estimator.classes_]
        return [_position(classes, value, self.card) for value in self.card.class_values]

    def _check(self, values: np.ndarray, rows: int) -> None:
        if len(values) != rows:
            raise UserError(
                f"The model {self.card.ref} gave {plural(len(values), 'answer')} for "
                f"{plural(rows, 'case')}; expected one each. Tell the person who added it."
            )
        without = np.flatnonzero(_absent(values))
        if without.size:
            raise NoAnswerError(
                f"The model {self.card.ref} gave no number for row {without[0] + 1}; "
                "expected one. Check that row for unusual values, or tell the person who added "
                "the model.",
                without,
            )

    def _confidence(self, values: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """The probability of the class that was answered, whatever the largest one is."""
        if self.card.label_from_probability:
            return np.asarray(shares.max(axis=1))
        columns = np.full(len(values), -1)
        for column, class_value in enumerate(self.estimator.classes_):
            columns[values == class_value] = column
        strange = np.flatnonzero(columns < 0)
        if strange.size:
            raise NoAnswerError(
                f"The model {self.card.ref} answered {plain(values[strange[0]])!r} for row "
                f"{strange[0] + 1}, which is not among its classes. Tell the person who added it.",
                strange,
            )
        return np.asarray(shares[np.arange(len(values)), columns])


def _distinct(marks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The first case of each combination of marks, and for each case the number of its own."""
    codes = np.zeros(len(marks[0]), dtype=np.int64)
    for at, mark in enumerate(marks):
        if at and at % MARKS_AT_ONCE == 0:
            codes = np.unique(codes, return_inverse=True)[1]
        codes = codes * 2 + mark
    _, first, numbers = np.unique(codes, return_index=True, return_inverse=True)
    return first, numbers


def _cells(answers: Answers) -> dict[str, list[Any]]:
    """Value, confidence, probabilities and flags, a list each with a plain cell for every case."""
    nothing: list[Any] = [None] * len(answers)
    shares, sure = answers.probabilities, answers.confidence
    return {
        "value": [plain(value) for value in answers.values],
        "confidence": nothing if sure is None else sure.tolist(),
        "probabilities": nothing if shares is None else list(map(tuple, shares.tolist())),
        "flags": answers.flags(),
    }


def _one_each(answers: Any) -> np.ndarray:
    """The answers as one column: an estimator that was fitted with a frame of one answers so."""
    values = np.asarray(answers)
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def _absent(values: np.ndarray) -> np.ndarray:
    """Which answers are none: NaN, NaT or None."""
    if values.dtype.kind in "fcmM":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "O":
        return np.array([plain(value) is None for value in values], dtype=bool)
    return np.zeros(len(values), dtype=bool)


def as_taken(frame: pd.DataFrame, form: str) -> Any:
    """Cases as an estimator was trained on them: a ``frame``, an ``array`` or a ``series``."""
    if form == "array":
        return frame.to_numpy()
    # A copy: many a step of somebody's own writes its derived columns into what it is given.
    return frame.iloc[:, 0] if form == "series" else frame.copy()


def _position(classes: list[Any], value: Any, card: ModelCard) -> int:
    for at, candidate in enumerate(classes):
        if same_value(candidate, value):
            return at
    raise UserError(
        f"The card of {card.ref} names the class {value!r}; the model knows "
        f"{', '.join(map(repr, classes))}. Correct the card, or add the model again."
    )
