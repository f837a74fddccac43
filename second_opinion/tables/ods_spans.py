"""The cells that the sheets of an .ods span, found without unpacking it whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from second_opinion.tables.sheet_span import Span

_ROW = re.compile(rb"<table:table-row\b([^>]*?)(?:/>|>(.*?)</table:table-row>)", re.DOTALL)
_CELL = re.compile(
    rb"<table:(?:covered-)?table-cell\b([^>]*?)(?:/>|>(.*?)</table:(?:covered-)?table-cell>)",
    re.DOTALL,
)
_REPEATED = re.compile(rb"""number-(?:rows|columns)-repeated\s*=\s*["']\s*([0-9]{1,9})""")


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
