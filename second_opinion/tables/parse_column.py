"""Columns of text as the model takes them, each cell checked by its feature."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion import compatibility
from second_opinion import schema as schemas
from second_opinion.formatting import quoted
from second_opinion.records.dummies import Dummies
from second_opinion.records.feature_kinds import LARGEST_EXACT_INTEGER
from second_opinion.schema import Feature, Schema
from second_opinion.tables.dummy_cells import level_cells
from second_opinion.tables.parse_cell import (
    cell_reader,
    expected,
    is_missing,
    number_hint,
    texts_for_missing,
)
from second_opinion.tables.plain_numbers import numbers
from second_opinion.tables.table_file import CellFault

Flags = npt.NDArray[np.bool_]

NUMBER = r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
GROUPED = rf"({NUMBER}|[+-]?[0-9]{{1,3}}(THOUSANDS[0-9]{{3}})+(\.[0-9]+)?)"
# Whole numbers of at most fifteen digits are exact in a float, whatever they are.
SAFE_WHOLE = r"[+-]?[0-9]{1,15}(\.0{1,6})?"


@dataclass(frozen=True)
class Column:
    """One feature of some cases.

    ``values`` are numbers, an Arrow array of texts, or places among ``levels``, the distinct
    values. ``missing`` says where there is none, or none that can be read; a place is -1 there.
    """

    feature: Feature
    values: Any
    missing: Flags
    levels: tuple[Any, ...] | None = None

    def taken(self, rows: Flags) -> Column:
        """The same of some of the cases."""
        mask = pa.array(rows) if isinstance(self.values, pa.Array) else rows
        values = self.values.filter(mask) if mask is not rows else self.values[rows]
        return Column(self.feature, values, self.missing[rows], self.levels)

    def array(self) -> Any:
        """The values in the dtype that the estimator takes, as `Schema.frame` gives them.

        A value that a pandas category does not know is one category more here, so that it can
        still be flagged.
        """
        if self.levels is not None:
            return _from_levels(self.values, self.levels, self.feature)
        if isinstance(self.values, pa.Array):
            return schemas.typed(_str(self.values), self.feature)
        if self.missing.any():
            values = np.where(self.missing, np.nan, self.values)
        else:
            values = self.values.astype("int64") if self._whole else self.values
        direct = self.feature.column_dtype in ("int64", "float64")
        return values if direct else schemas.typed(values, self.feature)

    @property
    def _whole(self) -> bool:
        return self.feature.kind_of.is_whole and self.feature.column_dtype != "float64"


def _str(texts: pa.Array) -> Any:
    return compatibility.texts(texts.cast(pa.large_string()))


def _from_levels(codes: Any, levels: tuple[Any, ...], feature: Feature) -> Any:
    """Values by their places; each distinct value is converted once."""
    if feature.column_dtype == "category":
        unseen = [value for value in levels if feature.index.same(value) is None]
        categories = pd.Index([*feature.values, *dict.fromkeys(unseen)])
        places = np.append(categories.get_indexer(list(levels)), -1)
        return pd.Categorical.from_codes(places[codes], categories)
    # The last place, which -1 names too, is for no value; it is there only where it is needed, for
    # it changes the type of whole numbers and booleans.
    here = [*levels, None] if (codes < 0).any() else list(levels)
    return schemas.typed(here, feature).take(codes)


def typed(
    text: pa.Table, schema: Schema, *, decimal: str = "."
) -> tuple[pd.DataFrame, list[CellFault]]:
    """The features of some rows of text, in the estimator's order and dtypes, and every cell that
    cannot be read (it is missing in the frame).

    A column that the table lacks is missing in every row.
    """
    read, faults = columns(text, schema, decimal)
    return frame(read, text.num_rows), faults


def cell_numbers(cells: Sequence[str], decimal: str) -> list[float | None]:
    """What some cells say as numbers; None for one that is none."""
    schema = Schema([Feature(name="number", kind="number", missing=True)])
    read, faults = typed(pa.table({"number": list(cells)}), schema, decimal=decimal)
    numbers = read["number"].tolist()
    for fault in faults:
        numbers[fault.row] = math.nan
    return [None if math.isnan(number) else number for number in numbers]


def frame(read: list[Column], rows: int) -> pd.DataFrame:
    """Columns as a frame."""
    arrays = {column.feature.name: column.array() for column in read}
    return compatibility.frame(arrays, pd.RangeIndex(rows))


def columns(
    text: pa.Table, schema: Schema, decimal: str = "."
) -> tuple[list[Column], list[CellFault]]:
    """Each feature's column, and the cells that cannot be read, row by row."""
    read, faults = [], []
    places = {name: at for at, name in enumerate(text.column_names)}
    as_dummies = schema.dummies.read_from(places)
    inputs = schema.inputs_in(text.column_names) if as_dummies else {}
    for feature in schema:
        if feature.name in as_dummies:
            dummies = as_dummies[feature.name]
            column, column_faults = _of_dummies(text, inputs[feature.name], feature, dummies)
        else:
            cells = _cells(text, places.get(feature.name))
            column, column_faults = _column(cells, feature, decimal)
        read.append(column)
        faults += column_faults
    return read, sorted(faults, key=lambda fault: fault.row)


