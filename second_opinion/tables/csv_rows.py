"""Where the rows of a CSV text begin and end, and which of them have broken quotes.

Arrow's reader swallows the rest of the file after an unclosed quote, reads ``"x"y`` as ``xy`` and
knows no line numbers when it streams. This scan finds what it does not notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from second_opinion.tables.decoding import row_cells

Offsets = npt.NDArray[np.int64]
Letters = npt.NDArray[np.uint8]

LF, CR, QUOTE = 10, 13, 34
BLANK = -1
# After a broken row the scan goes on in windows that grow from this many marks: the cost of many
# broken rows stays in proportion to their number.
WINDOW = 512


@dataclass(frozen=True)
class Records:
    """The complete rows of a block.

    ``starts`` and ``ends`` are byte offsets, line ends included; ``lines`` count from 0 at the
    start of the block; ``cells`` are how many cells a row has: 0 where its quotes are broken
    (``faults`` says how, by the number of the row) and -1 where none of its cells
    holds more than blanks. The rest of the
    block, from ``used`` on, is the beginning of an incomplete row; ``used_lines`` are before it.
    ``longest`` is the length in bytes of the longest cell.
    """

    starts: Offsets
    ends: Offsets
    lines: Offsets
    cells: Offsets
    faults: dict[int, str]
    longest: int
    used: int
    used_lines: int


@dataclass(frozen=True)
class _Marks:
    """The bytes that mean something: delimiters, line ends and quotes, in their order."""

    at: Offsets
    kind: Letters

    def part(self, which: Any) -> _Marks:
        return _Marks(self.at[which], self.kind[which])


@dataclass(frozen=True)
class _Rows:
    ends: Offsets
    cells: Offsets
    longest: int


def scan(block: bytes, delimiter: str, *, final: bool, measured: bool = True) -> Records:
    """The rows of a block of UTF-8 text that begins with a row.

    The ``final`` block must end with a line end. Of another the last, incomplete row is left over.
    Where ``measured`` is false, ``longest`` may be 0.
    """
    letters = np.frombuffer(block, np.uint8)
    if b'"' not in block and b"\r" not in block:
        rows = _even(block, letters, ord(delimiter), measured)
        if rows is not None:
            starts = np.concatenate([[0], rows.ends[:-1]])
            used, lines = int(rows.ends[-1]), np.arange(len(starts))
            cells = _blanks_marked(letters, starts, rows, ord(delimiter))
            return Records(starts, rows.ends, lines, cells, {}, rows.longest, used, len(starts))
    if block.startswith(b'"') and b"\r" not in block:
        rows = _all_quoted(letters, ord(delimiter))
        if rows is not None and (not final or rows.ends[-1] == len(letters)):
            starts = np.concatenate([[0], rows.ends[:-1]])
            used = int(rows.ends[-1])
            line_ends = np.flatnonzero(letters[:used] == LF)
            lines = np.searchsorted(line_ends, starts)
            cells = _blanks_marked(letters, starts, rows, ord(delimiter))
            return Records(starts, rows.ends, lines, cells, {}, rows.longest, used, len(line_ends))
    marks = _marks(block, letters, ord(delimiter))
    line_ends = marks.at[marks.kind == LF]
    faults: dict[int, str] = {}
    if b'"' in block:
        rows, faults = _quoted(letters, marks, line_ends, ord(delimiter), final)
    else:
        rows = _rows(marks, 0)
    starts = np.concatenate([[0], rows.ends])[:-1].astype(np.int64)
    used = int(rows.ends[-1]) if len(rows.ends) else 0
    return Records(
        starts,
        rows.ends,
        np.searchsorted(line_ends, starts) if b'"' in block else np.arange(len(starts)),
        _blanks_marked(letters, starts, rows, ord(delimiter)),
        {int(np.searchsorted(rows.ends, end)): fault for end, fault in faults.items()},
        rows.longest,
        used,
        int(np.searchsorted(line_ends, used)),
    )


def _even(block: bytes, letters: Letters, delimiter: int, measured: bool) -> _Rows | None:
    """The rows of a block without quotes where all have as many cells as the first, two at least;
    None where they have not. Finds what `_rows` finds, in half the time."""
    first = block.find(b"\n")
    cells = block.count(delimiter, 0, first) + 1 if first >= 0 else 1
    if cells == 1:
        return None
    line_end = letters == LF
    rows = np.count_nonzero(line_end)
    at = np.flatnonzero(line_end | (letters == delimiter))[: rows * cells]
    last = at[cells - 1 :: cells]
    # So many line ends there are: if all of these are some, no other place has one.
    if len(last) != rows or not line_end[last].all():
        return None
    longest = int(np.diff(at, prepend=-1).max()) - 1 if measured else 0
    return _Rows(last + 1, np.full(rows, cells), longest)


def _all_quoted(letters: Letters, delimiter: int) -> _Rows | None:
    """The rows of a block where quotes stand around every cell and in none; None where they do not.

    Finds what `_quoted` finds, in a third of the time: between two cells stands one byte alone.
    """
    at = np.flatnonzero(letters[:-1] == QUOTE)
    opens, closes = at[::2], at[1::2]
    behind = letters[closes + 1]
    last = np.flatnonzero(behind == LF)
    if not len(last):
        return None
    cells = int(last[-1]) + 1
    opens, closes, behind = opens[:cells], closes[:cells], behind[:cells]
    if opens[0] != 0 or not (opens[1:] == closes[:-1] + 2).all():
        return None
    if np.count_nonzero(behind == delimiter) != cells - len(last):
        return None
    longest = int((closes - opens).max()) + 1
    return _Rows(closes[last] + 2, np.diff(last, prepend=-1), longest)


def _marks(block: bytes, letters: Letters, delimiter: int) -> _Marks:
    mask = (letters == delimiter) | (letters == LF)
    if b'"' in block:
        mask |= letters == QUOTE
    returns = b"\r" in block
    if returns:
        mask |= letters == CR
    at = np.flatnonzero(mask)
    marks = _Marks(at, letters[at])
    return _one_mark_a_line(letters, marks) if returns else marks


def _one_mark_a_line(letters: Letters, marks: _Marks) -> _Marks:
    """CR LF is one line end, and so is a CR alone."""
    returns = marks.kind == CR
    last = len(letters) - 1
    before_lf = letters[np.minimum(marks.at + 1, last)] == LF
    # What follows the last byte of a block is not known yet, so its row is not complete.
    marks = _Marks(marks.at, np.where(returns, np.uint8(LF), marks.kind))
    return marks.part(~(returns & (before_lf | (marks.at == last))))


def _rows(marks: _Marks, start: int) -> _Rows:
    """The rows between marks that all count, the first of which begins at ``start``."""
    last = np.flatnonzero(marks.kind == LF)
    if not len(last):
        return _Rows(np.empty(0, np.int64), np.empty(0, np.int64), 0)
    longest = int(np.diff(marks.at[: last[-1] + 1], prepend=start - 1).max()) - 1
    return _Rows(marks.at[last] + 1, np.diff(last, prepend=-1), longest)


def _quoted(
    letters: Letters, marks: _Marks, line_ends: Offsets, delimiter: int, final: bool
) -> tuple[_Rows, dict[int, str]]:
    """The rows where some marks stand inside quotes, and the faults by the end of their row.

    A row with broken quotes ends with the line on which they are seen to be broken: what lies
    between may be rows or one long cell, and nobody can tell. After one, lines are read each for
    itself as far as that goes.
    """
    parts: list[_Rows] = []
    faults: dict[int, str] = {}
    start, first, width, by_line = 0, 0, len(marks.at), False
    while first < len(marks.at):
        window = marks.part(slice(first, first + width))
        whole = first + width >= len(marks.at)
        width *= 2
        if by_line:
            rows, line_faults, by_line = _by_line(letters, window, start, delimiter)
            if whole and by_line and not len(rows.ends):
                break
            faults |= line_faults
            first_fault = None
            # The row that goes on in the next line is still to be read.
            whole = False
        else:
            outside, first_fault = _outside_quotes(letters, window, delimiter, final and whole)
            rows = _rows(outside, start)
        parts.append(rows)
        start = int(rows.ends[-1]) if len(rows.ends) else start
        if first_fault is not None:
            where, fault = first_fault
            start_line, fault_line = np.searchsorted(line_ends, [start, where])
            if fault_line == len(line_ends):
                break
            by_line, width = True, WINDOW
            if fault_line > start_line or fault == "open":
                start = int(line_ends[fault_line]) + 1
                parts.append(_Rows(np.array([start]), np.array([0]), 0))
                faults[start] = fault
        elif whole and not by_line and not len(rows.ends):
            break
        first = int(np.searchsorted(marks.at, start))
    return _joined(parts), faults


def _by_line(
    letters: Letters, marks: _Marks, start: int, delimiter: int
) -> tuple[_Rows, dict[int, str], bool]:
    """The rows that are one line each, up to the first that goes on in the next line, and whether
    there is none such."""
    last = np.flatnonzero(marks.kind == LF)
    if not len(last):
        return _rows(marks, start), {}, True
    marks = marks.part(slice(0, int(last[-1]) + 1))
    line = np.repeat(np.arange(len(last)), np.diff(last, prepend=-1))
    quote = marks.kind == QUOTE
    depth = np.cumsum(quote)
    depth -= np.concatenate([[0], depth[last[:-1]]])[line]
    inside = depth % 2 == 1
    stray, after = _misplaced(letters, marks, delimiter, inside)
    bad_lines, where = np.unique(line[stray | after], return_index=True)
    goes_on = inside[last]
    goes_on[bad_lines] = False
    rows = int(goes_on.argmax()) if goes_on.any() else len(last)
    outside = (marks.kind == delimiter) & ~inside
    cells = np.bincount(line[outside], minlength=len(last)) + 1
    cells[bad_lines] = 0
    ends = marks.at[last] + 1
    kinds = np.where(stray, "stray", "after")[stray | after][where]
    faults = dict(zip(ends[bad_lines].tolist(), kinds.tolist(), strict=True))
    longest = int(np.diff(marks.at[outside | (marks.kind == LF)], prepend=start - 1).max()) - 1
    row_faults = {end: fault for end, fault in faults.items() if rows and end <= ends[rows - 1]}
    return _Rows(ends[:rows], cells[:rows], longest if rows else 0), row_faults, rows == len(last)


def _misplaced(
    letters: Letters, marks: _Marks, delimiter: int, inside: Any
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which of the marks are quotes that open not at the beginning of a cell, and which close not
    at its end. ``inside`` says of each mark whether quotes are open after it.

    A quote at the very end of a block may close its cell: its row is not complete, so it is seen
    again.
    """
    beside = np.zeros(256, bool)
    beside[[delimiter, LF, CR, QUOTE]] = True
    quote = marks.kind == QUOTE
    stray = quote & inside & (marks.at > 0) & ~beside[letters[marks.at - 1]]
    after = quote & ~inside & ~beside[letters[np.minimum(marks.at + 1, len(letters) - 1)]]
    return stray, after


