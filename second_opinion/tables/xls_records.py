"""What the sheets of an .xls hold, found in its records before they are read ([MS-XLS] 2.4).

The library that reads them opens all sheets at once, each as a full rectangle with each text as
often as it stands there, and believes what the records say of their own sizes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import count, takewhile
from struct import Struct

from second_opinion.tables.sheet_span import Span
from second_opinion.tables.xls_container import EncryptedWorkbookError

_HEAD = Struct("<HH")
_PLACE = Struct("<HH")
_END, _FORMULA, _CONTINUE, _SHEET, _SHARED, _SIZE = 0x0A, 0x06, 0x3C, 0x85, 0xFC, 0x200
_NUMBER, _LABEL, _BOOLEAN, _STRING, _RK = 0x203, 0x204, 0x205, 0x207, 0x27E
_SHARED_CELL, _RICH_LABEL, _RK_ROW = 0xFD, 0xD6, 0xBD
_CELLS = {_FORMULA, _NUMBER, _LABEL, _BOOLEAN, _RK, _SHARED_CELL, _RICH_LABEL, _RK_ROW}
_WIDE, _EXTENDED, _RICH = 1, 4, 8
# What a sheet of this format may say that it spans.
_MOST_ROWS, _MOST_COLUMNS = 65_536, 256
# A sheet is looked at after so many records: what it takes grows in between.
_RECORDS = 1000
# A full file of 50 MB has fewer; one of empty ones has twelve million, and takes half a minute.
_MOST_RECORDS = 4_000_000
_PASSWORD = 0x2F
_FORMULA_AT = 20
# The length of a formula and its one part, an argument that is missing.
_NO_FORMULA = b"\x01\x00\x16"


def xls_spans(stream: bytes | bytearray) -> Iterator[Span]:
    """The spans of the sheets one after the other, while their records are walked.

    ``taken`` counts the bytes of the texts of all cells so far. `ValueError` where the records are
    not as they may be.
    """
    texts, sheets = _workbook(stream)
    before = taken = walked = 0
    for at in sheets:
        span = Span(0, 0)
        sheet = _Sheet(stream, at, texts)
        for size in sheet.sizes():
            span = Span(sheet.rows, sheet.columns, taken + sheet.taken, before)
            if walked + size > len(stream):
                raise ValueError("its sheets lie over each other")
            yield span
        before, taken, walked = span.cells, taken + sheet.taken, walked + sheet.walked


def without_formulas(stream: bytes) -> bytes:
    """The same with the results of formulas alone: nobody asks for the formulas, and some take
    hours and gigabytes as a text."""
    plain = bytearray(stream)
    _, sheets = _workbook(stream)
    for position in sheets:
        for kind, at, length in _records(stream, position):
            if kind == _FORMULA and length >= _FORMULA_AT + len(_NO_FORMULA):
                plain[at + _FORMULA_AT : at + _FORMULA_AT + len(_NO_FORMULA)] = _NO_FORMULA
    return bytes(plain)


def _records(stream: bytes | bytearray, at: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and length of each record up to the end of the part that begins here."""
    for number in count():
        if at + _HEAD.size > len(stream):
            break
        if number == _MOST_RECORDS:
            raise ValueError(f"it has more than {_MOST_RECORDS:,} records")
        kind, length = _HEAD.unpack_from(stream, at)
        at += _HEAD.size
        if at + length > len(stream):
            break
        yield kind, at, length
        if kind == _END:
            return
        at += length
    raise ValueError(f"it is cut off, in the record at byte {at:,}")


def _workbook(stream: bytes | bytearray) -> tuple[array[int], list[int]]:
    """The bytes of each text that cells share, and where the sheets begin."""
    texts, sheets = array("q"), []
    for kind, at, length in _records(stream, 0):
        if kind == _SHEET and length >= 4:
            sheets.append(int.from_bytes(stream[at : at + 4], "little"))
        elif kind == _PASSWORD and any(stream[at : at + min(length, 2)]):
            raise EncryptedWorkbookError
        elif kind == _SHARED:
            texts = _SharedTexts(stream, at, length).sizes()
    if len(set(sheets)) < len(sheets):
        raise ValueError("two of its sheets lie at the same place")
    if sheets and max(sheets) >= len(stream):
        raise ValueError("a sheet lies behind its end")
    return texts, sheets


