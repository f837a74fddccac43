"""Which of two versions of a model the experts back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural
from second_opinion.models.card import ModelCard
from second_opinion.models.comparison import MOST_SHOWN, Pair
from second_opinion.models.comparison_cases import Case
from second_opinion.models.model import Model
from second_opinion.records.review import Opinion
from second_opinion.records.value import same_value
from second_opinion.statistics import paired
from second_opinion.verdicts import meaning, same_case

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Backed:
    """Which of two versions the experts back, on the cases whose right answer they gave.

    ``fixes`` counts what the first had wrong and the second has right, ``breaks`` the reverse; each
    table shows the first 100 of them. ``left_out`` says in sentences which cases do not count.
    ``p_value`` is of the exact McNemar test on the ``blind_cases``, whose right answer was given
    before an answer was seen: NaN without any. ``text`` says what it shows.
    """

    cases: int
    both: int
    neither: int
    fixes: int
    breaks: int
    fixed_cases: pd.DataFrame
    broken_cases: pd.DataFrame
    left_out: tuple[str, ...]
    blind_cases: int
    p_value: float
    text: str


def backed(
    first: Model,
    second: Model,
    verdicts: Sequence[Mapping[str, Any]],
    tolerance: float | None = None,
) -> Backed:
    """Compare two versions on what experts said of the predictions of either.

    ``verdicts`` has a row for each verdict, with ``version, inputs, value, answer, outcome,
    direction, adjudicated, expert, mode`` and ``blind_value``, as `Store.judged` gives them. The
    right answer of a case is what was decided, or else accepted or given as right; equal inputs are
    one case. A number is right within ``tolerance``.
    """
    if first.card.task == "regression" and tolerance is None:
        raise UserError(
            "Which numbers are right is not known; expected a tolerance: how far a number may be "
            "off and still count as right. Give one."
        )
    cases, left_out = _known(first.card, verdicts, tolerance)
    blind_cases, _ = _known(first.card, _before_seeing(verdicts), tolerance)
    held = _Held.against((first, second), cases, tolerance)
    tested = _Held.against((first, second), blind_cases, tolerance)
    return Backed(
        cases=len(held.cases),
        both=int((held.one & held.other).sum()),
        neither=int((~held.one & ~held.other).sum()),
        fixes=len(held.fixes),
        breaks=len(held.breaks),
        fixed_cases=held.table(held.fixes),
        broken_cases=held.table(held.breaks),
        left_out=(*left_out, *held.pair.unread),
        blind_cases=len(tested.cases),
        p_value=tested.p_value,
        text=" ".join([*_test_texts(tested), *_seen_texts(verdicts, held, tested)]),
    )


def _test_texts(tested: _Held) -> list[str]:
    if not tested.cases:
        return []
    fixes, breaks = len(tested.fixes), len(tested.breaks)
    before, after = tested.pair.names
    basis = f"Tested on {plural(len(tested.cases), 'case')} that experts answered before they saw a"
    return [f"{basis} version's answer.", paired.mcnemar_text(fixes, breaks, after, before)]


def _seen_texts(verdicts: Sequence[Mapping[str, Any]], held: _Held, tested: _Held) -> list[str]:
    """Why the counts of all cases are no test: who has seen an answer leans towards it."""
    versions = sorted({row["version"] for row in verdicts if row["mode"] != "blind"})
    if not held.cases or not versions:
        return (
            [] if tested.cases else ["Too few to tell the two apart: no case has a right answer."]
        )
    seen = f"version{'s' * (len(versions) > 1)} {joined(versions)}"
    which = "The right answers" if not tested.cases else "The other right answers"
    return [
        f"{which} were given after seeing {seen}: people lean towards an answer that they have "
        "seen, so the counts above do not test which version is right more often."
    ]


def _before_seeing(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What experts answered before they saw one, without who has seen another of the same case.

    A final answer counts not: who decides sees in the end what the model says.
    """
    seen = {(_key(row), row["expert"]) for row in verdicts if row["mode"] != "blind"}
    return [
        {**row, "adjudicated": False}
        | ({} if row["blind_value"] is None else {"answer": row["blind_value"], "outcome": ""})
        for row in verdicts
        if row["mode"] == "blind"
        and (_key(row), row["expert"]) not in seen
        and not (row["adjudicated"] and row["blind_value"] is None)
    ]


@dataclass(frozen=True)
class _Held:
    """Two versions held against the right answers of cases: whether each of them is right."""

    pair: Pair
    cases: Sequence[_Known]
    one: np.ndarray[Any, Any]
    other: np.ndarray[Any, Any]

    @classmethod
    def against(
        cls, versions: tuple[Model, Model], cases: Sequence[_Known], tolerance: float | None
    ) -> _Held:
        pair = Pair.of(*versions, [case.inputs for case in cases])
        shared_cases = [cases[at] for at in pair.at]
        one, other = (
            _right_of(shared_cases, card.version, values, tolerance)
            for card, values in zip(pair.cards, pair.values, strict=True)
        )
        return cls(pair, shared_cases, one, other)

    @property
    def fixes(self) -> list[int]:
        return np.flatnonzero(~self.one & self.other).tolist()

    @property
    def breaks(self) -> list[int]:
        return np.flatnonzero(self.one & ~self.other).tolist()

    @property
    def p_value(self) -> float:
        return paired.mcnemar(len(self.fixes), len(self.breaks)) if self.cases else float("nan")

    def table(self, rows: list[int]) -> pd.DataFrame:
        return self.pair.table(rows[:MOST_SHOWN], [self.cases[r].right for r in rows[:MOST_SHOWN]])


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
        elif not _one_answer(values, tolerance) or _contradict(card, rows, values, tolerance):
            conflicts += 1
        else:
            right = values[0] if tolerance is None else float(np.median(values))
            said = {row["version"]: row["value"] for row in groups[_key(rows[0])]}
            cases.append(_Known(rows[0]["inputs"], right, said))
    reasons = ((silent, "nobody said what is right"), (conflicts, "experts disagree"))
    return cases, [f"in {plural(n, 'case')} {why}" for n, why in reasons if n]


def _key(row: Mapping[str, Any]) -> str:
    return same_case.inputs_key(row["inputs"])


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


def _contradict(
    card: ModelCard, rows: Sequence[Mapping[str, Any]], values: list[Any], tolerance: float | None
) -> bool:
    """Whether what is said of the case cannot all be so: of one version's answer, or where somebody
    calls an answer wrong, without naming another, that is right on another version."""
    by_answer: dict[str, list[Opinion]] = {}
    for row in rows:
        opinion = Opinion(row["outcome"], row["answer"], row["direction"])
        by_answer.setdefault(json.dumps([row["version"], row["value"]]), []).append(opinion)
    if any(meaning.contradict(opinions, tolerance) for opinions in by_answer.values()):
        return True
    denied = [
        row["value"] for row in rows if row["outcome"] == "wrong" and _right(card, row) is None
    ]
    return any(_one_answer((no, right), tolerance) for no in denied for right in values)


def _one_answer(values: Sequence[Any], tolerance: float | None) -> bool:
    if tolerance is not None:
        return meaning.within(max(values), min(values), tolerance)
    return all(same_value(value, values[0]) for value in values)
