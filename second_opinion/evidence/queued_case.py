"""Whether a case that somebody types or sends is one that waits for their own answer in a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from second_opinion.access import roles
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.recent import Recent
from second_opinion.records.batch import Batch
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.records.value import plain
from second_opinion.store import Store
from second_opinion.store.blind_cases import IN_QUEUE
from second_opinion.verdicts.same_case import inputs_key

Case = Mapping[str, Any]
HASH_BYTES = 16
MOST_BYTES = 32_000_000
# About what a drawn case takes: its hash, its id, and their place in a dictionary.
CASE_BYTES = 350


@dataclass(frozen=True)
class _DrawnCases:
    """The cases of a plan as a version takes them: ids of their predictions by a hash of inputs.

    ``names`` are the inputs that are compared, none where a case can be no row of the file.
    """

    names: tuple[str, ...]
    ids: Mapping[bytes, Sequence[str]]

    def like(self, case: Case) -> Sequence[str]:
        """The ids of those with the same inputs."""
        return self.ids.get(_hash(case, self.names), ())


# By plan and by the card that its cases were read by.
_recent: Recent[_DrawnCases] = Recent(MOST_BYTES)


def check(store: Store, card: ModelCard, case: Case, *, by: Expert) -> None:
    """Raise `UserError` where the case, as this version takes it, is in this person's queue."""
    if first_of(store, card, [case], by=by) is not None:
        raise UserError(IN_QUEUE)


def first_of(store: Store, card: ModelCard, cases: Sequence[Case], *, by: Expert) -> int | None:
    """The place, from 0, of the first case that is in this person's queue; None where none is.

    ``card`` is of the version that is asked, and the cases are as it takes them.
    """
    plans = store.blind_cases.plans(card.name, by=by)
    places = [_first_in(store, _drawn_cases(store, plan, card), cases, by) for plan in plans]
    return min((place for place in places if place is not None), default=None)


def _first_in(store: Store, drawn: _DrawnCases, cases: Sequence[Case], by: Expert) -> int | None:
    if not drawn.names:
        return None
    alike = [drawn.like(case) for case in cases]
    closed = store.blind_cases.closed({one for ids in alike for one in ids}, by=by)
    return next((at for at, ids in enumerate(alike) if closed.intersection(ids)), None)


def _drawn_cases(store: Store, plan: Plan, card: ModelCard) -> _DrawnCases:
    key = plan.id, card.ref, card.sha256
    drawn = _recent.get(key)
    if drawn is None:
        drawn = _read(store, plan, card)
        _recent.keep(key, drawn, CASE_BYTES * len(drawn.ids))
    return drawn


def _read(store: Store, plan: Plan, card: ModelCard) -> _DrawnCases:
    batch = store.batches.find(plan.batch_id)
    names = () if batch is None else _names(batch, card)
    ids: dict[bytes, list[str]] = defaultdict(list)
    if batch is not None and names:
        id_of = {
            draw.row_number: draw.prediction_id
            for draw in store.plans.draws(plan.id, by=roles.PROGRAM)
        }
        for row, case in _rows(store, batch, card, list(id_of)):
            ids[_hash(case, names)].append(id_of[row])
    return _DrawnCases(names, dict(ids))


def _names(batch: Batch, card: ModelCard) -> tuple[str, ...]:
    """The inputs of the version that the file has; none where it lacks one that must be there."""
    here = card.case_schema.inputs_in(batch.columns)
    lacking = [feature for feature in card.case_schema if feature.name not in here]
    return tuple(here) if all(feature.optional for feature in lacking) else ()


def _rows(
    store: Store, batch: Batch, card: ModelCard, rows: Sequence[int]
) -> Iterator[tuple[int, Case]]:
    """Rows of the file by their numbers, each as a form would give it."""
    from second_opinion.tables import typed

    page, schema = ScoredRows(store).fetched(batch, rows), card.case_schema
    cases, _ = typed(page.text, schema, decimal=batch.decimal)
    columns = [cases[name] for name in schema.names]
    for row, values in zip(page.rows.tolist(), zip(*columns, strict=True), strict=True):
        inputs, _ = schema.read(dict(zip(schema.names, map(plain, values), strict=True)))
        yield row, inputs


def _hash(case: Case, names: Sequence[str]) -> bytes:
    text = inputs_key({name: case.get(name) for name in names})
    return blake2b(text.encode(), digest_size=HASH_BYTES).digest()
