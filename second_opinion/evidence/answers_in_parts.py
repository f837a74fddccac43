"""The answers to a plan in parts: by what the model said, and by who answered."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.evidence.answer_loss import first_answers, loss
from second_opinion.records.batch import Batch
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Claim, Plan
from second_opinion.statistics import release
from second_opinion.statistics.release import Assessment
from second_opinion.store import Store


@dataclass(frozen=True)
class ClassResult:
    """What is known of the cases that the model put into one class: the same test on their draws.

    ``result`` holds for this class alone with the plan's confidence.
    """

    value: Any
    cases: int
    result: Assessment


@dataclass(frozen=True)
class ExpertAnswers:
    """How many cases somebody answered, and how often the model was confirmed."""

    label: str
    right: int
    wrong: int
    unsure: int
    last_at: str

    @property
    def answers(self) -> int:
        return self.right + self.wrong + self.unsure


def by_class(store: Store, plan: Plan, batch: Batch, draws: pd.DataFrame) -> list[ClassResult]:
    """A result for each predicted class, in the order of the first draws; none of a number.

    ``draws`` are those of `decision.draw_table`.
    """
    scores = ScoredRows(store).scores(batch)
    if scores.numbers is not None:
        return []
    codes = scores.codes[draws["row_number"].to_numpy(int) - 1]
    claim = Claim(plan.target, plan.alpha, plan.expected)
    return [
        ClassResult(json.loads(scores.values[code]), int((codes == code).sum()), result)
        for code in dict.fromkeys(codes.tolist())
        for result in [release.assess(claim, _restricted(draws, codes == code))]
    ]


def _restricted(draws: pd.DataFrame, is_inside: np.ndarray) -> pd.DataFrame:
    """Some of the draws: successive sampling among them has the same weights, scaled."""
    inside = draws[is_inside]
    return inside.assign(base=inside["base"] / inside["base"].sum())


def by_expert(store: Store, plan: Plan, *, by: Expert) -> list[ExpertAnswers]:
    """What each expert answered that counts, the busiest first; `UserError` below a reviewer."""
    stored = store.plans.answers(plan, by=by)
    tallies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    labels, last = dict[str, str](), dict[str, str]()
    for position, answers in first_answers(plan, stored.verdicts).items():
        for answer in answers:
            tallies[answer.by_key][loss(plan, answer, stored.predictions[position])] += 1
            labels[answer.by_key] = answer.expert
            last[answer.by_key] = max(last.get(answer.by_key, ""), answer.created_at)
    people = [
        ExpertAnswers(labels[key], tally["right"], tally["wrong"], tally["unsure"], last[key])
        for key, tally in tallies.items()
    ]
    return sorted(people, key=lambda one: (-one.answers, one.label))


def plain_count(draws: pd.DataFrame, answers: int) -> tuple[int, int]:
    """Of the first so many draws, how many answers confirm the model, and how many are clear."""
    counts = draws["answer"][:answers].value_counts()
    right, wrong = int(counts.get("right", 0)), int(counts.get("wrong", 0))
    return right, right + wrong
