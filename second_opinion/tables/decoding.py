"""The text of a file as UTF-8, block by block."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator

from second_opinion.tables.table_file import TableFile

BLOCK = 2**20

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def byte_order_mark(head: bytes) -> tuple[bytes, str]:
    """The byte order mark with which a file begins and the encoding that it means, or nothing."""
    return next((pair for pair in BYTE_ORDER_MARKS if head.startswith(pair[0])), (b"", ""))


def blocks(source: TableFile, encoding: str, times: int = 1) -> Iterator[tuple[bytes, int, bool]]:
    """Blocks of UTF-8 text without a byte order mark, the bytes read so far, and whether the block
    is the last. Each is about a megabyte, so many ``times``.

    What is no text in the encoding stays in the block as bytes that are no UTF-8.
    """
    with source.open() as stream:
        mark, _ = byte_order_mark(stream.read(4))
        stream.seek(len(mark))
        bytes_read = len(mark)
        recode = _recoder(encoding)
        final = False
        while not final:
            raw = stream.read(times * BLOCK)
            bytes_read += len(raw)
            final = not raw
            yield recode(raw, final), bytes_read, final


def beginning(source: TableFile, encoding: str, length: int = BLOCK) -> tuple[bytes, bool]:
    """The first text of a file, about so many bytes of it, and whether it is all."""
    parts = []
    for text, _, final in blocks(source, encoding):
        parts.append(text)
        length -= len(text)
        if final or length <= 0:
            break
    return b"".join(parts), final


def row_cells(row: bytes, delimiter: str) -> list[str]:
    """The cells of one row of UTF-8 text, or none where it is not regular."""
    text = row.decode("utf-8", "replace").rstrip("\r\n")
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _recoder(encoding: str) -> Callable[[bytes, bool], bytes]:
    if encoding == "utf-8":
        return lambda raw, final: raw
    errors = "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)

    def recode(raw: bytes, final: bool) -> bytes:
        try:
            text = decoder.decode(raw, final)
        except UnicodeDecodeError:
            if not final:
                raise
            # The file ends within a character.
            return b"\xff"
        return text.encode("utf-8", errors)

    return recode
