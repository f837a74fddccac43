"""Cases whose right answer is known, from a file of their own, to check who answers a plan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from second_opinion.access import roles
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.formatting import plural, quoted
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.records.expert import Expert
from second_opinion.records.plan import KnownAnswers
from second_opinion.records.value import same_value, typed_text
from second_opinion.store import Store

MOST_CASES = 1_000
# A whole number as a spreadsheet writes it; three zeros are thousands.
WHOLE = re.compile(r"(-?[0-9]+)[.,]0{1,2}")


def candidate_columns(store: Store, card: ModelCard, batch: Batch) -> list[str]:
    """The columns of a file that may hold known answers: those that the model does not take.

    First those that are hidden from experts, as a column is that seems to tell the answer.
    """
    inputs = card.case_schema.taken_from(batch.columns)
    columns = [name for name in batch.columns if name not in inputs]
    hidden = store.column_choices.latest(batch.id).hidden
    return sorted(columns, key=lambda name: name not in hidden)


def fits(batch: Batch, pool: Batch) -> bool:
    """Whether a batch may have the known cases: another file, scored by the same model file."""
    is_other = batch.file_sha256 != pool.file_sha256
    is_same_model = (batch.ref, batch.model_sha256) == (pool.ref, pool.model_sha256)
    return is_other and is_same_model and batch.state == "done"


def known_answers(
    store: Store, card: ModelCard, pool: Batch, batch: Batch, column: str, *, by: Expert
) -> KnownAnswers:
    """What a column of a batch says of its scored rows, for a plan on another pool.

    An answer is a class of the card, by its value or its words, or a number. `UserError` below a
    reviewer, for a file that does not fit, and for a cell that is no answer.
    """
    roles.check(by, "draft a plan")
    if not fits(batch, pool):
        raise UserError(
            f"{quoted(batch.name)} cannot have the known cases; expected another file than the "
            f"plan is about, scored to the end by {pool.ref}. Score such a file, then choose it."
        )
    if column not in candidate_columns(store, card, batch):
        raise UserError(
            f"{quoted(batch.name)} has no column {quoted(column)} beside those that the model "
            "takes; expected one with the known answers. Choose another column."
        )
    _check_alike(store, pool, batch, column)
    cells = dict(islice(_cells(store, batch, column), MOST_CASES + 1))
    if not 1 <= len(cells) <= MOST_CASES:
        count = plural(0, "row") if not cells else f"more than {plural(MOST_CASES, 'row')}"
        raise UserError(
            f"{quoted(batch.name)} has {count} with an answer in the column {quoted(column)}; "
            f"expected 1 to {MOST_CASES:,}. Score a file that has so many."
        )
    answers = dict(zip(cells, _read(card, batch, [*cells.values()]), strict=True))
    for row, answer in answers.items():
        if answer is None:
            raise UserError(
                f"Row {row} of {quoted(batch.name)}: {column} is {quoted(cells[row])}; expected "
                f"{_expected(card)}, or nothing where it is not known. Correct the file, then "
                "score it again."
            )
    return KnownAnswers(batch.id, column, answers)


def _check_alike(store: Store, pool: Batch, batch: Batch, column: str) -> None:
    """`UserError` where the cases would look other than those of the pool."""
    choice = store.column_choices.latest(pool.id)
    shown = [*choice.shown, *([choice.picture] if choice.picture else [])]
    present = {*batch.columns} - {column}
    lacking = [name for name in shown if name not in present]
    if lacking:
        raise UserError(
            f"{quoted(batch.name)} has no column {quoted(lacking[0])}, which experts see of the "
            f"cases of {quoted(pool.name)}; expected it, or its cases could be told apart. Score "
            "the file with that column, or take it out of what experts see on Batch upload."
        )


def _cells(store: Store, batch: Batch, column: str) -> Iterator[tuple[int, str]]:
    """The rows, from 1, on which the model answered and something is known, with the cell."""
    scored_rows = ScoredRows(store)
    scores = scored_rows.scores(batch)
    is_scored = scores.codes >= 0 if scores.numbers is None else ~np.isnan(scores.numbers)
    cells = (cell for text in scored_rows.texts(batch, [column]) for cell in text[column])
    for row, cell in enumerate(cells, 1):
        tidy = str(cell.as_py() or "").strip()
        if tidy and is_scored[row - 1]:
            yield row, tidy


def _read(card: ModelCard, batch: Batch, cells: Sequence[str]) -> Sequence[Any]:
    """What each cell says; None for one that is no answer."""
    if card.task == "regression":
        from second_opinion.tables import cell_numbers

        return cell_numbers(cells, batch.decimal)
    values = [_class_of(card, cell) for cell in cells]
    if card.answer == "probability":
        return [None if value is None else same_value(value, card.positive) for value in values]
    return values


def _class_of(card: ModelCard, cell: str) -> Any:
    """The class that a cell names by its value or its words; None for none, or for several."""
    whole = WHOLE.fullmatch(cell)
    names = {cell, whole[1] if whole else cell}
    folded = {name.casefold() for name in names}
    words = [(typed_text(one.value), one.label, one.value) for one in card.classes]
    for meant in (
        [value for text, _, value in words if text in names],
        [value for _, label, value in words if label == cell],
        [value for text, label, value in words if {text.casefold(), label.casefold()} & folded],
    ):
        if meant:
            return meant[0] if len(meant) == 1 else None
    return None


def _expected(card: ModelCard) -> str:
    if card.task == "regression":
        return "a number"
    return "one of " + ", ".join(card.label(value) for value in card.class_values[:10])
