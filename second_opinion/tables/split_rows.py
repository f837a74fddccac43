"""Rows of text parted into those that the model can take and those that it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion.errors import UserError
from second_opinion.formatting import plural, quoted
from second_opinion.schema import Schema
from second_opinion.tables.csv_rows import Offsets
from second_opinion.tables.csv_writer import content
from second_opinion.tables.parse_column import columns, frame
from second_opinion.tables.table_file import CellFault, Chunk, Limits, Look

# More rows or cells than this are not held at once, however short they are.
MOST_ROWS = 20_000
MOST_CELLS = 400_000


def rows_at_once(columns: int) -> int:
    """How many rows of so many columns are held at once."""
    return max(1, min(MOST_ROWS, MOST_CELLS // max(1, columns)))


def split(
    text: pa.Table,
    lines: Offsets,
    schema: Schema,
    decimal: str = ".",
    known_faults: Sequence[CellFault] = (),
) -> Chunk:
    """The good rows of a table of text, and the problems of the others by their lines.

    ``known_faults`` are faults that the text does not show; each stands for what else is wrong with
    its cell.
    """
    read, cell_faults = columns(text, schema, decimal)
    places = {(fault.row, fault.column) for fault in known_faults}
    faults = [
        *known_faults,
        *(fault for fault in cell_faults if (fault.row, fault.column) not in places),
    ]
    if not faults:
        return Chunk(text, lines, frame(read, text.num_rows))
    good = np.ones(text.num_rows, dtype=bool)
    good[[fault.row for fault in faults]] = False
    problems = [fault.at(int(lines[fault.row])) for fault in faults]
    text, lines = text.filter(pa.array(good)), lines[good]
    read = [column.taken(good) for column in read]
    return Chunk(text, lines, frame(read, len(lines)), sorted(problems, key=lambda p: p.line))


def without_columns(text: pa.Table, look: Look) -> tuple[pa.Table, list[CellFault]]:
    """The columns that are read, under their names, and what stands in one that has none."""
    faults = []
    for at in look.left_out:
        for row in np.flatnonzero(~blank(text.column(at))).tolist():
            found = f"the row has {quoted(text.column(at)[row].as_py())} in column {at + 1}"
            faults.append(CellFault(row, "", found, "expected nothing where there is no name"))
    kept = [at for at in range(text.num_columns) if at not in look.left_out]
    return text.select(kept).rename_columns(list(look.columns)), faults


def blank(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Which cells of a column hold nothing, or blanks alone."""
    empty = pc.equal(pc.utf8_trim_whitespace(column), "")
    return np.array(pc.fill_null(empty, True).to_numpy(), dtype=bool)


def without_blank_rows(
    text: pa.Table, lines: Offsets, faults: Sequence[CellFault]
) -> tuple[pa.Table, Offsets, list[CellFault]]:
    """The rows that hold something; one of which something is wrong does."""
    empty = np.ones(text.num_rows, dtype=bool)
    empty[[fault.row for fault in faults]] = False
    for column in text.columns:
        if not empty.any():
            return text, lines, list(faults)
        empty &= blank(column)
    rows = np.cumsum(~empty) - 1
    faults = [replace(fault, row=int(rows[fault.row])) for fault in faults]
    return text.filter(pa.array(~empty)), lines[~empty], faults


def split_typed(
    text: pa.Table,
    lines: Offsets,
    schema: Schema,
    limits: Limits,
    bytes_read: int,
    known_faults: Sequence[CellFault] = (),
) -> Chunk:
    """The same for rows that did not come as text; those that are bad become CSV lines.

    Rows of empty cells alone are none.
    """
    text, lines, known_faults = without_blank_rows(text, lines, known_faults)
    _check_length(text, limits)
    known_faults = [*known_faults, *_unstorable(text)]
    chunk = split(text, lines, schema, known_faults=known_faults)
    bad = np.flatnonzero(~np.isin(lines, chunk.lines))
    rows = [column.take(pa.array(bad)).to_pylist() for column in text.columns]
    rejected = csv_lines(zip(*rows, strict=True)) if len(bad) else b""
    return Chunk(chunk.text, chunk.lines, chunk.cases, chunk.problems, rejected, bytes_read)


def csv_lines(rows: Iterable[Iterable[str | None]]) -> bytes:
    """Rows as they would stand in a CSV file."""
    text = "".join(",".join(map(_csv_cell, row)) + "\n" for row in rows)
    return text.encode("utf-8", "replace")


def _csv_cell(cell: str | None) -> str:
    if cell is None:
        return ""
    # The csv module leaves a line end of another kind than its own without quotes.
    if cell and not any(mark in cell for mark in ',"\r\n'):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def rows_allowed(rows: int, limits: Limits) -> int:
    """The number of rows so far; `UserError` when they are too many."""
    if limits.max_rows is not None and rows > limits.max_rows:
        raise UserError(
            f"The table has more than {plural(limits.max_rows, 'row')}; expected no more. Split it."
        )
    return rows


def _check_length(text: pa.Table, limits: Limits) -> None:
    if limits.max_cell is None:
        return
    for name in text.column_names:
        longest = pc.max(pc.binary_length(text[name])).as_py() or 0
        if longest > limits.max_cell:
            raise UserError(
                f"A cell of the column {name} has {longest:,} bytes; expected at most "
                f"{limits.max_cell:,}. Shorten it, or leave that column out."
            )


def _unstorable(text: pa.Table) -> Iterable[CellFault]:
    for name in text.column_names:
        if b"\x00" not in b"".join(map(content, text[name].chunks)):
            continue
        mask = pc.match_substring(text[name], "\x00")
        for row in np.flatnonzero(pc.fill_null(mask, False).to_numpy()).tolist():
            yield CellFault(row, name, "has a NUL character", "expected text without it")
