"""Which of two versions of a model the experts back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.models.comparison import MOST_SHOWN, Pair
from second_opinion.models.comparison_cases import Case
from second_opinion.models.model import Model
from second_opinion.records.value import same_value
from second_opinion.statistics import paired
from second_opinion.verdicts import meaning

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Backed:
    """Which of two versions the experts back, on the cases whose right answer they gave.

    ``fixes`` counts what the first had wrong and the second has right, ``breaks`` the reverse; each
    table shows the first 100 of them. ``left_out`` says in sentences which cases do not count.
    ``p_value`` is of the exact McNemar test, and ``text`` what it says.
    """

    cases: int
    both: int
    neither: int
    fixes: int
    breaks: int
    fixed_cases: pd.DataFrame
    broken_cases: pd.DataFrame
    left_out: tuple[str, ...]
    p_value: float
    text: str


def backed(
    first: Model,
    second: Model,
    verdicts: Sequence[Mapping[str, Any]],
    tolerance: float | None = None,
) -> Backed:
    """Compare two versions on what experts said of the predictions of either.

    ``verdicts`` has a row for each verdict, with ``version, inputs, value, answer, outcome`` and
    ``adjudicated``, as `Store.judged` gives them. The right answer of a case is what was decided,
    or else accepted or given as right; equal inputs are one case. A number is right within
    ``tolerance``.
    """
    if first.card.task == "regression" and tolerance is None:
        raise UserError(
            "Which numbers are right is not known; expected a tolerance: how far a number may be "
            "off and still count as right. Give one."
        )
    cases, left_out = _known(first.card, verdicts, tolerance)
    pair = Pair.of(first, second, [case.inputs for case in cases])
    shared_cases = [cases[at] for at in pair.at]
    one, other = (
        _right_of(shared_cases, card.version, values, tolerance)
        for card, values in zip(pair.cards, pair.values, strict=True)
    )
    fixes, breaks = (np.flatnonzero(mask).tolist() for mask in (~one & other, one & ~other))
    tables = [
        pair.table(rows[:MOST_SHOWN], [shared_cases[row].right for row in rows[:MOST_SHOWN]])
        for rows in (fixes, breaks)
    ]
    return Backed(
        cases=len(shared_cases),
        both=int((one & other).sum()),
        neither=int((~one & ~other).sum()),
        fixes=len(fixes),
        breaks=len(breaks),
        fixed_cases=tables[0],
        broken_cases=tables[1],
        left_out=(*left_out, *pair.unread),
        p_value=paired.mcnemar(len(fixes), len(breaks)),
        text=paired.mcnemar_text(len(fixes), len(breaks), pair.names[1], pair.names[0]),
    )


@dataclass(frozen=True)
class _Known:
    """A case with its right answer, and what the versions that were judged on it said."""

    inputs: Case
    right: Any
    answers: Mapping[str, Any]

    def fits(self, value: Any, tolerance: float | None) -> bool:
        if tolerance is None:
            return same_value(value, self.right)
        return meaning.within(value, self.right, tolerance)


def _right_of(
    cases: Sequence[_Known], version: str, values: Sequence[Any], tolerance: float | None
) -> np.ndarray[Any, Any]:
    """Whether a version is right in each case; what was judged counts, where that is on record."""
    answers = [case.answers.get(version, value) for case, value in zip(cases, values, strict=True)]
    fits = [case.fits(value, tolerance) for case, value in zip(cases, answers, strict=True)]
    return np.array(fits, dtype=bool)


def _known(
    card: ModelCard, verdicts: Sequence[Mapping[str, Any]], tolerance: float | None
) -> tuple[list[_Known], list[str]]:
    """The cases with one right answer, and sentences about the others."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in verdicts:
        groups.setdefault(_key(row), []).append(row)
    cases, silent, conflicts = [], 0, 0
    for rows in map(_that_count, groups.values()):
        values = [value for row in rows if (value := _right(card, row)) is not None]
        if not values:
            silent += 1
        elif not _one_answer(values, tolerance):
            conflicts += 1
        else:
            right = values[0] if tolerance is None else float(np.median(values))
            said = {row["version"]: row["value"] for row in groups[_key(rows[0])]}
            cases.append(_Known(rows[0]["inputs"], right, said))
    reasons = ((silent, "nobody said what is right"), (conflicts, "experts disagree"))
    return cases, [f"in {plural(n, 'case')} {why}" for n, why in reasons if n]


def _key(row: Mapping[str, Any]) -> str:
    return json.dumps(row["inputs"], sort_keys=True)


def _that_count(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Where somebody has decided, the decisions alone: what experts said before is settled."""
    return [row for row in rows if row["adjudicated"]] or rows


def _right(card: ModelCard, row: Mapping[str, Any]) -> Any:
    """What counts as right of a case; None where that is not known."""
    is_unnamed = row["answer"] is None and row["outcome"] == "wrong"
    # That a risk is too low or too high does not make the other class the right one.
    if is_unnamed and card.task == "binary" and card.answer == "class":
        others = [v for v in card.class_values if not same_value(v, row["value"])]
        return others[0] if len(others) == 1 else None
    return row["answer"]


def _one_answer(values: Sequence[Any], tolerance: float | None) -> bool:
    if tolerance is not None:
        return meaning.within(max(values), min(values), tolerance)
    return all(same_value(value, values[0]) for value in values)