class _Sheet:
    """Rows, columns and bytes of texts of a sheet, as far as its records were walked."""

    def __init__(self, stream: bytes | bytearray, at: int, texts: array[int]) -> None:
        self.rows = self.columns = self.taken = self.walked = 0
        self._stream, self._at, self._texts = stream, at, texts

    def sizes(self) -> Iterator[int]:
        """Walk the sheet, giving the bytes walked from time to time and at its end."""
        for number, (kind, at, length) in enumerate(_records(self._stream, self._at)):
            self.walked = at + length - self._at
            if kind in _CELLS and length >= 4:
                row, column = _PLACE.unpack_from(self._stream, at)
                if kind == _RK_ROW:
                    column = self._number(at + length - 2)
                self.rows, self.columns = max(self.rows, row + 1), max(self.columns, column + 1)
                self._take(kind, at, length)
            elif kind == _STRING:
                self._take_text(at, length)
            elif kind == _SIZE:
                self._check_extent(at, length)
            if number % _RECORDS == 0:
                yield self.walked
        yield self.walked

    def _take(self, kind: int, at: int, length: int) -> None:
        if kind == _SHARED_CELL and length >= 10:
            text = int.from_bytes(self._stream[at + 6 : at + 10], "little")
            self.taken += self._texts[text] if text < len(self._texts) else 0
        elif kind in (_LABEL, _RICH_LABEL):
            self._take_text(at + 6, length - 6)

    def _take_text(self, at: int, length: int) -> None:
        # As long as it says it is: the library makes room for that. Before Excel 97 a letter stands
        # in the place of the width, and this is at most twice as much.
        if length >= 3:
            self.taken += self._number(at) * (1 + (self._stream[at + 2] & _WIDE))

    def _check_extent(self, at: int, length: int) -> None:
        # The library makes room for all cells between these, or ends the process.
        size = 4 if length == 14 else 2
        first, last = (self._number(at + place, size) for place in (0, size))
        left, right = (self._number(at + 2 * size + place) for place in (0, 2))
        is_ordered = first <= last <= _MOST_ROWS and left <= right <= _MOST_COLUMNS
        if length not in (10, 14) or (last and right and not is_ordered):
            raise ValueError("a sheet says that it spans what no sheet can")

    def _number(self, at: int, size: int = 2) -> int:
        return int.from_bytes(self._stream[at : at + size], "little")


class _SharedTexts:
    """The texts that cells share: a record and those that go on with it."""

    def __init__(self, stream: bytes | bytearray, at: int, length: int) -> None:
        self._stream, self._at, self._end = stream, at, at + length
        behind = _records(stream, at + length)
        self._more = takewhile(lambda record: record[0] == _CONTINUE, behind)

    def sizes(self) -> array[int]:
        """The bytes of each, without its formats and sounds."""
        sizes = array("q")
        self._number(4)
        for _ in range(self._number(4)):
            if self._at == self._end:
                self._go_on()
            letters, flags = self._number(2), self._number(1)
            formats = self._number(2) if flags & _RICH else 0
            sounds = self._number(4) if flags & _EXTENDED else 0
            sizes.append(self._text(letters, 1 + (flags & _WIDE)))
            self._skip(4 * formats + sounds)
        return sizes

    def _text(self, letters: int, width: int) -> int:
        taken = 0
        while letters:
            here = min(letters, (self._end - self._at) // width)
            self._at += here * width
            taken, letters = taken + here * width, letters - here
            if letters:
                self._go_on()
                # The rest may be written in another width.
                width = 1 + (self._number(1) & _WIDE)
        return taken

    def _skip(self, size: int) -> None:
        while size:
            if self._at == self._end:
                self._go_on()
            here = min(size, self._end - self._at)
            self._at, size = self._at + here, size - here

    def _number(self, size: int) -> int:
        if self._at + size > self._end:
            raise ValueError("its list of texts is cut off")
        self._at += size
        return int.from_bytes(self._stream[self._at - size : self._at], "little")

    def _go_on(self) -> None:
        record = next(self._more, None)
        if record is None:
            raise ValueError("its list of texts is cut off")
        _, self._at, length = record
        self._end = self._at + length
