"""Rows into an Excel workbook, row by row: memory stays the same however many there are.

Each cell is written in the kind of its value, never guessed: a text that begins like a formula or
an address stays a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from typing import Any, BinaryIO

# What a sheet holds beside its header.
MOST_ROWS = 1_048_575
MOST_LETTERS = 32_767
# What the name of a sheet may not have, and how long it may be.
NO_NAME, NAME_LETTERS = r"[\[\]:*?/\\]|^'|'$", 31
# The first day that a workbook knows.
FIRST_YEAR = 1900
# Characters: no column is narrower, or wider.
NARROWEST, WIDEST = 7, 48
# Rows by which the widths are chosen.
SAMPLE = 200
DAY, MOMENT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"


@dataclass(frozen=True)
class SheetColumn:
    """A column of a sheet: its header, and how its numbers are shown, as Excel says it."""

    name: str
    number_format: str = "General"


def write_workbook(
    out: BinaryIO,
    columns: Sequence[SheetColumn],
    rows: Iterable[Sequence[Any]],
    *,
    sheet: str = "",
    frozen: int = 0,
) -> None:
    """Write rows under a bold header that stays in sight, and so do the first ``frozen`` columns.

    Cells are None, texts, numbers, true, false, dates or moments. What one sheet does not hold goes
    on in the next. ``sheet`` is the name of the first, changed where a workbook allows none such.
    """
    import xlsxwriter

    options = {"constant_memory": True, "default_date_format": DAY}
    rows = iter(rows)
    with xlsxwriter.Workbook(out, options) as workbook:
        part: Iterator[Sequence[Any]] | None = iter(islice(rows, MOST_ROWS))
        while part is not None:
            name = "" if workbook.worksheets() else _allowed(sheet)
            _Sheet(workbook, name or None, columns, frozen).write(part)
            following = next(rows, None)
            part = None if following is None else chain([following], islice(rows, MOST_ROWS - 1))


def _allowed(name: str) -> str:
    return re.sub(NO_NAME, " ", name[:NAME_LETTERS]).strip()


class _Sheet:
    """One sheet while it is written."""

    def __init__(
        self, workbook: Any, name: str | None, columns: Sequence[SheetColumn], frozen: int
    ) -> None:
        self._sheet = workbook.add_worksheet(name)
        self._columns = columns
        self._formats = [workbook.add_format({"num_format": c.number_format}) for c in columns]
        self._moment = workbook.add_format({"num_format": MOMENT})
        self._widths = [len(column.name) for column in columns]
        bold = workbook.add_format({"bold": True, "bottom": 1})
        for at, column in enumerate(columns):
            self._sheet.write_string(0, at, column.name, bold)
        self._sheet.freeze_panes(1, frozen)

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Put the rows below the header."""
        count = 0
        for count, row in enumerate(rows, start=1):
            for at, value in enumerate(row):
                if value is not None:
                    self._cell(count, at, value)
            if count <= SAMPLE:
                self._widen(row)
        if count:
            self._sheet.autofilter(0, 0, count, len(self._columns) - 1)
        for at, width in enumerate(self._widths):
            self._sheet.set_column(at, at, min(max(width + 2, NARROWEST), WIDEST))

    def _cell(self, row: int, at: int, value: Any) -> None:
        if isinstance(value, str):
            cut = value if len(value) <= MOST_LETTERS else f"{value[: MOST_LETTERS - 1]}…"
            self._sheet.write_string(row, at, cut)
        elif isinstance(value, bool):
            self._sheet.write_boolean(row, at, value)
        elif isinstance(value, date):
            self._date(row, at, value)
        else:
            self._sheet.write_number(row, at, value, self._formats[at])

    def _date(self, row: int, at: int, value: date) -> None:
        if value.year < FIRST_YEAR:
            self._sheet.write_string(row, at, value.isoformat())
        elif isinstance(value, datetime):
            self._sheet.write_datetime(row, at, value, self._moment)
        else:
            self._sheet.write_datetime(row, at, value)

    def _widen(self, row: Sequence[Any]) -> None:
        sizes = (0 if value is None else len(_shown(value)) for value in row)
        self._widths = [max(pair) for pair in zip(self._widths, sizes, strict=True)]


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
