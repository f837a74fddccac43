"""Which of the first lines of a table holds the names of its columns: titles, comments and notes
may stand above it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from second_opinion.formatting import folded
from second_opinion.tables.table_file import Decisions, Look, Offer

# Lines that are not blank.
FIRST_LINES = 20


@dataclass(frozen=True)
class NamesLine:
    """A line that may hold the names: its cells, and whether others stand above it.

    ``delimiter`` parts them and ``offset`` are the bytes before it, in a text; ``sheet`` is where
    it stands, in a workbook.
    """

    line: int
    cells: tuple[str, ...]
    is_first: bool = True
    delimiter: str = ","
    offset: int = 0
    sheet: str = ""


Line = TypeVar("Line", bound=NamesLine)


def fit(cells: Sequence[str], names: Iterable[str]) -> tuple[int, int]:
    """How many of the model's names are among the cells: exactly, and but for case and marks."""
    names = list(names)
    near = {folded(name) for name in names} & {folded(cell) for cell in cells if cell}
    return len(set(names) & set(cells)), len(near - {""})


def best(lines: Iterable[Line], names: Iterable[str]) -> Line | None:
    """The line that holds most of the model's names, the first of several; None for no line.

    Where none holds any, that is the first line.
    """
    names = list(names)
    return max(lines, key=lambda line: fit(line.cells, names), default=None)


def placed(look: Look, names_line: NamesLine, decisions: Decisions) -> Look:
    """A look at the table below that line, and what is to be said of where it stands."""
    line, sheet = names_line.line, names_line.sheet
    look = replace(look, first_line=line, sheet=sheet, offset=names_line.offset)
    where = f"line {line} of the sheet {sheet}" if sheet else f"line {line}"
    if names_line.is_first:
        return look.noted(f"Read from the sheet {sheet}.") if sheet else look
    note = f"The names of the columns stand in {where}: read from there."
    if decisions.line == line:
        return look.noted(note)
    return look.noted(note, Offer("line", line, f"Read from {where}"))
