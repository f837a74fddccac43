"""Workbooks of any age: their visible sheets, and the rows of one as a person would type them."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from second_opinion.errors import UserError
from second_opinion.records.dialect import CellKind
from second_opinion.records.value import typed_text
from second_opinion.tables.sheet_xml import CellMark, RowMarks, row_marks
from second_opinion.tables.table_file import TableFile, TableFormat
from second_opinion.tables.workbook_size import (
    check_said,
    check_size,
    check_stream,
    has_many_parts,
)
from second_opinion.tables.xls_container import EncryptedWorkbookError, packed_alone, xls_stream
from second_opinion.tables.xls_records import without_formulas

OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_ZIPPED: dict[str, TableFormat] = {
    "xl/workbook.xml": "xlsx",
    "xl/workbook.bin": "xlsb",
    "content.xml": "ods",
}


class SheetRow(NamedTuple):
    """A row of a sheet that is not blank: its number, its cells, and by their places what is known
    of some of them beyond that; ``values`` are the cells as the workbook has them."""

    line: int
    cells: list[str | None]
    marks: dict[int, CellMark]
    values: list[Any]


@dataclass(frozen=True)
class Sheets:
    """The names of the sheets of a workbook that may be read, and of those that are hidden."""

    visible: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


def workbook_format(source: TableFile, head: bytes) -> TableFormat | None:
    """The format of a workbook that begins like this, or None for another file."""
    if head.startswith(OLD_OFFICE):
        return "xls"
    if not head.startswith(b"PK") or has_many_parts(source):
        return None
    try:
        with source.open() as stream, zipfile.ZipFile(stream) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    return next((form for part, form in _ZIPPED.items() if part in names), None)


def sheets(source: TableFile) -> Sheets:
    """The sheets of a workbook in their order; `UserError` when the file is damaged, or would take
    too much memory."""
    with _workbook(source, measured=True) as (workbook, library):
        found = Sheets()
        for sheet in workbook.sheets_metadata:
            if sheet.typ == library.SheetTypeEnum.WorkSheet:
                shown = sheet.visible == library.SheetVisibleEnum.Visible
                (found.visible if shown else found.hidden).append(sheet.name)
        return found


def sheet_rows(source: TableFile, sheet: str, form: TableFormat) -> Iterator[SheetRow]:
    """The rows of a sheet that are not blank; `UserError` when the file is damaged.

    Only an .xlsx file tells an error from an empty cell, and how a number is shown.
    """
    with _workbook(source) as (workbook, _), source.open() as stream:
        cells = workbook.get_sheet_by_name(sheet)
        marks = row_marks(stream, sheet) if form == "xlsx" else iter(())
        # Columns count from the first that has a cell, rows from the top of the sheet.
        before = cells.start[1] if cells.start else 0
        for line, values, of_row in _merged(enumerate(cells.iter_rows(), start=1), marks):
            texts = [_text(value) for value in values]
            of_row = {at - before: mark for at, mark in of_row.items() if at >= before}
            if of_row:
                texts += [None] * (max(of_row) + 1 - len(texts))
            if of_row or any(cell is not None and cell.strip() for cell in texts):
                yield SheetRow(line, texts, of_row, values)


def cell_kind(value: Any) -> CellKind | None:
    """What a cell of a workbook is; None for an empty one."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "date" if isinstance(value, date) else "text"


def _merged(
    rows: Iterator[tuple[int, list[Any]]], marks: Iterator[RowMarks]
) -> Iterator[tuple[int, list[Any], dict[int, CellMark]]]:
    """Both by their row; a row that has marks alone may stand below all others."""
    waiting = next(marks, None)
    for line, values in rows:
        of_row: dict[int, CellMark] = {}
        if waiting is not None and waiting.line < line:
            raise ValueError(f"its row {waiting.line} stands below row {line - 1}")
        if waiting is not None and waiting.line == line:
            of_row, waiting = waiting.marks, next(marks, None)
        yield line, values, of_row
    for row in chain([waiting] if waiting else [], marks):
        yield row.line, [], row.marks


@contextmanager
def _workbook(source: TableFile, *, measured: bool = False) -> Iterator[tuple[Any, Any]]:
    python_calamine = _library(source.name)
    try:
        with _checked(source, measured) as stream:
            yield python_calamine.CalamineWorkbook.from_filelike(stream), python_calamine
    except (python_calamine.PasswordError, EncryptedWorkbookError) as error:
        raise UserError(
            f"{source.name} is protected by a password; expected a workbook that anybody can "
            "open. Save it without one, or save it as CSV."
        ) from error
    except (
        python_calamine.CalamineError,
        zipfile.BadZipFile,
        zlib.error,
        # Of parts that are encrypted, or packed in a way that Python does not know.
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        KeyError,
    ) as error:
        raise _unreadable(source, error) from error
    except BaseException as error:
        # What the library did not foresee is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(source, error) from error


def _checked(source: TableFile, measured: bool) -> BinaryIO:
    """The workbook as the library may read it."""
    with source.open() as stream:
        is_old = stream.read(len(OLD_OFFICE)) == OLD_OFFICE
    if is_old:
        content = xls_stream(source)
        if measured:
            check_stream(source, content)
        return io.BytesIO(packed_alone(without_formulas(content)))
    (check_size if measured else check_said)(source)
    return source.open()


def _unreadable(source: TableFile, error: BaseException) -> UserError:
    return UserError(
        f"{source.name} is a workbook that cannot be read ({error}); expected cases in one of "
        "its sheets. Open it in Excel and save it again as .xlsx, or save it as CSV."
    )


def _library(name: str) -> Any:
    try:
        import python_calamine
    except ImportError as error:
        raise UserError(
            f"{name} is an Excel workbook; python-calamine is needed to read it and is not "
            "installed. Run `pip install python-calamine`, or save the table as CSV."
        ) from error
    return python_calamine


def _text(value: Any) -> str | None:
    """A cell as a person would type it: 35 rather than 35.0, a date without its midnight."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == time() else value.isoformat(" ")
    return duration_text(value) if isinstance(value, timedelta) else typed_text(value)


def duration_text(value: timedelta) -> str:
    """A duration as a spreadsheet shows it: 30:00:00, not a day and six hours."""
    seconds = round(abs(value).total_seconds())
    sign = "-" if value < timedelta() else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
