"""The first sheet of an Excel workbook as text, as a person would type it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.records.value import typed_text
from second_opinion.schema import Schema
from second_opinion.tables.split_rows import csv_lines, rows_allowed, split_typed
from second_opinion.tables.table_file import MEGABYTE, CellFault, Chunk, Limits, Look, TableFile

ROWS = 10_000
SAMPLE = 500
# A workbook is packed; a small file may hold a great deal of nothing.
MOST_UNPACKED = 1_000 * MEGABYTE

SheetRow = list[str | None]


def is_workbook(source: TableFile) -> bool:
    """Whether a zip archive is an Excel workbook (.xlsx)."""
    try:
        with source.open() as stream, zipfile.ZipFile(stream) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def look_at_workbook(source: TableFile, look: Look) -> tuple[Look, list[SheetRow]]:
    """The first row of the first sheet as names, and some rows."""
    look = replace(look, format="xlsx", delimiter=",")
    try:
        rows = _rows(source)
        first, header = next(rows, (1, []))
        sample = [row for _, row in islice(rows, SAMPLE)]
    except UserError as error:
        return replace(look, problems=(str(error),)), []
    while header and header[-1] is None:
        header.pop()
    if not header or not sample:
        what = "a header and no rows" if header else "no rows in its first sheet"
        problem = f"{look.name} has {what}; expected a header and cases below it. Add them."
        return replace(look, problems=(problem,)), []
    columns = tuple(name or "" for name in header)
    look = replace(look, columns=columns, header=csv_lines([columns]), first_line=first)
    return look, sample


def read_workbook(source: TableFile, look: Look, schema: Schema, limits: Limits) -> Iterator[Chunk]:
    """The rows of the first sheet, some thousands at a time."""
    rows = _rows(source)
    next(rows, None)
    count, width = 0, len(look.columns)
    while batch := list(islice(rows, ROWS)):
        count = rows_allowed(count + len(batch), limits)
        faults = []
        for at, (_, row) in enumerate(batch):
            if any(cell is not None for cell in row[width:]):
                beyond = len(row) - next(n for n, c in enumerate(reversed(row)) if c is not None)
                expected = f"expected {width}, as the header has"
                faults.append(CellFault(at, "", f"the row has {plural(beyond, 'cell')}", expected))
        cells = [(row + [None] * width)[:width] for _, row in batch]
        arrays = [pa.array(column, pa.string()) for column in zip(*cells, strict=True)]
        table = pa.table(arrays, names=list(look.columns))
        lines = np.array([line for line, _ in batch], np.int64)
        yield split_typed(table, lines, schema, limits, source.size, faults)


def _rows(source: TableFile) -> Iterator[tuple[int, SheetRow]]:
    """The rows that are not blank with their numbers; `UserError` when the file is damaged."""
    python_calamine = _library(source.name)
    try:
        with source.open() as stream:
            _check_unpacked(source, stream)
            stream.seek(0)
            sheet = python_calamine.CalamineWorkbook.from_filelike(stream).get_sheet_by_index(0)
            # Rows count from the top of the sheet, columns from the first that has a cell.
            for line, row in enumerate(sheet.iter_rows(), start=1):
                cells = [_text(value) for value in row]
                if any(cell is not None and cell.strip() for cell in cells):
                    yield line, cells
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        raise UserError(
            f"{source.name} is an Excel workbook that cannot be read ({error}); expected cases "
            "in its first sheet. Open it in Excel and save it again, or save it as CSV."
        ) from error


def _library(name: str) -> Any:
    try:
        import python_calamine
    except ImportError as error:
        raise UserError(
            f"{name} is an Excel workbook; python-calamine is needed to read it and is not "
            "installed. Run `pip install -r requirements.txt`, or save the table as CSV."
        ) from error
    return python_calamine


def _check_unpacked(source: TableFile, stream: Any) -> None:
    with zipfile.ZipFile(stream) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > MOST_UNPACKED:
        raise UserError(
            f"{source.name} unpacks to {unpacked / MEGABYTE:,.0f} MB; expected at most "
            f"{MOST_UNPACKED / MEGABYTE:,.0f} MB. Save it as CSV."
        )


def _text(value: Any) -> str | None:
    """A cell as a person would type it: 35 rather than 35.0, a date without its midnight."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == time() else value.isoformat(" ")
    return typed_text(value)
