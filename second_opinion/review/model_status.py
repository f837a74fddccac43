"""How far the review of a model is, and what it says so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import counted_share, totals
from second_opinion.review.counted_share import CountedShare
from second_opinion.store.review_queries import Review


@dataclass(frozen=True)
class ModelStatus:
    """What the current verdicts on a model, or on one version of it, add up to.

    ``unsure`` are the verdicts that say neither right nor wrong; ``right`` has those that do, by
    what counts. ``cases`` have a verdict; ``conflicts`` of them have contradicting ones, and
    ``waiting`` of these no final answer.
    """

    model: str
    version: str | None
    verdicts: int
    cases: int
    experts: int
    right: CountedShare
    conflicts: int
    waiting: int

    @property
    def unsure(self) -> int:
        return self.verdicts - self.right.total


def status_of(review: Review, model: str, version: str | None = None) -> ModelStatus:
    """The status of a model over all of its versions, or of one."""
    figures = totals.figures(review, VerdictFilter(model=model, version=version))
    shared = review.shared_counts(model, version)
    return ModelStatus(
        model=model,
        version=version,
        verdicts=figures.counted,
        cases=review.judged_cases(model, version),
        experts=len(figures.by_expert),
        right=counted_share.model_right(figures),
        conflicts=shared["conflicts"],
        waiting=shared["undecided"],
    )


def status_facts(status: ModelStatus, in_use: list[str]) -> dict[str, Any]:
    """The same as plain values; ``in_use`` are the versions that new cases go to."""
    low, high = status.right.interval if status.right.total else (None, None)
    estimate = status.right.count / status.right.total if status.right.total else None
    return {
        "model": status.model,
        "version": status.version,
        "in_use": in_use,
        "state": "no release test",
        "verdicts": status.verdicts,
        "cases": status.cases,
        "experts": status.experts,
        "right": status.right.count,
        "wrong": status.right.total - status.right.count,
        "unsure": status.unsure,
        "estimate": estimate,
        "low": low,
        "high": high,
        "conflicts": status.conflicts,
        "waiting": status.waiting,
    }
