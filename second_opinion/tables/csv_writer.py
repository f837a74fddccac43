"""Tables back into files: CSV in which every cell is the text that it was.

pyarrow's own writer puts quotes around every text; here only a cell that needs them gets them, so
that a file keeps its looks. An empty cell is null, ``""`` is an empty text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Between these Arrow writes a number that is not whole just as Python does, only faster.
PLAIN_FROM, PLAIN_TO = 1e-3, 1e9
WHOLE_TO = 1e15

# A piece whose lines stay in the processor's cache.
ROWS_AT_ONCE = 20_000


class Writable(Protocol):
    """What bytes can be written into."""

    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""


def write_csv(
    chunks: Iterable[pa.Table],
    out: Writable,
    *,
    delimiter: str = ",",
    line_end: str = "\n",
) -> int:
    """Write tables with the same columns one after the other, under one header.

    Numbers and other types are written as `as_text` gives them. Returns the number of rows.
    """
    return write_records(chunks, out, lambda cells: records(cells, delimiter, line_end=line_end))


def write_records(
    chunks: Iterable[pa.Table], out: Writable, lines: Callable[[Sequence[pa.Array]], bytes]
) -> int:
    """Write a header and the rows of some tables as the lines that a function makes of columns."""
    rows = 0
    for at, chunk in enumerate(chunks):
        if at == 0:
            out.write(lines([pa.array([name], pa.string()) for name in chunk.column_names]))
        for first in range(0, len(chunk), ROWS_AT_ONCE):
            part = chunk.slice(first, ROWS_AT_ONCE)
            out.write(lines([as_text(column) for column in part.columns]))
        rows += len(chunk)
    return rows


def records(
    cells: Sequence[pa.Array],
    delimiter: str = ",",
    *,
    before: Sequence[pa.Array] = (),
    line_end: str = "\n",
) -> bytes:
    """Columns of text as the bytes of CSV records, quoted where they must be.

    ``before`` are finished columns, or several in one, that come first.
    """
    # A byte order mark at the very beginning would be taken for one.
    marks = ['"', delimiter, "\r", "\n", "\ufeff"]
    # A lone empty cell would make a blank line, and a blank line is no record.
    alone = len(before) + len(cells) == 1
    finished = [_quoted_where_needed(column, marks, alone=alone) for column in cells]
    return lines([*before, *finished], delimiter, line_end)


def lines(cells: Sequence[pa.Array], delimiter: str, line_end: str = "\n") -> bytes:
    """Columns of finished cells put together line by line; null is an empty cell."""
    *others, last = cells
    options = {"null_handling": "replace", "null_replacement": ""}
    ended = pc.binary_join_element_wise(last, line_end, "", **options)
    joined = pc.binary_join_element_wise(*others, ended, delimiter, **options)
    return content(joined)


def quoted(column: pa.Array) -> pa.Array:
    """Every text in quotes, the quotes in it doubled; null stays null."""
    return _between_quotes(pc.replace_substring(column, '"', '""'))


def _between_quotes(column: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', column, '"', "")


def _quoted_where_needed(column: pa.Array, marks: list[str], *, alone: bool) -> pa.Array:
    marks = _marks_in(column, marks)
    if not (marks or alone or _has_empty(column)):
        return column
    needed = pc.equal(column, "")
    for mark in marks:
        needed = pc.or_(needed, pc.match_substring(column, mark))
    if alone:
        needed = pc.or_(needed, pc.utf8_is_space(column))
    doubled = quoted(column) if '"' in marks else _between_quotes(column)
    return pc.if_else(needed, doubled, column)


def _marks_in(column: pa.Array, marks: list[str]) -> list[str]:
    """Which of the marks stand anywhere in a column: one search each through its bytes."""
    text = content(column)
    return [mark for mark in marks if mark.encode() in text]


def content(column: pa.Array) -> bytes:
    """All texts of a column, one behind the other."""
    text = column.buffers()[2]
    if text is None or not len(column):
        return b""
    ends = _offsets(column)
    return bytes(text.slice(int(ends[0]), int(ends[-1] - ends[0])))


def _has_empty(column: pa.Array) -> bool:
    lengths = np.diff(_offsets(column))
    return bool((lengths == 0).sum() > column.null_count)


def _offsets(column: pa.Array) -> np.ndarray:
    whole = np.frombuffer(column.buffers()[1], dtype=np.int32)
    return whole[column.offset : column.offset + len(column) + 1]


def as_text(column: Any) -> pa.Array:
    """A column as text from which every value can be read back exactly.

    Numbers stand in their shortest exact form, as Python writes them: ``0.1``, ``1.0``, ``1e-05``.
    """
    array = one_array(column) if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(array.type):
        array = pc.take(array.dictionary, array.indices)
    if pa.types.is_string(array.type):
        return array
    if pa.types.is_floating(array.type):
        return _float_text(pc.cast(array, pa.float64()))
    if pa.types.is_integer(array.type) or pa.types.is_large_string(array.type):
        return pc.cast(array, pa.string())
    return pa.array([None if v is None else _text(v) for v in array.to_pylist()], pa.string())


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, copied only where it is in several."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _float_text(numbers: pa.Array) -> pa.Array:
    """`repr` of each number. Arrow casts five times faster, but not always to the same digits."""
    values = numbers.to_numpy(zero_copy_only=False)
    if len(values) and values.min() >= PLAIN_FROM and values.max() < 1:
        return pc.cast(numbers, pa.string())
    size = np.abs(values)
    whole = (values == np.floor(values)) & (size < WHOLE_TO) & ~((values == 0) & np.signbit(values))
    plain = (size >= PLAIN_FROM) & (size < PLAIN_TO)
    odd = np.flatnonzero(~(whole | plain) & ~np.asarray(numbers.is_null()))
    text = pc.cast(numbers, pa.string())
    if whole.any():
        digits = pc.cast(pa.array(np.where(whole, values, 0).astype(np.int64)), pa.string())
        dotted = pc.binary_join_element_wise(digits, ".0", "")
        text = pc.if_else(pc.and_(pa.array(whole), numbers.is_valid()), dotted, text)
    if odd.size:
        mask = np.zeros(len(values), dtype=bool)
        mask[odd] = True
        text = pc.replace_with_mask(text, mask, pa.array(map(repr, values[odd].tolist())))
    return text


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when all of it is written.

    It is written beside its place, forced to the disk and renamed. When anything goes wrong,
    nothing new is there, and what was there before stays.
    """
    draft = path.parent / f".{path.name[:100]}.{uuid4().hex}.part"
    try:
        with draft.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
