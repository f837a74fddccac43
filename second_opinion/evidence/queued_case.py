"""Whether a case that somebody types or sends is one that waits for their own answer in a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.recent import Recent, bytes_of
from second_opinion.records.batch import Batch, prediction_id
from second_opinion.records.expert import Expert
from second_opinion.records.value import plain, typed_text
from second_opinion.store import Store
from second_opinion.store.blind_cases import IN_QUEUE

if TYPE_CHECKING:
    import pandas as pd

Case = Mapping[str, Any]
# A million rows take 12 MB.
MOST_BYTES = 32_000_000
# Odd, so that each column counts in every bit of the sum.
FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class _Pool:
    """The rows of a file, from 1, in the order of the ``hashes`` of their inputs.

    ``names`` are the inputs that are compared, none where a case can be no row of the file.
    """

    names: tuple[str, ...]
    hashes: np.ndarray
    rows: np.ndarray

    def like(self, frame: pd.DataFrame) -> list[list[int]]:
        """For each case of a frame the rows with the same inputs."""
        hashes = _hashes(frame, self.names)
        first, after = (np.searchsorted(self.hashes, hashes, side) for side in ("left", "right"))
        return [self.rows[a:b].tolist() for a, b in zip(first, after, strict=True)]


# By batch and by the card that its rows were read by.
_pools: Recent[_Pool] = Recent(MOST_BYTES)


def check(store: Store, card: ModelCard, case: Case, *, by: Expert) -> None:
    """Raise `UserError` where the case, as this version takes it, is in this person's queue."""
    if first_of(store, card, [case], by=by) is not None:
        raise UserError(IN_QUEUE)


def first_of(store: Store, card: ModelCard, cases: Sequence[Case], *, by: Expert) -> int | None:
    """The place, from 0, of the first case that is in this person's queue; None where none is.

    ``card`` is of the version that is asked, and the cases are as it takes them.
    """
    batches = map(store.batches.find, store.blind_cases.batches(card.name, by=by))
    places = [_first_in(store, batch, card, cases, by) for batch in batches if batch is not None]
    return min((place for place in places if place is not None), default=None)


def _first_in(
    store: Store, batch: Batch, card: ModelCard, cases: Sequence[Case], by: Expert
) -> int | None:
    pool = _pool(store, batch, card)
    if not pool.names:
        return None
    alike = pool.like(card.case_schema.frame(list(cases)))
    id_of = {row: prediction_id(batch.id, row) for rows in alike for row in rows}
    closed = store.blind_cases.closed(id_of.values(), by=by)
    closed_rows = {row for row, one in id_of.items() if one in closed}
    return next((at for at, rows in enumerate(alike) if closed_rows.intersection(rows)), None)


def _pool(store: Store, batch: Batch, card: ModelCard) -> _Pool:
    key = batch.id, card.ref, card.sha256
    pool = _pools.get(key)
    if pool is None:
        pool = _read_pool(store, batch, card)
        _pools.keep(key, pool, bytes_of(pool.hashes, pool.rows))
    return pool


def _read_pool(store: Store, batch: Batch, card: ModelCard) -> _Pool:
    from second_opinion.tables import typed

    schema = card.case_schema
    names = _names(batch, card)
    parts = [np.empty(0, dtype=np.uint64)]
    if names:
        taken = schema.taken_from(batch.columns)
        columns = [name for name in batch.columns if name in taken]
        for text in ScoredRows(store).texts(batch, columns):
            frame, _ = typed(text, schema, decimal=batch.decimal)
            parts.append(_hashes(frame, names))
    hashes = np.concatenate(parts)
    order = np.argsort(hashes, kind="stable")
    return _Pool(names, hashes[order], (order + 1).astype(np.uint32))


def _names(batch: Batch, card: ModelCard) -> tuple[str, ...]:
    """The inputs of the version that the file has; none where it lacks one that must be there."""
    here = card.case_schema.inputs_in(batch.columns)
    lacking = [feature for feature in card.case_schema if feature.name not in here]
    return tuple(here) if all(feature.optional for feature in lacking) else ()


def _hashes(frame: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """A hash of 64 bits for each row; equal inputs have the same one, whatever holds them."""
    hashes = np.zeros(len(frame), dtype=np.uint64)
    for name in names:
        hashes = hashes * FACTOR + _column_hashes(frame[name])
    return hashes


def _column_hashes(column: pd.Series[Any]) -> np.ndarray:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy("float64", na_value=np.nan) + 0.0  # also of -0.0
        numbers[np.isnan(numbers)] = np.nan
        return pd.util.hash_array(numbers)
    codes, values = pd.factorize(column)
    # What is missing has the code -1.
    texts = np.array([*map(_text, values), ""], dtype=object)
    hashes: np.ndarray = pd.util.hash_array(texts, categorize=False)[codes]
    return hashes


def _text(value: Any) -> str:
    # A day of a file has a time beside it, one of a form has none.
    return typed_text(plain(value)).removesuffix("T00:00:00")
