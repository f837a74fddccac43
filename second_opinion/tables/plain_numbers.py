"""Columns of text that hold nothing but plain numbers, told by a few of their bytes: far cheaper
than a regular expression a cell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

ZERO, NINE = ord("0"), ord("9")


class PlainNumbers(NamedTuple):
    """Floats, NaN for null, and whether each was written without a point."""

    values: npt.NDArray[np.float64]
    whole: bool


def numbers(cells: pa.Array) -> PlainNumbers | None:
    """A column of text as numbers, where each cell that is not null is like ``-12`` or ``+12.50``.

    None where a cell may be anything else, also a number in another form. Arrow's conversion is
    the check of most of it: beyond that it takes ``inf``, ``nan``, ``1e5``, ``5.`` and ``.5``.
    """
    content = cells.buffers()[2]
    if cells.null_count == len(cells) or content is None:
        return None
    offsets = np.frombuffer(cells.buffers()[1], dtype=np.int32)
    offsets = offsets[cells.offset : cells.offset + len(cells) + 1]
    text = np.frombuffer(content, dtype=np.uint8)[: offsets[-1]]
    # Every letter is beyond the digits, so no name of a number and no exponent is left.
    if text[offsets[0] :].max(initial=0) > NINE:
        return None
    try:
        values = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    whole = b"." not in text[offsets[0] :].tobytes()
    return PlainNumbers(values, whole) if whole or _digits_around(text, offsets) else None


def _digits_around(text: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]) -> bool:
    """Whether each number has a digit before its point and behind it."""
    starts, ends = offsets[:-1], offsets[1:]
    if (starts == ends).any():
        mask = starts < ends
        starts, ends = starts[mask], ends[mask]
    if not _are_digits(text[ends - 1]).all():
        return False
    signed = starts[~_are_digits(text[starts])]
    return bool((text[signed] != ord(".")).all() and _are_digits(text[signed + 1]).all())


def _are_digits(letters: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return letters - np.uint8(ZERO) <= NINE - ZERO
