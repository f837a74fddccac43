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

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Backed:
    """Which of two versions the experts back, on the cases whose right answer they gave.

    ``fixed`` counts what the first had wrong and the second has right, ``broken`` the reverse; each
    table shows the first 100 of them. ``left_out`` says in sentences which cases do not count.
    ``p_value`` is of the exact McNemar test, and ``text`` what it says.
    """

    cases: int
    both: int
    neither: int
    fixed: int
    broken: int
    fixed_cases: pd.DataFrame
    broken_cases: pd.DataFrame
    left_out: tuple[str, ...]
    p_value: float
    text: str


def backed(
    first: Model,
    second: Model,
    judged: Sequence[Mapping[str, Any]],
    tolerance: float | None = None,
) -> Backed:
    """Compare two versions on what experts said of the predictions of either.

    ``judged`` has a row for each verdict, with ``version, inputs, value, judgement`` and
    ``correct_value``, as `Store.judged` gives them. The right answer of a case is what was accepted
    or given as right; equal inputs are one case. A number is right within ``tolerance``.
    """
    if first.card.task == "regression" and tolerance is None:
        raise UserError(
            "Which numbers are right is not known; expected a tolerance: how far a number may be "
            "off and still count as right. Give one."
        )
    known, left_out = _known(first.card, judged, tolerance)
    pair = Pair.of(first, second, [case.inputs for case in known])
    kept = [known[at] for at in pair.at]
    one, other = (
        _right_of(kept, card.version, values, tolerance)
        for card, values in zip(pair.cards, pair.values, strict=True)
    )
    fixed, broken = (np.flatnonzero(found).tolist() for found in (~one & other, one & ~other))
    shown = [
        pair.table(rows[:MOST_SHOWN], [kept[row].right for row in rows[:MOST_SHOWN]])
        for rows in (fixed, broken)
    ]
    return Backed(
        cases=len(kept),
        both=int((one & other).sum()),
        neither=int((~one & ~other).sum()),
        fixed=len(fixed),
        broken=len(broken),
        fixed_cases=shown[0],
        broken_cases=shown[1],
        left_out=(*left_out, *pair.unread),
        p_value=paired.mcnemar(len(fixed), len(broken)),
        text=paired.mcnemar_text(len(fixed), len(broken), pair.names[1], pair.names[0]),
    )


@dataclass(frozen=True)
class _Known:
    """A case with its right answer, and what the versions that were judged on it said."""

    inputs: Case
    right: Any
    said: Mapping[str, Any]

    def fits(self, value: Any, tolerance: float | None) -> bool:
        if tolerance is None:
            return same_value(value, self.right)
        return bool(abs(value - self.right) <= tolerance)


def _right_of(
    cases: Sequence[_Known], version: str, values: Sequence[Any], tolerance: float | None
) -> np.ndarray[Any, Any]:
    """Whether a version is right in each case; what was judged counts, where that is on record."""
    said = [case.said.get(version, value) for case, value in zip(cases, values, strict=True)]
    fits = [case.fits(value, tolerance) for case, value in zip(cases, said, strict=True)]
    return np.array(fits, dtype=bool)


def _known(
    card: ModelCard, judged: Sequence[Mapping[str, Any]], tolerance: float | None
) -> tuple[list[_Known], list[str]]:
    """The cases with one right answer, and sentences about the others."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in judged:
        groups.setdefault(json.dumps(row["inputs"], sort_keys=True), []).append(row)
    known, silent, conflicts = [], 0, 0
    for rows in groups.values():
        given = [value for row in rows if (value := _right(card, row)) is not None]
        if not given:
            silent += 1
        elif not _one_answer(given, tolerance):
            conflicts += 1
        else:
            right = given[0] if tolerance is None else float(np.median(given))
            known.append(_Known(rows[0]["inputs"], right, {r["version"]: r["value"] for r in rows}))
    counted = ((silent, "nobody said what is right"), (conflicts, "experts disagree"))
    return known, [f"in {plural(n, 'case')} {why}" for n, why in counted if n]


def _right(card: ModelCard, row: Mapping[str, Any]) -> Any:
    """What an expert says is right; None where that is not known."""
    if card.answer == "probability":
        # A risk that is "about right" does not make its class the right one.
        return None
    if row["judgement"] == "agree":
        return row["value"]
    if row["correct_value"] is None and card.task == "binary":
        others = [v for v in card.class_values if not same_value(v, row["value"])]
        return others[0] if len(others) == 1 else None
    return row["correct_value"]


def _one_answer(given: Sequence[Any], tolerance: float | None) -> bool:
    if tolerance is not None:
        return bool(max(given) - min(given) <= tolerance)
    return all(same_value(value, given[0]) for value in given)
