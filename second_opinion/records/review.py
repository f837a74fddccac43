"""What verdicts add up to, and what reviewers decide about them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from second_opinion.records.expert import key_of
from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id, now
from second_opinion.records.verdict import Direction, Verdict

TriageState = Literal["open", "accepted", "fixed", "declined"]
Outcome = Literal["right", "wrong", "unsure"]
# What stands for a class in a table where another one than the model's is right.
NOT_NAMED = "another class, not named"
# Those that say something of the model's answer.
CERTAIN = ("right", "wrong")
FinalDirection = Literal["about_right", "too_high", "too_low"]


class Opinion(NamedTuple):
    """What an expert says of a case, never what a third person decided.

    ``answer`` is the class or number that is named as right, None where none is.
    """

    outcome: Outcome
    answer: Any = None
    direction: Direction | None = None
    expert: str = ""
    expert_key: str | None = None

    @property
    def by_key(self) -> str:
        """Who it is of among all people."""
        return key_of(self.expert, self.expert_key)


class ReviewEffort(NamedTuple):
    """How much was done on a model: nothing of what anybody said. ``own``: by who asks."""

    predictions: int
    verdicts: int
    experts: int
    last_verdict_at: str | None
    own: int = 0


@dataclass(frozen=True)
class VersionTally:
    """What one version did under an alias, by what counts as right.

    Verdicts are current ones: none that was replaced. ``unsure`` are those that say neither.
    """

    version: str
    predictions: int
    right: int
    wrong: int
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
    """What counts for a case, and why. Never changed: the latest counts.

    ``answer`` is a class or number; None where ``direction`` says it of a probability.
    """

    prediction_id: str
    answer: Any
    reason: str
    decided_by: str
    direction: FinalDirection | None = None
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class Judged:
    """A current verdict with its prediction, and what became of both.

    ``answer`` is what counts as right: the adjudicated answer where there is one, else what this
    expert named, else None. ``outcome`` says whether the model was right by that. ``triage`` is
    None where nothing is to be done. ``case_id`` is the same for all predictions of one case.
    ``direction`` is the adjudicated one, else that of this expert.
    """

    verdict: Verdict
    prediction: Prediction
    answer: Any
    adjudicated: bool
    outcome: Outcome
    triage: TriageState | None
    case_id: int = 0
    direction: FinalDirection | None = None


@dataclass(frozen=True)
class SharedCase:
    """A case with current verdicts of two experts or more, be it on several predictions of it.

    ``prediction_id`` is one of them; ``opinions`` has what each expert said last. ``tolerance`` is
    how far apart two numbers may be and still be the same answer, None of what is no number.
    """

    case_id: int
    prediction_id: str
    model: str
    version: str
    last_at: str
    tolerance: float | None
    opinions: tuple[Opinion, ...]


@dataclass(frozen=True)
class Conflict:
    """A case on which experts contradict each other, be it on several predictions of it.

    ``prediction_id`` is one of them; ``verdicts`` are the current ones on any, oldest first. Where
    it ``is_drawn`` an open plan waits for the decision, and they are its first answers to it.
    """

    case_id: int
    prediction_id: str
    model: str
    version: str
    adjudicated: bool
    last_at: str
    verdicts: tuple[Verdict, ...]
    is_drawn: bool = False


@dataclass(frozen=True)
class ReviewProgress:
    """How far the review of a model has come. Counts of current verdicts: none that was replaced.

    ``judged`` counts predictions with a verdict, ``verdicts`` is ``agree + disagree + unsure``, and
    ``experts`` counts people, whatever the case of their names. ``right`` and ``wrong`` are by what
    counts: a final answer goes before what experts said.
    """

    predictions: int
    judged: int
    verdicts: int
    agree: int
    disagree: int
    unsure: int
    experts: int
    last_verdict_at: str | None
    right: int
    wrong: int