def _of_dummies(
    text: pa.Table, inputs: list[str], feature: Feature, dummies: Dummies
) -> tuple[Column, list[CellFault]]:
    """A column read from its dummies, whose levels are written as the card has them."""
    cells, faults = level_cells(text, inputs, feature, dummies)
    column, column_faults = _column(cells, feature, ".")
    faulty = {fault.row for fault in faults}
    return column, [*faults, *(fault for fault in column_faults if fault.row not in faulty)]


def _cells(text: pa.Table, place: int | None) -> pa.Array:
    if place is None:
        return pa.nulls(text.num_rows, pa.string())
    column = text.column(place)
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())


def _column(cells: pa.Array, feature: Feature, decimal: str) -> tuple[Column, list[CellFault]]:
    column, faults = PARSERS[feature.kind_of.column](cells, feature, decimal)
    if not feature.optional and column.missing.any():
        for row in np.flatnonzero(column.missing).tolist():
            faults.setdefault(row, ("is empty", f"expected {expected(feature)}"))
    return column, [CellFault(row, feature.name, *parts) for row, parts in faults.items()]


Faults = dict[int, tuple[str, str]]


def _numbers(cells: pa.Array, feature: Feature, decimal: str) -> tuple[Column, Faults]:
    faults: Faults = {}
    cells = _without_words(cells, feature)
    number_cells = cells
    plain = numbers(cells) if decimal == "." else None
    if plain is None:
        number_cells, faults = _regular(cells, feature, decimal)
        values = pc.cast(number_cells, pa.float64()).to_numpy(zero_copy_only=False)
    else:
        values = plain.values
    missing = _nulls(number_cells)
    whole = plain is not None and plain.whole
    for row in _doubtful(number_cells, values, feature, whole=whole):
        fault = _inexact(number_cells[row].as_py(), feature)
        if fault is not None:
            faults[row] = (
                f"is {quoted(cells[row].as_py())}{fault}",
                f"expected {expected(feature)}",
            )
            missing = _with(missing, row)
    return Column(feature, values, missing), faults


def _without_words(cells: pa.Array, feature: Feature) -> pa.Array:
    """The cells with null for each word that means a missing value: it may be a number, as -999."""
    words = texts_for_missing(feature)
    if not words:
        return cells
    is_word = pc.is_in(pc.ascii_trim_whitespace(cells), pa.array(words))
    return pc.if_else(is_word, pa.scalar(None, pa.string()), cells)


def _regular(cells: pa.Array, feature: Feature, decimal: str) -> tuple[pa.Array, Faults]:
    """The cells that are numbers, with a decimal point; the others are null, and why."""
    pattern = number_pattern(decimal)
    faults: Faults = {}
    if not _all(pc.match_substring_regex(cells, pattern)):
        cells, faults = _trimmed(cells, pattern, feature, decimal[0])
    return with_point(cells, decimal), faults


def number_pattern(decimal: str) -> str:
    """What a number looks like with a decimal sign, and behind it the one between thousands."""
    pattern = GROUPED if decimal[1:] else NUMBER
    return f"^{pattern}$".replace(r"\.", f"[{decimal[0]}]").replace("THOUSANDS", f"[{decimal[1:]}]")


def with_point(cells: pa.Array, decimal: str) -> pa.Array:
    """Such numbers with a decimal point, and with nothing between thousands."""
    if decimal[1:]:
        cells = pc.replace_substring(cells, decimal[1:], "")
    return cells if decimal[0] == "." else pc.replace_substring(cells, decimal[0], ".")


