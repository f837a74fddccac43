"""What the rows of a file hold that the model has not seen in its training, field by field."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from second_opinion.formatting import joined, plural, quoted
from second_opinion.models.unlike_training import outside_training, unseen_and_missing
from second_opinion.records.value import plain
from second_opinion.schema import Feature, Schema

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 3
# Different values of one field that are counted; a column of names could have one in each row.
MOST_VALUES = 1000


class UnfamiliarValues:
    """Counted chunk by chunk as a file is checked, by the rule of the flags of its answers."""

    def __init__(self, schema: Schema) -> None:
        listed = [feature for feature in schema if feature.kind_of.choices == "list"]
        ranged = [
            feature
            for feature in schema
            if feature.kind_of.choices != "list" and None not in (feature.min, feature.max)
        ]
        self._fields: list[UnseenValues | OutsideValues] = [
            *map(UnseenValues, listed),
            *map(OutsideValues, ranged),
        ]

    def add(self, cases: pd.DataFrame) -> None:
        """Count the good rows of a chunk, as `Schema.frame` gives them."""
        for field in self._fields:
            field.add(cases[field.feature.name])

    @property
    def sentences(self) -> list[str]:
        """One for each field that has any, those with values never seen first."""
        return [field.sentence for field in self._fields if field.rows]


class UnseenValues:
    """The values of a field that are not among its choices, with the rows that hold them."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.rows = 0
        self._counts: Counter[Any] = Counter()
        self._is_cut = False

    def add(self, column: pd.Series[Any]) -> None:
        """Count the values of some rows."""
        unseen, _ = unseen_and_missing(column, self.feature.index)
        self.rows += int(unseen.sum())
        self._counts.update(plain(value) for value in column[unseen].tolist())
        if len(self._counts) > MOST_VALUES:
            self._counts = Counter(dict(self._counts.most_common(MOST_VALUES)))
            self._is_cut = True

    @property
    def sentence(self) -> str:
        """``Contract: "montly" in 3 rows; did you mean "monthly"?``"""
        label, values = self.feature.label, self._counts.most_common(EXAMPLES)
        if len(self._counts) == 1:
            ((value, count),) = values
            near = self._near(value)
            return f"{label}: {_in_rows(value, count)}" + (f"; {near}?" if near else ".")
        over = "over " if self._is_cut else ""
        examples = [self._example(value, count) for value, count in values]
        more = len(self._counts) - len(examples)
        listed = [*examples, f"{over}{more:,} more"] if more else examples
        return (
            f"{label}: {over}{plural(len(self._counts), 'value')} in {plural(self.rows, 'row')}, "
            f"{joined(listed)}."
        )

    def _example(self, value: Any, count: int) -> str:
        near = self._near(value)
        return _in_rows(value, count) + (f" ({near}?)" if near else "")

    def _near(self, value: Any) -> str:
        near = self.feature.index.nearest(value)
        return "" if near is None else f"did you mean {quoted(near)}"


class OutsideValues:
    """The values of a field outside its training range: how many rows, and how far they go."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.rows = 0
        self._ends: list[Any] = []

    def add(self, column: pd.Series[Any]) -> None:
        """Count the values of some rows."""
        outside = outside_training(column, self.feature)
        values = column[outside]
        if len(values):
            self.rows += len(values)
            ends = [*self._ends, values.min(), values.max()]
            self._ends = [min(ends), max(ends)]

    @property
    def sentence(self) -> str:
        """``Age: 140 years in 1 row, outside the training cases (18 to 90 years).``"""
        feature = self.feature
        low, high = (feature.text(feature.read(end)[0]) for end in self._ends)
        span = low if low == high else f"from {low} to {high}"
        limits = f"{feature.text(feature.min, unit=False)} to {feature.text(feature.max)}"
        return (
            f"{feature.label}: {span} in {plural(self.rows, 'row')}, outside the training cases "
            f"({limits})."
        )


def _in_rows(value: Any, count: int) -> str:
    return f"{quoted(value)} in {plural(count, 'row')}"
