"""Whether a case that somebody types or sends is one that waits for their own answer in a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.models.catalog import Catalog
from second_opinion.recent import Recent
from second_opinion.records.batch import prediction_id
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.records.value import plain, typed_text
from second_opinion.store import Store
from second_opinion.store.blind_cases import IN_QUEUE

Columns = dict[str, np.ndarray]
MOST_BYTES = 32_000_000

# The inputs of pools as text, column by column.
_pools: Recent[Columns] = Recent(MOST_BYTES)


def check(
    store: Store, catalog: Catalog, model: str, cases: Sequence[Mapping[str, Any]], *, by: Expert
) -> None:
    """Raise `UserError` where one of the cases is in this person's queue; ``cases`` are inputs."""
    for plan in store.blind_cases.plans(model, by=by):
        pool = _pool(store, plan, catalog)
        for at, case in enumerate(cases):
            for row in _rows_like(pool, case):
                if store.blind_cases.is_closed(model, prediction_id(plan.batch_id, row), by=by):
                    raise UserError(IN_QUEUE if len(cases) == 1 else f"Row {at + 1}: {IN_QUEUE}")


def _rows_like(pool: Columns, case: Mapping[str, Any]) -> list[int]:
    """The rows of the pool, from 1, with the same inputs."""
    places: Any = slice(None)
    for name, column in pool.items():
        alike = np.flatnonzero(column[places] == _text(case.get(name)))
        places = alike if isinstance(places, slice) else places[alike]
        if not len(places):
            return []
    return [] if isinstance(places, slice) else (places + 1).tolist()


def _text(value: Any) -> str:
    # A day of a file has a time beside it, one of a form has none.
    return typed_text(plain(value)).removesuffix("T00:00:00")


def _pool(store: Store, plan: Plan, catalog: Catalog) -> Columns:
    columns = _pools.get(plan.batch_id)
    if columns is None:
        card = catalog.card(f"{plan.model}/{plan.version}")
        columns = _columns(store, plan, card)
        size = sum(column.nbytes for column in columns.values())
        _pools.keep(plan.batch_id, columns, size)
    return columns


def _columns(store: Store, plan: Plan, card: ModelCard) -> Columns:
    from second_opinion.tables import typed

    batch = store.batches.find(plan.batch_id)
    if batch is None:
        return {}
    schema = card.case_schema
    parts: dict[str, list[str]] = {name: [] for name in schema.names}
    for text, _, _ in ScoredRows(store).scored_chunks(batch):
        cases, _ = typed(text, schema, decimal=batch.decimal)
        for name in schema.names:
            parts[name] += [_text(value) for value in cases[name]]
    return {name: np.array(texts, dtype=str) for name, texts in parts.items()}
