"""What the sheets of an .xlsb hold, found in its records before they are read ([MS-XLSB] 2.1.4).

Each part comes as pieces; what is given back grows while they are read.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import chain

from second_opinion.tables.sheet_span import Span

# A row, the first and last kind of a cell, and those whose text stands elsewhere or behind them.
_ROW, _FIRST_CELL, _LAST_CELL = 0, 1, 11
_SHARED_CELL, _TEXT_CELLS = 7, (6, 8)
_ROWS, _TEXTS, _TEXT, _OTHER, _OTHER_END = 0x91, 0x9F, 0x13, 0x23, 0x24
# The longest head of a record, and of its content as much as is looked at.
_HEAD, _LOOK = 6, 12


def xlsb_texts(pieces: Iterator[bytes]) -> Iterator[int]:
    """The bytes of each text that cells may share, in UTF-16."""
    begun = is_other = False
    for kind, content, _ in _records(pieces):
        begun = begun or kind == _TEXTS
        is_other = kind == _OTHER or (is_other and kind != _OTHER_END)
        if kind == _TEXT and begun and not is_other:
            yield 2 * int.from_bytes(content[1:5], "little")


def xlsb_spans(pieces: Iterator[bytes], texts: array[int]) -> Iterator[Span]:
    """The span of the sheet that a part holds, with the bytes of its texts."""
    rows = columns = taken = 0
    row, begun = 0, False
    for kind, content, is_last in _records(pieces):
        number = int.from_bytes(content[:4], "little")
        if not begun:
            begun = kind == _ROWS
        elif kind == _ROW:
            row = number
        elif _FIRST_CELL <= kind <= _LAST_CELL:
            rows, columns = max(rows, row + 1), max(columns, number + 1)
            text = int.from_bytes(content[8:12], "little")
            if kind == _SHARED_CELL:
                taken += texts[text] if text < len(texts) else 0
            elif kind in _TEXT_CELLS:
                taken += 2 * text
        if is_last:
            yield Span(rows, columns, taken)
    yield Span(rows, columns, taken)


def _records(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Kind and first bytes of each record, and whether it is the last that its piece holds."""
    rest, skip = b"", 0
    for piece in chain(pieces, [bytes(_HEAD + _LOOK)]):
        rest += piece
        at, end = min(skip, len(rest)), len(rest) - _HEAD - _LOOK
        skip -= at
        while at < end and not skip:
            kind, length, start = _record(rest, at)
            at = start + length
            skip = max(at - len(rest), 0)
            yield kind, rest[start : min(at, start + _LOOK)], at >= end
        rest = rest[at:]


def _record(content: bytes, at: int) -> tuple[int, int, int]:
    """Kind, length and beginning of the record at this place."""
    kind = content[at]
    at += 1
    if kind & 0x80:
        kind = (kind & 0x7F) | (content[at] & 0x7F) << 7
        at += 1
    length = 0
    for shift in (0, 7, 14, 21):
        byte = content[at]
        at += 1
        length |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return kind, length, at
