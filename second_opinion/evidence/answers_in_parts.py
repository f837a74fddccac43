"""The answers to a plan in parts: by what the model said, and by who answered."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.records.answer_scale import is_number
from second_opinion.records.batch import Batch
from second_opinion.records.plan import Claim, Plan
from second_opinion.records.value import same_value
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.statistics import release
from second_opinion.statistics.release import Assessment
from second_opinion.store import Store
from second_opinion.store.plan_answers import PlanAnswers
from second_opinion.verdicts.first_answers import first_answers, loss


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
    """How many cases somebody answered, and how often the model was confirmed.

    ``to_model`` of the own answers were changed to the model's after it was seen, ``from_model``
    away from it. Both are of clear own answers in a blind plan. Of ``repeats``, cases that came
    again unmarked, ``same`` got the same answer; of clear answers to ``known`` cases
    ``known_right`` were what was known.
    """

    label: str
    right: int
    wrong: int
    unsure: int
    last_at: str
    to_model: int = 0
    from_model: int = 0
    repeats: int = 0
    same: int = 0
    known: int = 0
    known_right: int = 0

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


def by_expert(plan: Plan, stored: PlanAnswers) -> list[ExpertAnswers]:
    """What each expert answered that counts, the busiest first."""
    tallies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    labels, last = dict[str, str](), dict[str, str]()
    for position, answers in first_answers(plan, stored.verdicts).items():
        for answer in answers:
            tallies[answer.by_key][loss(plan, answer, stored.predictions[position])] += 1
            labels[answer.by_key] = answer.expert
            last[answer.by_key] = max(last.get(answer.by_key, ""), answer.created_at)
    switches, repeats = _switches(stored.verdicts), _repeats(plan, stored.verdicts)
    checks = _checks(plan, stored)
    people = [
        ExpertAnswers(
            labels[key],
            *(tally["right"], tally["wrong"], tally["unsure"], last[key]),
            *(switches[key]["right"], switches[key]["wrong"]),
            *(repeats[key].total(), repeats[key]["same"]),
            *(checks[key].total(), checks[key]["right"]),
        )
        for key, tally in tallies.items()
    ]
    return sorted(people, key=lambda one: (-one.answers, one.label))


def _switches(verdicts: list[tuple[int, Verdict]]) -> defaultdict[str, Counter[str]]:
    """Of each person how often an own answer was changed, by what the change makes of the model."""
    own: dict[tuple[int, str], str] = {}
    final: dict[tuple[int, str], str] = {}
    for position, verdict in verdicts:
        place, counts_as = (position, verdict.by_key), str(kind_of(verdict.judgement).counts_as)
        if verdict.mode == "blind":
            own.setdefault(place, counts_as)
        elif place in own:
            final[place] = counts_as
    switches: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for place, counts_as in final.items():
        if {own[place], counts_as} == {"right", "wrong"}:
            switches[place[1]][counts_as] += 1
    return switches


def _repeats(plan: Plan, verdicts: list[tuple[int, Verdict]]) -> defaultdict[str, Counter[str]]:
    """Of each person how many cases were answered blind again: the ``same``, or ``other``."""
    first: dict[tuple[int, str], Verdict] = {}
    repeats: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for position, verdict in verdicts:
        if verdict.mode != "blind":
            continue
        before = first.setdefault((position, verdict.by_key), verdict)
        if before is not verdict:
            is_same = _is_same(before.blind_value, verdict.blind_value, plan.tolerance)
            repeats[verdict.by_key]["same" if is_same else "other"] += 1
    return repeats


def _checks(plan: Plan, stored: PlanAnswers) -> defaultdict[str, Counter[str]]:
    """Of each person how many known cases they answered clearly: ``right``, or ``wrong``."""
    checks: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for position, answers in first_answers(plan, stored.checks).items():
        for answer in answers:
            is_right = _is_known(answer.blind_value, stored.known[position], plan.tolerance)
            if is_right is not None:
                checks[answer.by_key]["right" if is_right else "wrong"] += 1
    return checks


def _is_known(value: Any, known: Any, tolerance: float | None) -> bool | None:
    """Whether an own answer is the known one; a probability, or a range, says what is likelier.

    None where it says neither.
    """
    if value is None:
        return None
    if isinstance(known, bool) and not isinstance(value, bool):
        likely = sum(value) / 2 if isinstance(value, list) else value
        return None if likely == 0.5 else bool((likely > 0.5) == known)
    return _is_same(value, known, tolerance)


def _is_same(one: Any, other: Any, tolerance: float | None) -> bool:
    """Whether two own answers are alike: numbers within the tolerance, ranges that overlap."""
    if isinstance(one, list) and isinstance(other, list):
        return bool(one[0] <= other[1] and other[0] <= one[1])
    if tolerance is not None and is_number(one) and is_number(other):
        return bool(abs(one - other) <= tolerance)
    return one == other if one is None or other is None else same_value(one, other)


def plain_count(draws: pd.DataFrame, answers: int) -> tuple[int, int]:
    """Of the first so many draws, how many answers confirm the model, and how many are clear."""
    counts = draws["answer"][:answers].value_counts()
    right, wrong = int(counts.get("right", 0)), int(counts.get("wrong", 0))
    return right, right + wrong
