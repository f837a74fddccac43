"""The values of JSON cases as texts that mean the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from second_opinion.formatting import quoted
from second_opinion.records.dialect import CellKind
from second_opinion.records.feature_kinds import LARGEST_EXACT_INTEGER
from second_opinion.records.value import same_value, text_of
from second_opinion.schema import Feature, Schema
from second_opinion.tables.parse_cell import cell_reader, is_missing
from second_opinion.tables.split_rows import split_typed
from second_opinion.tables.table_file import CellFault, Chunk, Limits, Look

# Python refuses to read whole numbers of more digits than about this.
MOST_DIGITS = 4_000
MOST_EXACT = 16


class WrittenNumber(float):
    """A JSON number that a float does not hold to the digit, with the text that it was."""

    text: str

    @classmethod
    def of(cls, text: str) -> WrittenNumber:
        """The nearest float, infinite beyond the largest, and the text."""
        number = cls(text)
        number.text = text
        return number


def fraction(text: str) -> float:
    """A JSON number with a point or an exponent."""
    value = float(text)
    # So many letters hold at most fifteen digits, and those come back from a float.
    if len(text) <= MOST_EXACT and value not in (math.inf, -math.inf):
        return value
    same = math.isfinite(value) and Decimal(text) == Decimal(repr(value))
    return value if same else WrittenNumber.of(text)


def whole(text: str) -> int | float:
    """A JSON number without a point, of any length."""
    return int(text) if len(text) < MOST_DIGITS else WrittenNumber.of(text)


def chunk_of(
    cases: Mapping[int, Mapping[str, Any]],
    look: Look,
    schema: Schema,
    limits: Limits,
    bytes_read: int,
) -> Chunk:
    """Some cases by their numbers, as text; each value is checked in the kind that JSON gave it.

    A number is no text and a text no number here, as in the JSON of the form.
    """
    faults: list[CellFault] = []
    columns = {}
    field_of = {name: field for field, name in look.renamed}
    for name in look.columns:
        field = field_of.get(name, name)
        values = [case.get(field) for case in cases.values()]
        feature = schema[name] if name in schema.names else None
        reader = _Cells(name, feature)
        columns[name] = pa.array([reader.read(v, row) for row, v in enumerate(values)], pa.string())
        faults += reader.faults
    lines = np.fromiter(cases, np.int64, len(cases))
    return split_typed(pa.table(columns), lines, schema, limits, bytes_read, faults)


def cell_text(value: Any) -> str | None:
    """A JSON value as it would stand in a CSV cell; None for null."""
    if value is None:
        return None
    if isinstance(value, WrittenNumber):
        return value.text
    return quoted(value) if isinstance(value, (list, dict)) else text_of(value)


def cell_kind(value: Any) -> CellKind:
    """What a JSON value that is not null is; a list or an object is text in a cell."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, (int, float)) else "text"


class _Cells:
    """Reads the values of one field."""

    def __init__(self, name: str, feature: Feature | None) -> None:
        self.name, self.feature = name, feature
        self.faults: list[CellFault] = []
        by_text = feature is not None and feature.kind_of.choices != "none"
        self._read_back = cell_reader(feature) if by_text and feature else None
        self._known: dict[tuple[type, Any], str] = {}

    def read(self, value: Any, row: int) -> str | None:
        """The text of a value; a fault is kept for what cannot be read."""
        if value is None:
            return None
        kind = type(value)
        if kind in (float, int) and self._takes_numbers and abs(value) < LARGEST_EXACT_INTEGER:
            return repr(value)
        if self._read_back is None or kind in (dict, list, WrittenNumber):
            return self._read(value, row)
        # What a category or a boolean may be comes again and again; 1, 1.0 and true are equal.
        known_text = self._known.get((kind, value))
        if known_text is not None:
            return known_text
        faults = len(self.faults)
        text = self._read(value, row)
        if len(self.faults) == faults:
            self._known[kind, value] = text
        return text

    @property
    def _takes_numbers(self) -> bool:
        return self.feature is None or self.feature.kind_of.column == "numbers"

    def _read(self, value: Any, row: int) -> str:
        text = cell_text(value) or ""
        fault = self._shape_wrong(value, text)
        feature = self.feature
        # The card's list of texts that mean missing holds for files, so not for the form's JSON.
        if fault is None and feature is not None and not _is_missing(value, feature):
            text, fault = self._as_feature(feature, value, text)
        if fault is not None:
            self.faults.append(CellFault(row, self.name, *fault))
        return text.encode("utf-8", "replace").decode()

    def _shape_wrong(self, value: Any, text: str) -> tuple[str, str] | None:
        if not isinstance(value, (str, bool, int, float)):
            return f"is {quoted(value)}", "expected one value, not several"
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            return "has a character that cannot be stored", "expected text in UTF-8"
        return None

    def _as_feature(
        self, feature: Feature, value: Any, text: str
    ) -> tuple[str, tuple[str, str] | None]:
        if isinstance(value, WrittenNumber) and feature.kind_of.column == "numbers":
            # Read like a cell of any other table.
            return text, None
        clean, problem = feature.read(value)
        if problem is not None and problem.blocking:
            return text, (problem.found, problem.expected)
        if self._read_back is None:
            cell = feature.kind_of.cell
            return (cell(clean) if cell else text), None
        text = text_of(clean)
        back, refused = self._read_back(text)
        if (refused is None or not refused.blocking) and same_value(back, clean):
            return text, None
        return text, (f"is {quoted(value)}", "which a table of texts cannot tell from another")


def _is_missing(value: Any, feature: Feature) -> bool:
    return isinstance(value, str) and is_missing(value, feature)
