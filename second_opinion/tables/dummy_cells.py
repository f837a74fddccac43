"""The cells of one column, read from the one-hot dummies that a file has in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion.formatting import quoted
from second_opinion.records.dummies import ONE, Dummies, flag_of, none_of, several
from second_opinion.schema import Feature
from second_opinion.tables.table_file import CellFault

ZERO_OR_ONE = "expected 0 or 1"
# What stands for a cell that is neither 0 nor 1.
ODD = -1

Codes = npt.NDArray[np.int8]
Places = npt.NDArray[np.int64]


def level_cells(
    text: pa.Table, inputs: Sequence[str], feature: Feature, dummies: Dummies
) -> tuple[pa.Array, list[CellFault]]:
    """The text of each row's level, null for a missing value, and the rows that have not one.

    ``inputs`` are the columns of the table that are dummies of the feature, those that the model
    knows first. A known one that the table lacks is 0 in every row.
    """
    codes = {name: _codes(text.column(name)) for name in inputs}
    at, ones = _places(codes, dummies, text.num_rows)
    levels = [*dummies.levels_in(codes).values(), dummies.without_dummy]
    cells = pa.array(levels, pa.string()).take(pa.array(np.where(ones == 0, len(codes), at)))
    faults = list(_odd(text, codes, dummies))
    odd_rows = {fault.row for fault in faults}
    may_be_none = feature.optional or dummies.without_dummy is not None
    for row in np.flatnonzero((ones > 1) | ((ones == 0) & (not may_be_none))).tolist():
        if row not in odd_rows:
            names = [name for name, column in codes.items() if column[row] == 1]
            found = several(names) if names else none_of(dummies.names)
            faults.append(CellFault(row, feature.name, found, ONE))
    return cells, faults


def _places(codes: Mapping[str, Codes], dummies: Dummies, rows: int) -> tuple[Places, Places]:
    """Which of the columns is 1 in each row, the last of several, and how many are.

    A further column, which may be a count that is 1 at times, tells only where no known one does.
    """
    at, ones = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    none_known = np.ones(rows, dtype=bool)
    for place, (name, column) in enumerate(codes.items()):
        is_known = name in dummies.level_of
        is_one = (column == 1) & (is_known or none_known)
        at[is_one] = place
        ones += is_one
        if is_known:
            none_known &= ~is_one
    return at, ones


def _codes(column: pa.ChunkedArray) -> Codes:
    """1 and 0 for the cells of a dummy; each distinct text is read once."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    flags = [flag_of(cell) for cell in encoded.dictionary.to_pylist()]
    codes = np.array([*(ODD if flag is None else int(flag) for flag in flags), ODD], np.int8)
    places: Places = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return codes[places]


def _odd(text: pa.Table, codes: Mapping[str, Codes], dummies: Dummies) -> Iterator[CellFault]:
    for name in filter(dummies.level_of.__contains__, codes):
        for row in np.flatnonzero(codes[name] == ODD).tolist():
            cell = text.column(name)[row].as_py()
            found = "is empty" if not (cell or "").strip() else f"is {quoted(cell)}"
            yield CellFault(row, name, found, ZERO_OR_ONE)
