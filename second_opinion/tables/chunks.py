"""Rows of text parted into those that the model can take and those that it cannot."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from second_opinion.errors import UserError
from second_opinion.schema import Schema
from second_opinion.tables.cells import columns, frame
from second_opinion.tables.parts import Chunk, Limits
from second_opinion.tables.scan import Numbers


def split(text: pa.Table, lines: Numbers, schema: Schema, decimal: str) -> Chunk:
    """The good rows of a table of text, and the problems of the others by their lines."""
    read, faults = columns(text, schema, decimal)
    if faults:
        good = np.ones(text.num_rows, dtype=bool)
        good[[fault.row for fault in faults]] = False
        problems = [fault.at(int(lines[fault.row])) for fault in faults]
        text, lines = text.filter(pa.array(good)), lines[good]
        read = [column.taken(good) for column in read]
    else:
        problems = []
    return Chunk(text, lines, frame(read, text.num_rows), problems)


def rows_allowed(rows: int, limits: Limits) -> int:
    """The number of rows so far; `UserError` when they are too many."""
    if limits.max_rows is not None and rows > limits.max_rows:
        raise UserError(
            f"The table has more than {limits.max_rows:,} rows; expected no more. Split it."
        )
    return rows
