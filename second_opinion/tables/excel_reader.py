"""A sheet of a workbook as text, as a person would type it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural, quoted
from second_opinion.records.choices import texts_of
from second_opinion.records.dialect import Dialect, kind_among
from second_opinion.schema import Feature, Schema
from second_opinion.tables.column_names import with_columns
from second_opinion.tables.excel_sheets import SheetRow, Sheets, cell_kind, sheet_rows, sheets
from second_opinion.tables.names_line import FIRST_LINES, NamesLine, best, fit, placed
from second_opinion.tables.parse_cell import expected, is_missing
from second_opinion.tables.sheet_xml import CellMark
from second_opinion.tables.split_rows import (
    MOST_CELLS,
    csv_lines,
    rows_allowed,
    rows_at_once,
    split_typed,
)
from second_opinion.tables.table_file import (
    CellFault,
    Chunk,
    Decisions,
    Limits,
    Look,
    Offer,
    TableFile,
)

SAMPLE = 500
_DURATION = re.compile(r"-?[0-9]{2,}:[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True)
class SheetTop(NamesLine):
    """The line of the names in a sheet, and some rows below it: as text, and as they are there."""

    rows: tuple[list[str | None], ...] = ()
    values: tuple[list[Any], ...] = ()


def look_at_workbook(source: TableFile, look: Look, schema: Schema, decisions: Decisions) -> Look:
    """The sheet that has most of the model's names in one of its first lines, and its columns."""
    look = replace(look, delimiter=",")
    try:
        found = sheets(source)
        if decisions.sheet and decisions.sheet not in found.visible:
            return look.refused(_no_sheet(found, decisions.sheet))
        look = replace(look, sheet=found.visible[0] if found.visible else "")
        wanted = [decisions.sheet] if decisions.sheet else found.visible
        tops = [top for sheet in wanted if (top := _top(source, look, sheet, schema, decisions))]
        top = best(tops, schema.file_names)
        if top is None or not top.rows:
            return look.refused(_nothing(top, found))
        same = [one for one in tops if one.rows and _fits_as(one, top, schema)]
        if len(same) > 1:
            return _asked(look, [one.sheet for one in same])
        if not any(fit(top.cells, schema.file_names)) and len(schema) and found.hidden:
            hidden = joined([quoted(sheet) for sheet in found.hidden])
            look = look.noted(f"Hidden sheets are not read: {hidden}.")
    except UserError as error:
        return replace(look, problems=(str(error),))
    look = replace(look, header=csv_lines([top.cells]))
    look = placed(look, top, decisions)
    look = with_columns(look, top.cells, top.rows, schema, decisions)
    return _with_doubt(replace(look, dialect=_dialect(look, top)), schema)


def _dialect(look: Look, top: SheetTop) -> Dialect:
    """Which sheet it is, and what the cells of each column are in its first rows."""
    kept = [at for at in range(look.width) if at not in look.left_out]
    kinds = tuple(
        kind_among({kind for row in top.values if at < len(row) and (kind := cell_kind(row[at]))})
        for at in kept
    )
    return Dialect(sheet=look.sheet, kinds=kinds)


def _fits_as(one: SheetTop, best_top: SheetTop, schema: Schema) -> bool:
    """Whether a sheet has as many of the names as the best one, and any at all."""
    names_found = fit(one.cells, schema.file_names)
    return any(names_found) and names_found == fit(best_top.cells, schema.file_names)


def _top(
    source: TableFile, look: Look, sheet: str, schema: Schema, decisions: Decisions
) -> SheetTop | None:
    """The line of the names in one sheet, and some rows below it; None for an empty one."""
    is_first = sheet in (look.sheet, decisions.sheet)
    first_rows = list(_beginning(sheet_rows(source, sheet, look.format)))
    lines = [
        NamesLine(row.line, _names(row), at == 0 and is_first, sheet=sheet)
        for at, row in enumerate(first_rows[:FIRST_LINES])
    ]
    lines = [line for line in lines if line.line == decisions.line] or lines
    line = best(lines, schema.file_names)
    if line is None:
        return None
    below = [row for row in first_rows if row.line > line.line]
    values = tuple(row.values for row in below)
    return SheetTop(**vars(line), rows=tuple(row.cells for row in below), values=values)


def _beginning(rows: Iterator[SheetRow]) -> Iterator[SheetRow]:
    """Some rows, fewer of wide ones."""
    cells = 0
    for row in islice(rows, FIRST_LINES + SAMPLE):
        yield row
        cells += len(row.cells)
        if cells > MOST_CELLS:
            return


def _names(row: SheetRow) -> tuple[str, ...]:
    cells = [cell or "" for cell in row.cells]
    while cells and not cells[-1]:
        cells.pop()
    return tuple(cells)


def _no_sheet(found: Sheets, sheet: str) -> str:
    names = joined([quoted(name) for name in found.visible])
    if sheet in found.hidden:
        return f"has the sheet {quoted(sheet)} hidden; expected a visible one. Unhide it in Excel."
    return f"has no sheet {quoted(sheet)}; it has {names}. Choose one of them."


