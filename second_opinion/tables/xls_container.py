"""The stream of an .xls that holds its sheets, taken out of the container of its file ([MS-CFB]).

The library that reads workbooks follows every chain of that container and makes room for what it
says, so it is given the stream in a container of its own; macros stay behind.
"""

from __future__ import annotations

import io
import struct
from struct import pack, unpack_from
from typing import Any

from second_opinion.errors import UserError
from second_opinion.tables.table_file import TableFile

_NAMES = ("Workbook", "Book")
_SECTOR = 512
# A shorter stream lies in smaller sectors, for which there are none here.
_LEAST = 4096
_NUMBERS = _SECTOR // 4
_IN_HEADER = 109
_FREE, _END, _OF_TABLE, _OF_TABLES = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
_ROOT, _STREAM = 5, 2


class EncryptedWorkbookError(ValueError):
    """A workbook that a password protects; an .xlsx lies in such a container then."""


def xls_stream(source: TableFile) -> bytes:
    """The bytes of the workbook; `ValueError` where the container is damaged, or has none."""
    olefile = _library(source.name)
    with source.open() as file:
        content = file.read()
    _check_header(content)
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as container:
            name = next((name for name in _NAMES if container.exists(name)), None)
            if name is None and container.exists("EncryptedPackage"):
                raise EncryptedWorkbookError
            if name is None:
                raise ValueError("it has no workbook in it")
            if max(container.get_size(name), container.root.size) > len(content):
                raise ValueError("it says that it holds more than it does")
            stream: bytes = container.openstream(name).read()
            return stream
    except (AttributeError, IndexError, KeyError, RecursionError, struct.error, TypeError) as error:
        raise ValueError("its parts do not fit together") from error


def _check_header(content: bytes) -> None:
    """`ValueError` where tables are longer than the file needs: they are read whole."""
    if len(content) < _SECTOR:
        raise ValueError("it is cut off")
    shift, small = unpack_from("<2H", content, 30)
    tables, small_tables = (unpack_from("<I", content, at)[0] for at in (44, 64))
    if shift not in (9, 12) or small != 6:
        raise ValueError("its sectors have a size that none may have")
    numbers = len(content) / 2**shift
    if tables * 2**shift / 4 > 2 * numbers + _IN_HEADER * 2**shift or small_tables > numbers:
        raise ValueError("its tables are longer than the file")


def packed_alone(stream: bytes) -> bytes:
    """A file with this stream as its workbook, and nothing else."""
    size = max(len(stream), _LEAST)
    count = -(-size // _SECTOR)
    tables, lists = _table_sectors(count + 1)
    directory = lists + tables
    table = [_OF_TABLES] * lists + [_OF_TABLE] * tables + [_END]
    table += [*range(directory + 2, directory + 1 + count), _END]
    table += [_FREE] * (tables * _NUMBERS - len(table))
    places = list(range(lists, lists + tables))
    file = [_header(directory, tables, lists, places), *_lists(places[_IN_HEADER:], lists)]
    file.append(pack(f"<{len(table)}I", *table))
    file.append(_entry("Root Entry", _ROOT, _END, 0, child=1))
    file.append(_entry("Workbook", _STREAM, directory + 1, size))
    file.append(bytes(_SECTOR - 2 * 128))
    file.append(stream.ljust(count * _SECTOR, b"\0"))
    return b"".join(file)


def _table_sectors(others: int) -> tuple[int, int]:
    """How many sectors the table of all sectors takes, and the list of those of its sectors that
    the header has no room for."""
    tables = lists = 0
    while tables * _NUMBERS < others + tables + lists:
        tables += 1
        lists = -(-max(tables - _IN_HEADER, 0) // (_NUMBERS - 1))
    return tables, lists


def _header(directory: int, tables: int, lists: int, places: list[int]) -> bytes:
    first = places[:_IN_HEADER]
    first = first + [_FREE] * (_IN_HEADER - len(first))
    return (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
        + pack("<4I", 0, tables, directory, 0)
        + pack("<5I", _LEAST, _END, 0, 0 if lists else _END, lists)
        + pack(f"<{_IN_HEADER}I", *first)
    )


def _lists(places: list[int], lists: int) -> list[bytes]:
    """The places of further sectors of the table, each list with the place of the next."""
    each = _NUMBERS - 1
    sectors = []
    for number in range(lists):
        part = places[number * each : (number + 1) * each]
        part = part + [_FREE] * (each - len(part))
        sectors.append(pack(f"<{_NUMBERS}I", *part, number + 1 if number + 1 < lists else _END))
    return sectors


def _entry(name: str, kind: int, start: int, size: int, child: int = _FREE) -> bytes:
    letters = name.encode("utf-16-le")
    return (
        letters.ljust(64, b"\0")
        + pack("<HBB3I", len(letters) + 2, kind, 1, _FREE, _FREE, child)
        + bytes(16 + 4 + 8 + 8)
        + pack("<IQ", start, size)
    )


def _library(name: str) -> Any:
    try:
        import olefile
    except ImportError as error:
        raise UserError(
            f"{name} is an old Excel workbook; olefile is needed to measure it and is not "
            "installed. Run `pip install olefile`, or save the table as CSV."
        ) from error
    return olefile