def _trimmed(
    cells: pa.Array, pattern: str, feature: Feature, decimal: str
) -> tuple[pa.Array, Faults]:
    """The cells without blanks around them, null where that leaves no number, and why."""
    cells = pc.ascii_trim_whitespace(cells)
    regular = pc.match_substring_regex(cells, pattern)
    odd = np.flatnonzero(~_mask(pc.fill_null(regular, True)))
    faults = {}
    for row, text in zip(odd.tolist(), cells.take(pa.array(odd)).to_pylist(), strict=True):
        if not is_missing(text, feature):
            hint = number_hint(text, decimal, optional=feature.optional)
            faults[row] = (f"is {quoted(text)}", f"expected {expected(feature)}{hint}")
    return pc.if_else(regular, cells, pa.scalar(None, pa.string())), faults


def _doubtful(cells: pa.Array, values: Any, feature: Feature, *, whole: bool) -> list[int]:
    """Rows of which only exact arithmetic tells whether the float is what was written.

    ``whole`` says that all are written as whole numbers.
    """
    exact = whole or not feature.kind_of.is_whole
    # A comparison with NaN is false, so this holds only where nothing is missing.
    if exact and len(values) and np.abs(values).max() < LARGEST_EXACT_INTEGER:
        return []
    with np.errstate(invalid="ignore"):
        doubtful = ~(np.abs(values) < LARGEST_EXACT_INTEGER) & ~_nulls(cells)
    if not exact:
        safe = pc.match_substring_regex(cells, f"^{SAFE_WHOLE}$")
        if not _all(safe):
            doubtful |= ~_mask(pc.fill_null(safe, True))
    return [int(row) for row in np.flatnonzero(doubtful)]


def _inexact(text: str, feature: Feature) -> str | None:
    """What forbids the number, or None: too large, or no whole number where one is needed."""
    exact = Decimal(text)
    if abs(float(text)) == float("inf"):
        return ", too large for a number"
    if feature.kind_of.is_whole:
        if exact != exact.to_integral_value():
            return ""
        return ", too large to be exact" if abs(exact) > LARGEST_EXACT_INTEGER else None
    if text.lstrip("+-").isdigit():
        return ", too large to be exact" if abs(exact) > LARGEST_EXACT_INTEGER else None
    rounded = re.fullmatch(r"[+-]?[0-9]+\.0*", text) and exact != Decimal(float(text))
    return ", too large to be exact" if rounded else None


def _texts(cells: pa.Array, feature: Feature, decimal: str) -> tuple[Column, Faults]:
    nothing = pa.array(["", *texts_for_missing(feature)])
    cells = pc.if_else(pc.is_in(cells, nothing), pa.scalar(None, pa.string()), cells)
    return Column(feature, cells, _nulls(cells)), {}


def _levels(cells: pa.Array, feature: Feature, decimal: str) -> tuple[Column, Faults]:
    """A column with few distinct texts: each is read once."""
    encoded = pc.dictionary_encode(cells)
    codes = pc.fill_null(encoded.indices, -1).to_numpy()
    read, wrong, faults = cell_reader(feature), {}, {}
    levels: list[Any] = []
    places = np.full(len(encoded.dictionary) + 1, -1)
    for at, text in enumerate(encoded.dictionary.to_pylist()):
        value, problem = (None, None) if is_missing(text, feature) else read(text)
        if problem is not None and problem.blocking:
            wrong[at] = (problem.found, problem.expected)
        elif value is not None:
            places[at] = len(levels)
            levels.append(value)
    if wrong:
        for row in np.flatnonzero(np.isin(codes, list(wrong))).tolist():
            faults[row] = wrong[int(codes[row])]
    codes = places[codes]
    return Column(feature, codes, codes < 0, tuple(levels)), faults


# The parser of a column by what its kind calls it; the last argument is the decimal sign, and
# behind it the one between thousands if there may be one.
PARSERS: dict[str, Callable[[pa.Array, Feature, str], tuple[Column, Faults]]] = {
    "numbers": _numbers,
    "texts": _texts,
    "levels": _levels,
}


def _all(matches: pa.BooleanArray) -> bool:
    return pc.all(matches).as_py() is not False


def _nulls(cells: pa.Array) -> Flags:
    if not cells.null_count:
        return np.zeros(len(cells), dtype=bool)
    return _mask(cells.is_null())


def _mask(flags: pa.BooleanArray) -> Flags:
    return np.array(flags.to_numpy(zero_copy_only=False), dtype=bool)


def _with(mask: Flags, row: int) -> Flags:
    mask[row] = True
    return mask
