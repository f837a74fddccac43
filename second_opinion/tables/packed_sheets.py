"""The cells that the sheets of .ods and .xlsb workbooks span, found without unpacking them whole.

Both come as pieces of a part; what is given back grows while they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

_ROW = re.compile(rb"<table:table-row\b([^>]*?)(?:/>|>(.*?)</table:table-row>)", re.DOTALL)
_CELL = re.compile(
    rb"<table:(?:covered-)?table-cell\b([^>]*?)(?:/>|>(.*?)</table:(?:covered-)?table-cell>)",
    re.DOTALL,
)
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated\s*=\s*["']\s*([0-9]{1,9})""")

# Records of .xlsb: the beginning of a sheet's rows, a row, the first and last kind of a cell.
_BEGIN_ROWS = b"\x91\x01"
_ROW_RECORD, _FIRST_CELL, _LAST_CELL = 0, 1, 11
_MOST_HEAD = 12


class Span(NamedTuple):
    """Rows and columns so far, and the bytes of the cells as often as they stand there."""

    rows: int
    columns: int
    taken: int = 0


def ods_spans(pieces: Iterator[bytes]) -> Iterator[Span]:
    """The spans of all sheets together: the library holds all at once."""
    rows = empty = columns = taken = 0
    rest = b""
    for piece in pieces:
        rest, end = rest + piece, 0
        for match in _ROW.finditer(rest):
            end = match.end()
            width, size = _ods_row(match[2] or b"")
            times = _times(match[1])
            if not width:
                empty += times
                continue
            rows, empty = rows + empty + times, 0
            columns, taken = max(columns, width), taken + times * size
        rest = rest[end:]
        yield Span(rows, columns, taken)


def _ods_row(row: bytes) -> tuple[int, int]:
    """The columns up to the last cell that holds something, and the bytes of those that do."""
    at = width = size = 0
    for attributes, content in _CELL.findall(row):
        times = _times(attributes)
        at += times
        if content or b"office:value" in attributes:
            width = at
            size += times * len(attributes + content)
    return width, size


def _times(attributes: bytes) -> int:
    match = _REPEATED.search(attributes)
    return int(match[1]) if match else 1


def xlsb_spans(pieces: Iterator[bytes]) -> Iterator[Span]:
    """The span of the sheet that a part holds; nothing for a part that is none."""
    last_row = last_column = -1
    begun, rest, skip = False, b"", 0
    for piece in chain(pieces, [bytes(_MOST_HEAD)]):
        rest += piece
        if not begun:
            at = rest.find(_BEGIN_ROWS)
            rest, begun = (rest[at:], True) if at >= 0 else (rest[-1:], False)
            if not begun:
                continue
        rest, skip = rest[skip:], max(skip - len(rest), 0)
        at = 0
        while (record := _record(rest, at)) is not None:
            kind, length, start = record
            number = int.from_bytes(rest[start : start + 4], "little")
            if kind == _ROW_RECORD:
                last_row = max(last_row, number)
            elif _FIRST_CELL <= kind <= _LAST_CELL:
                last_column = max(last_column, number)
            at = start + length
        skip, rest = max(at - len(rest), 0) if at else skip, rest[at:]
        yield Span(last_row + 1, last_column + 1)


def _record(content: bytes, at: int) -> tuple[int, int, int] | None:
    """Kind, length and beginning of the record at this place; None where it is not whole there."""
    if at + _MOST_HEAD > len(content):
        return None
    kind = content[at]
    at += 1
    if kind & 0x80:
        kind = (kind & 0x7F) | content[at] << 7
        at += 1
    length = 0
    for shift in (0, 7, 14, 21):
        byte = content[at]
        at += 1
        length |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return kind, length, at
