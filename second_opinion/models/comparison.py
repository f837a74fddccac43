"""What two versions of a model say of the same cases, side by side.

The first is the one in use, the second the one that may take its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import joined, number_text, plural
from second_opinion.models.card import ModelCard, value_text
from second_opinion.models.comparison_cases import Case
from second_opinion.models.model import Model
from second_opinion.records.value import same_value
from second_opinion.statistics import agreement
from second_opinion.statistics.ratings import Array

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.schema import Schema


BINS = 20
CONFIDENCE_STEPS = 10


@dataclass(frozen=True)
class Pair:
    """The answers of two versions to the cases that both can read, row by row."""

    first: Model
    second: Model
    cases: Sequence[Case]
    at: list[int]
    unread: list[str]
    answers: tuple[pd.DataFrame, pd.DataFrame]

    @classmethod
    def of(cls, first: Model, second: Model, cases: Sequence[Case]) -> Pair:
        """Ask both; `UserError` where their answers are of different kinds."""
        _refuse_other_answers(first.card, second.card)
        one, one_unread = _readable(first.card, cases)
        other, other_unread = _readable(second.card, cases)
        at = sorted(one.keys() & other.keys())
        answers = _answers(first, [one[a] for a in at]), _answers(second, [other[a] for a in at])
        unread = [text for text in (one_unread, other_unread) if text]
        return cls(first, second, cases, at, unread, answers)

    @property
    def cards(self) -> tuple[ModelCard, ModelCard]:
        return self.first.card, self.second.card

    @property
    def names(self) -> tuple[str, str]:
        return f"Version {self.cards[0].version}", f"Version {self.cards[1].version}"

    @property
    def numbers(self) -> bool:
        return self.cards[0].task == "regression"

    @cached_property
    def values(self) -> tuple[list[Any], list[Any]]:
        return self.answers[0]["value"].tolist(), self.answers[1]["value"].tolist()

    def same(self, tolerance: float | None) -> Array:
        """Whether the two say the same of each case."""
        if self.numbers:
            return np.less_equal(self.change, tolerance or 0)
        return np.array([same_value(a, b) for a, b in zip(*self.values, strict=True)], dtype=bool)

    @cached_property
    def change(self) -> Array:
        """How far apart the two are: their numbers, or the probability that changed most."""
        if self.numbers:
            one, other = self.values
            return np.abs(np.subtract(one, other, dtype=float))
        if any(answers["probabilities"].isna().any() for answers in self.answers):
            return np.full(len(self.at), np.nan)
        one_by_class, other_by_class = map(self._probabilities, (0, 1))
        return np.asarray(np.abs(one_by_class - other_by_class).max(axis=1))

    def _probabilities(self, which: int) -> Array:
        """Cases × classes of both cards; 0 for a class that this version does not know."""
        shares = np.array(self.answers[which]["probabilities"].tolist(), dtype=float)
        own = list(self.cards[which].class_values)
        columns = [_index(own, value) for value in self.classes]
        return np.column_stack(
            [shares[:, c] if c is not None else 0 * shares[:, 0] for c in columns]
        )

    @cached_property
    def classes(self) -> list[Any]:
        """The classes of the first card, then those that the second alone knows."""
        classes = list(self.cards[0].class_values)
        new = [v for v in self.cards[1].class_values if _index(classes, v) is None]
        return classes + new

    @cached_property
    def labels(self) -> list[str]:
        """The words for each class, with its value where two of them have the same words."""
        words = [_words(self.cards, value) for value in self.classes]
        twice = {word for word in words if words.count(word) > 1}
        pairs = zip(words, self.classes, strict=True)
        return [f"{word} ({value!r})" if word in twice else word for word, value in pairs]

    @cached_property
    def answer_places(self) -> tuple[Array, Array]:
        """Which class each version answered, as a position in the classes."""
        return self._positions(self.values[0]), self._positions(self.values[1])

    def _positions(self, values: list[Any]) -> Array:
        # By type as well: 1 and True are one key otherwise.
        place = {key: _index(self.classes, key[1]) for key in {(type(v), v) for v in values}}
        return np.array([place[type(value), value] for value in values], dtype=int)

    @property
    def correlation(self) -> float:
        if not self.numbers or any(len(set(values)) < 2 for values in self.values):
            return float("nan")
        return float(np.corrcoef(*self.values)[0, 1])

    @property
    def distribution(self) -> pd.DataFrame:
        if not self.numbers:
            counts = [np.bincount(one, minlength=len(self.labels)) for one in self.answer_places]
            return self._frame(counts, self.labels)
        edges = np.histogram_bin_edges(np.concatenate(self.values), BINS)
        texts = _edge_texts(edges.tolist())
        counts = [np.histogram(values, edges)[0] for values in self.values]
        return self._frame(counts, [f"{a} to {b}" for a, b in pairwise(texts)])

    @property
    def confidences(self) -> pd.DataFrame:
        """Cases by how sure each version was, in steps of 10 %; empty where one does not say."""
        edges = np.linspace(0, 1, CONFIDENCE_STEPS + 1)
        if any(answers["confidence"].isna().any() for answers in self.answers):
            return self._frame([[], []], [])
        counts = [np.histogram(a["confidence"].astype(float), edges)[0] for a in self.answers]
        percents = [f"{round(a * 100)}–{round(b * 100)} %" for a, b in pairwise(edges)]
        # Below the first bar that anybody has there is nothing to see.
        begin = min(int(np.argmax(count > 0)) for count in counts)
        return self._frame([count[begin:] for count in counts], percents[begin:])

    @property
    def crossed(self) -> pd.DataFrame:
        import pandas as pd

        counts = np.zeros((len(self.labels), len(self.labels)), dtype=int)
        np.add.at(counts, self.answer_places, 1)
        return pd.DataFrame(counts, index=self.labels, columns=self.labels)

    def _frame(self, counts: Sequence[Any], index: list[str]) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(dict(zip(self.names, counts, strict=True)), index=index)

    def table(self, rows: Sequence[int], right: Sequence[Any] = ()) -> pd.DataFrame:
        """The cases in these rows with what was said of them; ``right`` is what experts say."""
        import pandas as pd

        def described() -> Iterator[dict[str, Any]]:
            for place, row in enumerate(rows):
                cells: dict[str, Any] = {
                    f"{name} says": value_text(card, values[row])
                    for name, card, values in zip(self.names, self.cards, self.values, strict=True)
                }
                if len(right):
                    cells["Experts say"] = value_text(self.cards[0], right[place])
                elif not np.isnan(self.change[row]):
                    cells["Change"] = round(float(self.change[row]), 4)
                yield {**cells, **self._case(row)}

        return pd.DataFrame(list(described()))

    def _case(self, row: int) -> dict[str, Any]:
        """The fields of a case as people read them: numbers as numbers, all else as text."""
        case = self.cases[self.at[row]]
        fields: dict[str, Any] = {}
        for schema in (card.case_schema for card in self.cards):
            fields |= {f.name: _cell(schema, f.name, case) for f in schema if f.name in case}
        return fields


def _cell(schema: Schema, name: str, case: Case) -> Any:
    feature = schema[name]
    return case[name] if feature.is_numeric else feature.text(case[name])


def _answers(model: Model, inputs: Sequence[Case]) -> pd.DataFrame:
    import pandas as pd

    if not inputs:
        return pd.DataFrame(columns=["value", "confidence", "probabilities"], dtype="object")
    return model.predict(inputs)


def _refuse_other_answers(first: ModelCard, second: ModelCard) -> None:
    if first.task != second.task:
        raise UserError(
            f"{first.ref} is a {first.task} model and {second.ref} a {second.task} one; expected "
            "the same kind of answer. Choose two versions that answer the same question."
        )


def _readable(card: ModelCard, cases: Sequence[Case]) -> tuple[dict[int, Case], str]:
    """The cases that a version can read, by position, and in words what it cannot read."""
    schema, reasons = card.case_schema, []
    read: dict[int, Case] = {}
    for at, case in enumerate(cases):
        values = {name: case[name] for name in schema.names if name in case}
        inputs, problems = schema.read(values)
        blocking = [problem for problem in problems if problem.blocking]
        if blocking:
            reasons.append(blocking[0])
        else:
            read[at] = inputs
    if not reasons:
        return read, ""
    count = f"{len(reasons):,} of {plural(len(cases), 'case')}"
    return read, f"version {card.version} cannot read {count} ({reasons[0]})"


def _index(values: Sequence[Any], value: Any) -> int | None:
    return next((at for at, one in enumerate(values) if same_value(one, value)), None)


def _edge_texts(edges: list[float]) -> list[str]:
    """The edges in words, with as few digits as tell them apart."""
    for digits in range(3, 17):
        texts = [number_text(float(f"{edge:.{digits}g}")) for edge in edges]
        if len(set(texts)) == len(texts):
            return texts
    return [repr(edge) for edge in edges]


def _words(cards: tuple[ModelCard, ModelCard], value: Any) -> str:
    owner = cards[0] if _index(cards[0].class_values, value) is not None else cards[1]
    return owner.label(value)


MOST_SHOWN = 100


@dataclass(frozen=True)
class Comparison:
    """What two versions said of the same cases.

    ``cases`` counts those that both could read, ``same`` those with the same answer (None for
    numbers without a tolerance), with its Wilson interval ``low`` to ``high``. ``unread`` says in
    sentences what one of them could not read. ``answers`` and ``confidences`` count cases, with a
    column for each version; ``crossed`` has the first version's answers as rows and the second's
    as columns (None for numbers). ``differing`` shows the first 100 of ``different`` cases, the
    largest change first. ``mean_change`` is that of the number, or of the probability that changed
    most; NaN without probabilities. ``correlation`` is of numbers alone.
    """

    cases: int
    unread: tuple[str, ...]
    same: int | None
    low: float
    high: float
    mean_change: float
    correlation: float
    answers: pd.DataFrame
    confidences: pd.DataFrame
    crossed: pd.DataFrame | None
    different: int
    differing: pd.DataFrame


def compare(
    first: Model, second: Model, cases: Sequence[Case], tolerance: float | None = None
) -> Comparison:
    """Let both versions predict the cases. Numbers within ``tolerance`` of each other are the same.

    `UserError` where their answers are of different kinds, or neither could read a case.
    """
    pair = Pair.of(first, second, cases)
    if not pair.at:
        raise UserError(
            f"No case can be read by both: {joined(pair.unread)}. Compare them on other cases."
        )
    same = pair.same(tolerance)
    same_count = None if pair.numbers and tolerance is None else int(same.sum())
    low, high = (np.nan, np.nan) if same_count is None else agreement.wilson(same_count, len(same))
    largest_first = np.argsort(-np.nan_to_num(pair.change), kind="stable")
    differing_rows = [int(at) for at in largest_first if not same[at]]
    return Comparison(
        cases=len(pair.at),
        unread=tuple(pair.unread),
        same=same_count,
        low=low,
        high=high,
        mean_change=float(np.mean(pair.change)),
        correlation=pair.correlation,
        answers=pair.distribution,
        confidences=pair.confidences,
        crossed=None if pair.numbers else pair.crossed,
        different=len(differing_rows),
        differing=pair.table(differing_rows[:MOST_SHOWN]),
    )
