"""Whether a column holds nothing but plain numbers, seen in its bytes: ten times faster than a
regular expression a cell."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

MINUS, POINT, ZERO = 45, 46, 48
# Whole numbers of so many digits are exact in a float, whatever they are.
SAFE_LENGTH = 15


def shape(cells: pa.Array) -> Literal["whole", "number", "other"]:
    """What all cells of a column of text are that are not null.

    ``whole``: like ``-12``, of at most 15 characters; ``number``: like ``-12`` or ``-12.50``;
    ``other``: there may be anything, also numbers in another form.
    """
    if not len(cells):
        return "other"
    offsets = np.frombuffer(cells.buffers()[1], dtype=np.int32)
    offsets = offsets[cells.offset : cells.offset + len(cells) + 1]
    lengths = np.diff(offsets)
    # A valid cell of no length is an empty text; a null one has no length as a rule.
    if np.count_nonzero(lengths == 0) != cells.null_count or cells.buffers()[2] is None:
        return "other"
    text = np.frombuffer(cells.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    odd = np.flatnonzero(text - np.uint8(ZERO) > 9)
    begins = np.zeros(len(text) + 1, dtype=bool)
    begins[offsets - offsets[0]] = True
    if not _in_place(text, odd, begins, offsets[1:] - offsets[0]):
        return "other"
    whole = lengths.max() <= SAFE_LENGTH and not (text[odd] == POINT).any()
    return "whole" if whole else "number"


def _in_place(text: np.ndarray, odd: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> bool:
    """Whether all bytes but digits are a minus before a cell's first digit or its one point."""
    minus, point = odd[text[odd] == MINUS], odd[text[odd] == POINT]
    if len(minus) + len(point) != len(odd) or (np.diff(odd) == 1).any():
        return False
    # A digit follows each in the same cell, and stands before the point.
    if begins[odd + 1].any() or not begins[minus].all() or begins[point].any():
        return False
    return bool((np.diff(np.searchsorted(ends, point, side="right")) > 0).all())
