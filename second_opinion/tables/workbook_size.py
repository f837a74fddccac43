"""What a workbook takes once it is unpacked: its bytes, and the cells of its sheets.

A workbook is packed, and the library that reads it holds a sheet as a full rectangle, each text as
often as it stands there: some kilobytes may become gigabytes, or end the process. So it is measured
as a stream before.
"""

from __future__ import annotations

import re
import zipfile
from array import array
from collections.abc import Iterator

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.tables.ods_spans import ods_spans
from second_opinion.tables.sheet_span import Span
from second_opinion.tables.table_file import MEGABYTE, TableFile
from second_opinion.tables.xls_records import xls_spans
from second_opinion.tables.xlsb_records import xlsb_spans, xlsb_texts

MOST_UNPACKED = 200 * MEGABYTE
# As many as a full table of MOST_UNPACKED bytes has, those that lie empty between others included.
MOST_CELLS = 8_000_000
# Each part has a line in the list at the end of an archive, which is read whole.
MOST_PARTS = 10_000
PIECE = 2**20
# Longer than the beginning of a cell: what may be cut is looked at again with the next piece.
OVERLAP = 1024

_PART = b"PK\x01\x02"
_BINARY_BOOK, _BINARY_TEXTS = "xl/workbook.bin", "xl/sharedstrings.bin"
_BINARY_SHEET = re.compile(r"xl/(work|chart|dialog)sheets/.*", re.IGNORECASE)
_TEXTS = re.compile(r"/?xl/sharedstrings\.xml", re.IGNORECASE)
_PREFIX = re.compile(rb"<(/?)\w+:")
# As every usual program writes it, which is found in a third of the time, and as it may be written.
_PLAIN_PLACE = re.compile(rb' r="([A-Z]*)([0-9]+)"')
_PLACE = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]*)([0-9]*)""")
_FULL_PLACE = re.compile(
    rb"""<c\s[^>]*?\br\s*=\s*["']\s*([A-Za-z]+)([0-9]+)\s*["'](?:[^>]*[^>/])?>"""
)
_IS_SHARED = re.compile(rb"""\bt\s*=\s*["']s["']""")
_SHARED = re.compile(
    rb"""\bt\s*=\s*["']s["'][^>]*>\s*(?:<f\b[^>]*>(?:[^<]*</f>)?\s*)?<v\b[^>]*>\s*([0-9]+)"""
)
_TEXT_END = re.compile(rb"</(?:\w+:)?si\s*>|<(?:\w+:)?si\s*/>")


def has_many_parts(source: TableFile) -> bool:
    """Whether the list of an archive's parts is too long to be read."""
    parts, end = 0, b""
    with source.open() as stream:
        while piece := stream.read(PIECE):
            parts += (end + piece).count(_PART)
            end = piece[1 - len(_PART) :]
    return parts > MOST_PARTS


def check_said(source: TableFile) -> None:
    """`UserError` for an archive that says of itself that it unpacks to too much."""
    with source.open() as stream:
        if not zipfile.is_zipfile(stream):
            return
        with zipfile.ZipFile(stream) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > MOST_UNPACKED:
        raise _too_large(source, f"unpacks to {unpacked / MEGABYTE:,.0f} MB")


def check_size(source: TableFile) -> None:
    """`UserError` for a workbook that takes too much, whatever it says of itself."""
    check_said(source)
    with source.open() as stream:
        if not zipfile.is_zipfile(stream):
            return
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
            texts = array("q")
            for part in (one for one in parts if _TEXTS.fullmatch(one.filename)):
                texts.extend(_text_lengths(_pieces(source, archive, part)))
            for part in (one for one in parts if not _TEXTS.fullmatch(one.filename)):
                _check_part(source, archive, part, texts)
            for spans in _other_sheets(source, archive, parts):
                _check_spans(source, spans)


def check_stream(source: TableFile, stream: bytes) -> None:
    """`UserError` for an .xls whose workbook, which this is, takes too much.

    `ValueError` where its records are not as they may be.
    """
    _check_spans(source, xls_spans(stream))


def _check_part(
    source: TableFile, archive: zipfile.ZipFile, part: zipfile.ZipInfo, texts: array[int]
) -> None:
    # Any part may be a sheet: the workbook names the path of each.
    longest, shared, extent = max(texts, default=0), 0, _Extent()
    for piece in _whole_cells(_pieces(source, archive, part)):
        extent.take(piece)
        shared += piece.count(b'"s"') + piece.count(b"'s'")
        if extent.cells > MOST_CELLS and not extent.is_written:
            raise _too_wide(source, extent.rows, extent.columns)
    if extent.cells > MOST_CELLS:
        _check_full_cells(source, _whole_cells(_pieces(source, archive, part)))
    if longest * shared > MOST_UNPACKED:
        _check_texts(source, _whole_cells(_pieces(source, archive, part)), texts)


def _other_sheets(
    source: TableFile, archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo]
) -> Iterator[Iterator[Span]]:
    """The spans of each part that may hold sheets of an .ods or .xlsb."""
    if _BINARY_BOOK not in {part.filename.lower() for part in parts}:
        for part in (part for part in parts if part.filename == "content.xml"):
            yield ods_spans(_pieces(source, archive, part))
        return
    shared = [part for part in parts if part.filename.lower() == _BINARY_TEXTS]
    if len(shared) > 1:
        raise ValueError("two parts hold the texts that its cells share")
    texts = array("q", (n for p in shared for n in xlsb_texts(_pieces(source, archive, p))))
    for part in (part for part in parts if _BINARY_SHEET.fullmatch(part.filename)):
        yield xlsb_spans(_pieces(source, archive, part), texts)


