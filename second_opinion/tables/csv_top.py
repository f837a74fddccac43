"""The beginning of a text: which line has the names, what parts its cells, and some rows below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from second_opinion.tables.csv_rows import BLANK, scan
from second_opinion.tables.decoding import row_cells
from second_opinion.tables.names_line import FIRST_LINES, NamesLine, best

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# Bytes of which the header and some rows are expected.
BEGINNING = 2**17
# Rows that are looked at to tell the decimal sign, and names of people from other texts.
SAMPLE = 500
LINE_END = 64
_HOLLOW = b' \t,;|"'
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|\Z)")
# What Excel takes as a word on how the file is to be read, and not as a row.
_SEP = re.compile(rb'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True)
class TextTop(NamesLine):
    """The line of the names in a text as it stands there, and some rows below it.

    ``fault`` says what is wrong with the line: ``quotes`` or ``nul``. ``is_said`` is whether the
    file itself says what parts the cells.
    """

    text: bytes = b""
    rows: Sequence[list[str]] = ()
    fault: str = ""
    is_said: bool = False


@dataclass(frozen=True)
class _Line:
    offset: int
    number: int
    content: bytes


def find_top(
    text: bytes, names: Iterable[str], *, complete: bool, delimiter: str = "", line: int = 0
) -> TextTop | None:
    """The line that holds most of the model's names; None where that line does not end.

    ``complete`` says that the text is the whole file. Where no ``delimiter`` is given, it is the
    one with which most names are found, the comma first.
    """
    lines = list(islice(_lines(text), FIRST_LINES))
    if not lines:
        return None
    said = _SEP.fullmatch(lines[0].content.strip()) if len(lines) > 1 else None
    if said:
        delimiter = delimiter or said[1].decode("ascii", "replace")
        lines = lines[1:]
    some = [one for one in lines if one.number == line] or lines
    marks = [delimiter] if delimiter else _marks_by_cells(some[0].content)
    candidates = (
        NamesLine(one.number, tuple(_cells(text, one, mark)), one is lines[0], mark, one.offset)
        for one in some
        for mark in marks
    )
    names_line = best(candidates, names)
    return None if names_line is None else _top(text, names_line, complete, bool(said))


def _lines(text: bytes) -> Iterator[_Line]:
    for number, match in enumerate(_LINE.finditer(text), start=1):
        if match[1].strip(_HOLLOW):
            yield _Line(match.start(), number, match[1])


def _marks_by_cells(line: bytes) -> list[str]:
    """The delimiters, those first that part a line into most cells."""
    return sorted(DELIMITERS, key=lambda mark: -line.count(mark.encode()))


def _cells(text: bytes, line: _Line, delimiter: str) -> list[str]:
    if b'"' not in line.content:
        return line.content.decode("utf-8", "replace").split(delimiter)
    # A short piece first: all of it is scanned, and it may be full of broken quotes.
    for length in (2 * len(line.content) + LINE_END, BEGINNING):
        piece = text[line.offset : line.offset + length]
        row = next(_rows(piece, delimiter, final=False), None)
        if row:
            return row.cells
    return []


@dataclass(frozen=True)
class _Row:
    text: bytes
    cells: list[str]
    is_broken: bool


def _rows(text: bytes, delimiter: str, *, final: bool) -> Iterator[_Row]:
    if final and not text.endswith(b"\n"):
        text += b"\n"
    records = scan(text, delimiter, final=final)
    for row in range(len(records.cells)):
        if records.cells[row] == BLANK:
            continue
        piece = text[records.starts[row] : records.ends[row]]
        cells = row_cells(piece, delimiter)
        yield _Row(piece, cells, not cells or len(cells) != records.cells[row])


def _top(text: bytes, names_line: NamesLine, complete: bool, said: bool) -> TextTop | None:
    """The names and some rows; those at the beginning will do, unless one of them is very long."""
    whole = text[names_line.offset :]
    for piece, final in ((whole[:BEGINNING], False), (whole, complete)):
        rows = list(islice(_rows(piece, names_line.delimiter, final=final), SAMPLE + 1))
        if len(rows) > 1:
            break
    if not rows:
        return None
    first = rows[0]
    fault = "nul" if b"\x00" in first.text else "quotes" if first.is_broken else ""
    about = {**vars(names_line), "cells": tuple(first.cells)}
    rest = [row.cells for row in rows[1:]]
    return TextTop(**about, text=first.text, rows=rest, fault=fault, is_said=said)