def _nothing(top: SheetTop | None, found: Sheets) -> str:
    what = "a header and no rows" if top else "no rows in any visible sheet"
    hidden = joined([quoted(sheet) for sheet in found.hidden])
    more = f" Its hidden sheets are not read: {hidden}." if hidden else ""
    return f"has {what}; expected a header and cases below it. Add them.{more}"


def _asked(look: Look, names: list[str]) -> Look:
    listed = joined([quoted(name) for name in names])
    offers = [Offer("sheet", name, f"Read the sheet {name}") for name in names]
    return look.refused(f"has the model's columns on the sheets {listed}. Choose one.", *offers)


def _with_doubt(look: Look, schema: Schema) -> Look:
    """What an empty cell may also be, in files where nobody can tell."""
    optional = [name for name in look.columns if name in schema.names and schema[name].optional]
    if look.format == "xlsx" or not optional or look.problems:
        return look
    return look.noted(
        f"In an .{look.format} file nothing tells an error such as #N/A from an empty cell, which "
        "is read as not known. If there may be errors, save it as .xlsx."
    )


def read_workbook(source: TableFile, look: Look, schema: Schema, limits: Limits) -> Iterator[Chunk]:
    """The rows of a sheet below its names, some thousands at a time."""
    rows = (r for r in sheet_rows(source, look.sheet, look.format) if r.line > look.first_line)
    reader = _RowReader(look, schema)
    count = 0
    while batch := list(islice(rows, rows_at_once(look.width))):
        count = rows_allowed(count + len(batch), limits)
        faults = [fault for at, row in enumerate(batch) for fault in reader.faults(at, row)]
        cells = [reader.cells(row) for row in batch]
        arrays = [pa.array(column, pa.string()) for column in zip(*cells, strict=True)]
        table = pa.table(arrays, names=list(look.columns))
        lines = np.array([row.line for row in batch], np.int64)
        yield split_typed(table, lines, schema, limits, source.size, faults)


class _RowReader:
    """Reads the rows of a sheet by the places of its columns."""

    def __init__(self, look: Look, schema: Schema) -> None:
        self.look = look
        names = look.file_columns
        self.kept = [at for at in range(look.width) if at not in look.left_out]
        self.features = {at: schema[n] for at, n in enumerate(names) if n in schema.names}
        self.levels = {
            at: {text for value in feature.values for text in texts_of(value)}
            for at, feature in self.features.items()
        }

    def cells(self, row: SheetRow) -> list[str | None]:
        """The cells of the columns that are read, as they are shown."""
        cells = (row.cells + [None] * self.look.width)[: self.look.width]
        for at, mark in row.marks.items():
            if at < len(cells) and mark.text:
                cells[at] = self._marked(at, cells[at], mark)
        return [cells[at] for at in self.kept]

    def _marked(self, at: int, cell: str | None, mark: CellMark) -> str | None:
        feature = self.features.get(at)
        if mark.kind == "error" or feature is None:
            return mark.text
        levels = self.levels[at]
        same = feature.is_numeric or (cell in levels and mark.text not in levels)
        return cell if same else mark.text

    def faults(self, row_number: int, row: SheetRow) -> Iterator[CellFault]:
        """What is wrong with a row that its texts do not show."""
        width = self.look.width
        beyond = [at for at in range(width, len(row.cells)) if row.cells[at] is not None]
        nameless = [at for at in self.look.left_out if (_cell(row, at) or "").strip()]
        if beyond:
            found = f"the row has {plural(beyond[-1] + 1, 'cell')}"
            yield CellFault(row_number, "", found, f"expected {width}, as the header has")
        for at in nameless:
            found = f"the row has {quoted(_cell(row, at))} in column {at + 1}"
            yield CellFault(row_number, "", found, "expected nothing where there is no name")
        for at, feature in self.features.items():
            fault = self._fault(feature, _cell(row, at), row.marks.get(at))
            if fault:
                yield CellFault(row_number, feature.name, *fault)

    def _fault(
        self, feature: Feature, cell: str | None, mark: CellMark | None
    ) -> tuple[str, str] | None:
        if mark is not None and mark.kind == "error" and not is_missing(mark.text, feature):
            return f"is the error {mark.text}", f"expected {expected(feature)}"
        if mark is not None and mark.kind == "formula":
            return (
                "is a formula without a stored result",
                "expected the file opened in Excel or LibreOffice and saved again",
            )
        if cell is not None and feature.shape != "text" and _DURATION.fullmatch(cell):
            return f"is the duration {cell}", f"expected {expected(feature)}"
        if cell is None and not feature.optional and self.look.format != "xlsx":
            return (
                f"is empty, or an error such as #N/A, which an .{self.look.format} file does not "
                "tell apart",
                f"expected {expected(feature)}",
            )
        return None


def _cell(row: SheetRow, at: int) -> str | None:
    return row.cells[at] if at < len(row.cells) else None
