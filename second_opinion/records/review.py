"""What verdicts add up to, and what reviewers decide about them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id, now
from second_opinion.records.verdict import Verdict

TriageState = Literal["open", "accepted", "fixed", "declined"]
Outcome = Literal["right", "wrong", "unsure"]


@dataclass(frozen=True)
class VersionTally:
    """What one version did under an alias. Verdicts are current ones: none that was replaced."""

    version: str
    predictions: int
    agree: int
    disagree: int
    unsure: int


@dataclass(frozen=True)
class Triage:
    """What a reviewer decided to do about one verdict. Never changed: the latest counts."""

    verdict_id: str
    state: TriageState
    note: str
    decided_by: str
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Adjudication:
    """The answer that counts for one prediction, and why. Never changed: the latest counts."""

    prediction_id: str
    answer: Any
    reason: str
    decided_by: str
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Judged:
    """A current verdict with its prediction, and what became of both.

    ``answer`` is what counts as right: the adjudicated answer where there is one, else what this
    expert said, else None. ``outcome`` says whether the model was right by that. ``triage`` is None
    where nothing is to be done.
    """

    verdict: Verdict
    prediction: Prediction
    answer: Any
    adjudicated: bool
    outcome: Outcome
    triage: TriageState | None


@dataclass(frozen=True)
class SharedCase:
    """A prediction with current verdicts of two experts or more.

    ``answers`` has for each of them name, judgement and what they said is right, never the
    adjudicated answer. ``undecided`` is a conflict that nobody has adjudicated.
    """

    prediction_id: str
    model: str
    version: str
    conflict: bool
    adjudicated: bool
    last_at: str
    answers: tuple[tuple[str, str, Any], ...]

    @property
    def undecided(self) -> bool:
        """Whether experts contradict each other here and nobody has said what counts."""
        return self.conflict and not self.adjudicated


@dataclass(frozen=True)
class ReviewProgress:
    """How far the review of a model has come. Counts of current verdicts: none that was replaced.

    ``judged`` counts predictions with a verdict, ``verdicts`` is ``agree + disagree + unsure``, and
    ``experts`` counts people, whatever the case of their names.
    """

    predictions: int
    judged: int
    verdicts: int
    agree: int
    disagree: int
    unsure: int
    experts: int
    last_verdict_at: str | None