def _check_spans(source: TableFile, spans: Iterator[Span]) -> None:
    for span in spans:
        if span.cells > MOST_CELLS:
            raise _too_wide(source, span.rows, span.columns, span.before)
        if span.taken > MOST_UNPACKED:
            raise _too_large(
                source, f"repeats its cells until they take {span.taken / MEGABYTE:,.0f} MB"
            )


def _check_full_cells(source: TableFile, pieces: Iterator[bytes]) -> None:
    """The same without cells that have a format alone, which people leave behind anywhere."""
    extent = _Extent(with_content=True)
    for piece in pieces:
        extent.take(piece)
        if extent.cells > MOST_CELLS:
            raise _too_wide(source, extent.rows, extent.columns)


def _check_texts(source: TableFile, pieces: Iterator[bytes], texts: array[int]) -> None:
    longest, taken = max(texts), 0
    for piece in pieces:
        numbers = [int(number) for number in _SHARED.findall(piece)]
        taken += sum(texts[number] for number in numbers if number < len(texts))
        # A cell that is written in another way may have any of them.
        taken += longest * (len(_IS_SHARED.findall(piece)) - len(numbers))
        if taken > MOST_UNPACKED:
            raise _too_large(
                source, f"repeats its texts until they take {taken / MEGABYTE:,.0f} MB and more"
            )


def _pieces(source: TableFile, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The unpacked bytes; `UserError` where there are more than the archive says."""
    whole = zipfile.ZipInfo(part.filename)
    for name in ("orig_filename", "compress_type", "flag_bits", "header_offset", "compress_size"):
        setattr(whole, name, getattr(part, name))
    # With the size that is said, the module stops there, as other libraries do not.
    whole.file_size = MOST_UNPACKED
    unpacked = 0
    with archive.open(whole) as stream:
        while piece := stream.read(PIECE):
            unpacked += len(piece)
            if unpacked > part.file_size:
                raise _too_large(source, f"unpacks to more than it says, in {part.filename}")
            yield piece


def _whole_cells(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The bytes of a sheet, cut before a cell, its names without a prefix."""
    rest = b""
    for piece in pieces:
        whole = rest + piece
        cut = max(whole.rfind(b"<c"), whole.rfind(b":c"), len(whole) - OVERLAP)
        cut = max(whole.rfind(b"<", 0, cut + 1), len(whole) - OVERLAP, 0)
        yield _plain(whole[:cut])
        rest = whole[cut:]
    yield _plain(rest)


def _plain(piece: bytes) -> bytes:
    has_prefix = b":c" in piece or b":row" in piece or b":v" in piece
    return _PREFIX.sub(rb"<\1", piece) if has_prefix else piece


def _text_lengths(pieces: Iterator[bytes]) -> Iterator[int]:
    """The bytes of each text that cells may share, with the marks around it."""
    before = 0
    rest = b""
    for piece in pieces:
        whole, start = rest + piece, 0
        for match in _TEXT_END.finditer(whole):
            yield before + match.end() - start
            before, start = 0, match.end()
        rest = whole[max(start, len(whole) - 16) :]
        before += len(whole) - start - len(rest)


class _Extent:
    """The rectangle that the cells of a sheet span, as far as it was read.

    Cells without content count too, unless only those ``with_content`` are asked for: then the
    place of each must be written.
    """

    def __init__(self, *, with_content: bool = False) -> None:
        self.rows = self.columns = 0
        self.is_written = True
        self._pattern = _FULL_PLACE if with_content else _PLAIN_PLACE
        self._with_content = with_content
        self._in_row = 0

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    def take(self, piece: bytes) -> None:
        """Go on with these bytes: by the places that are written, and by those that are not."""
        places = self._pattern.findall(piece)
        if not self._with_content and len(places) < _cells(piece) + piece.count(b"<row"):
            places = _PLACE.findall(piece)
            if len(places) < _cells(piece):
                self._count(piece)
        letters, digits = zip(*places, strict=True) if places else ((), ())
        self.columns = max([self.columns, *map(_number, set(letters))])
        self.rows = max([self.rows, *(int(text[:9] or b"0") for text in set(digits))])

    def _count(self, piece: bytes) -> None:
        self.is_written = False
        first, *rows = piece.split(b"<row")
        counts = [_cells(first) + self._in_row, *map(_cells, rows)]
        self._in_row = counts[-1]
        self.columns = max(self.columns, *counts)
        self.rows += len(rows)


def _cells(piece: bytes) -> int:
    return sum(piece.count(b"<c" + after) for after in (b" ", b">", b"/", b"\t", b"\n", b"\r"))


def _number(letters: bytes) -> int:
    """The number of a column, from 1: 28 for AB."""
    number = 0
    for letter in letters.upper()[:6]:
        number = number * 26 + letter - 64
    return number


def _too_wide(source: TableFile, rows: int, columns: int, before: int = 0) -> UserError:
    extent = f"{plural(rows, 'row')} and {plural(columns, 'column')}"
    others = f", besides the {plural(before, 'cell')} of other sheets" if before else ""
    return _too_large(
        source,
        f"has a sheet of {extent}, counting those that lie between{others}",
        f"{MOST_CELLS:,} cells",
    )


def _too_large(source: TableFile, finding: str, most: str = "") -> UserError:
    most = most or f"{MOST_UNPACKED / MEGABYTE:,.0f} MB"
    return UserError(
        f"{source.name} {finding}; expected at most {most}. Copy the cases alone into a new sheet "
        "and save that, or save it as CSV."
    )
