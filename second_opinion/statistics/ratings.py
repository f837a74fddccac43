"""What several raters said of the same cases, as counts.

A table is raters × cases: a frame, an array or a list of rows, of the answers that the experts
gave. Any hashable answer counts (``True``, ``1`` and ``"1"`` stay apart); None, NaN and NaT are
cases that the rater did not see. Figures are about what experts said the answer is, never about
whether they agree with the model.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from second_opinion.records.value import key_of, plain

Level = Literal["nominal", "ordinal", "interval", "ratio"]
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Ratings:
    """A table of answers as counts.

    ``codes`` (raters × cases) are positions in ``categories``, −1 where there is no answer;
    ``counts`` (cases × categories) say how many raters gave each.
    """

    categories: tuple[Any, ...]
    codes: Array
    counts: Array

    @property
    def twice(self) -> Array:
        """Which cases have two answers or more."""
        return np.asarray(self.counts.sum(axis=1) >= 2)


def read(table: Any, categories: Iterable[Hashable] | None = None) -> Ratings:
    """The answers of a table as counts; the ``categories`` come first, in their order."""
    rows = table.to_numpy(dtype=object) if isinstance(table, pd.DataFrame) else table
    places: dict[Any, int] = {key_of(value): at for at, value in enumerate(categories or ())}
    answers = [[key_of(plain(cell)) for cell in row] for row in rows]
    cases = {len(row) for row in answers} or {0}
    if len(cases) > 1:
        raise ValueError("a table of answers needs a cell for every case in each rater's row")
    new_keys = {cell for row in answers for cell in row if cell is not None} - places.keys()
    for cell in sorted(new_keys, key=_sort_key):
        places[cell] = len(places)
    codes = np.array([[places.get(cell, -1) for cell in row] for row in answers], dtype=int)
    codes = codes.reshape(len(answers), *cases)
    counts = np.zeros((codes.shape[1], len(places)))
    rater, case = np.nonzero(codes >= 0)
    np.add.at(counts, (case, codes[rater, case]), 1.0)
    return Ratings(tuple(value for _, value in places), codes, counts)


def _sort_key(key: tuple[bool, Any]) -> tuple[bool, bool, Any]:
    is_number = isinstance(key[1], (bool, int, float))
    return key[0], is_number, key[1] if is_number else str(key[1])


def place_of(ratings: Ratings, level: Level) -> Array:
    """Where each category lies on its scale; for ordinal that follows from the counts."""
    if level in ("nominal", "ordinal"):
        return np.arange(len(ratings.categories), dtype=float)
    try:
        return np.array(ratings.categories, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"alpha of level {level} needs answers that are numbers") from error
