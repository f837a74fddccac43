"""The cases to learn from: each once, with the value that counts as right and who said so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Judged
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.store.review_queries import Review


@dataclass(frozen=True)
class Correction:
    """One case with the value to learn from.

    ``source`` says who it is from: an expert who agreed with the model, one who corrected it, or an
    adjudication. ``purpose`` keeps the cases that support a release decision (``plan``) apart from
    the others. ``weight`` is 1 until a plan draws cases with unequal probability.
    """

    prediction: Prediction
    learn: Any
    source: Literal["agree", "corrected", "adjudicated"]
    weight: float = 1.0

    @property
    def purpose(self) -> Literal["plan", "exploration"]:
        """Whether the case was drawn for a release decision or came up otherwise."""
        return "plan" if self.prediction.source == "plan" else "exploration"


@dataclass
class LeftOut:
    """How many cases have nothing to learn from, counted as `corrections` goes along.

    ``conflicts``: experts contradict each other and nobody decided. ``unanswered``: nobody named a
    right value; that a risk is about right, too low or too high names no class.
    """

    conflicts: int = 0
    unanswered: int = 0


def corrections(
    review: Review, verdict_filter: VerdictFilter, left_out: LeftOut
) -> Iterator[list[Correction]]:
    """The cases of the filter to learn from, some at a time, in the order of their verdicts.

    Predictions of one case, with equal inputs, make one row.
    """
    # Of cases that several experts judged: whether they still contradict each other.
    shared = review.shared_states(verdict_filter.model, verdict_filter.version)
    waiting: set[int] = set()
    conflicts: set[int] = set()
    answered_cases: set[int] = set()
    for chunk in review.each(verdict_filter):
        new_corrections = []
        for row in chunk:
            case = row.case_id
            if shared.get(case):
                conflicts.add(case)
            elif row.answer is None:
                waiting.add(case)
            elif case not in answered_cases:
                new_corrections.append(_correction(row))
                if case in shared:
                    answered_cases.add(case)
        left_out.conflicts, left_out.unanswered = len(conflicts), len(waiting - answered_cases)
        yield new_corrections


def _correction(row: Judged) -> Correction:
    if row.adjudicated:
        return Correction(row.prediction, row.answer, "adjudicated")
    agreed = row.verdict.correct_value is None
    return Correction(row.prediction, row.answer, "agree" if agreed else "corrected")