def _joined(parts: list[_Rows]) -> _Rows:
    if not parts:
        return _rows(_Marks(np.empty(0, np.int64), np.empty(0, np.uint8)), 0)
    return _Rows(
        np.concatenate([rows.ends for rows in parts]),
        np.concatenate([rows.cells for rows in parts]),
        max(rows.longest for rows in parts),
    )


def _outside_quotes(
    letters: Letters, marks: _Marks, delimiter: int, final: bool
) -> tuple[_Marks, tuple[int, str] | None]:
    """The marks that are not inside quotes, up to the first place where the quotes are broken.

    A quote opens only at the beginning of a cell and closes only at its end; inside, two stand
    for one.
    """
    inside = np.cumsum(marks.kind == QUOTE) % 2 == 1
    outside = marks.part((marks.kind != QUOTE) & ~inside)
    stray, after = _misplaced(letters, marks, delimiter, inside)
    fault_places = np.flatnonzero(stray | after)[:1]
    if len(fault_places):
        first = int(fault_places[0])
        where = int(marks.at[first])
        return outside.part(outside.at < where), (where, "stray" if stray[first] else "after")
    if final and inside[-1]:
        return outside, (len(letters) - 1, "open")
    return outside, None


def _blanks_marked(letters: Letters, starts: Offsets, rows: _Rows, delimiter: int) -> Offsets:
    """The numbers of cells, with -1 for the rows of which no cell holds more than blanks.

    In a file of one column, quotes around nothing are a cell.
    """
    hollow = np.zeros(256, bool)
    hollow[[delimiter, LF, CR, QUOTE, *b" \t"]] = True
    first, second = letters[starts], letters[np.minimum(starts + 1, len(letters) - 1)]
    begins_hollow = hollow[first] & (hollow[second] | (rows.ends - starts == 1))
    rows_like = np.flatnonzero(
        begins_hollow & (rows.cells > 0) & ((rows.cells > 1) | (first != QUOTE))
    )
    if not len(rows_like):
        return rows.cells
    solid = np.append(np.flatnonzero(~hollow[letters]), len(letters))
    next_solid = solid[np.searchsorted(solid, starts[rows_like])]
    cells = rows.cells.copy()
    hollow_rows = rows_like[next_solid >= rows.ends[rows_like]]
    marks = np.append(np.flatnonzero(letters == QUOTE), len(letters))
    has_quote = marks[np.searchsorted(marks, starts[hollow_rows])] < rows.ends[hollow_rows]
    cells[hollow_rows[~has_quote]] = BLANK
    for row in hollow_rows[has_quote].tolist():
        piece = bytes(letters[starts[row] : rows.ends[row]])
        # Between quotes, what parts cells is content.
        if not any(cell.strip() for cell in row_cells(piece, chr(delimiter))):
            cells[row] = BLANK
    return cells
