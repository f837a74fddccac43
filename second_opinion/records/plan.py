"""What is to be shown of a model before its release, fixed before the first answer. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from second_opinion.errors import UserError
from second_opinion.records.expert import Expert, declared_key, folded, is_proven_key
from second_opinion.records.stamp import new_id, now

Mode = Literal["blind", "open"]


@dataclass(frozen=True)
class Claim:
    """That a model is right in at least ``target`` of the cases of a pool, as the experts see it.

    ``alpha`` is the chance of saying so wrongly. ``expected`` accuracy steers how soon it is
    found, never whether it is right. ``failed`` cases of the pool got no prediction and count as
    wrong. ``groups`` are the shares of surest cases for which the same is claimed, smallest first;
    with groups the last one is the pool, 1.
    """

    target: float
    alpha: float = 0.05
    expected: float | None = None
    failed: int = 0
    groups: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.target < 1:
            raise UserError(
                f"The target is {self.target:g}; expected a share between 0 and 1, such as 0.9. "
                "Give it so."
            )
        if not 0 < self.alpha < 1:
            raise UserError(
                f"Alpha is {self.alpha:g}; expected a chance between 0 and 1, such as 0.05. "
                "Give it so."
            )
        if self.expected is not None and not 0 <= self.expected <= 1:
            raise UserError(
                f"The expected accuracy is {self.expected:g}; expected a share from 0 to 1, such "
                "as 0.95. Give it so, or leave it out."
            )
        if self.failed < 0:
            raise UserError(f"{self.failed} failed cases; expected 0 or more. Count them again.")
        if self.groups and not (
            list(self.groups) == sorted({*self.groups})
            and self.groups[0] > 0
            and self.groups[-1] == 1
        ):
            shares = ", ".join(f"{share:g}" for share in self.groups)
            raise UserError(
                f"The groups are {shares}; expected shares above 0 that grow and end with 1, such "
                "as 0.25, 0.5, 1. Give them so."
            )


# Where one of these is another, evidence starts anew: who has seen the answers could choose it to
# suit them. The bound holds for every target, so that the target alone may be another.
SAME_EVIDENCE = (
    *("batch_id", "model_sha256", "answers_sha256", "pool_sha256", "failed", "alpha", "design"),
    *("tolerance", "answers", "mode", "expected", "groups"),
)


@dataclass(frozen=True, kw_only=True)
class Plan(Claim):
    """A claim of one model on the scored rows of a batch, frozen before the first answer.

    ``cases`` are drawn, besides the ``failed`` ones; ``unreadable`` rows of the file belong to no
    pool. ``answers_sha256`` is the hash of what the card says that changes answers, ``seed`` (text:
    it has 64 bits) follows from the hashes of model and pool. ``tolerance`` is how far a number may
    be from the expert's. ``answers`` are asked of each case, and of the share ``twice`` one more.
    ``experts`` are the labels of the panel, none for whoever answers. ``known`` cases of another
    file are put between the draws, to check who answers. ``number`` counts the plans
    of this model version; ``replaces`` is the plan before it on the same pool. Answers count from
    the verdict after ``after_verdict`` on.
    """

    batch_id: str
    model: str
    version: str
    model_sha256: str
    answers_sha256: str
    pool_sha256: str
    cases: int
    seed: str
    frozen_by: str
    unreadable: int = 0
    design: str = "doubt"
    tolerance: float | None = None
    answers: int = 1
    twice: float = 0.15
    mode: Mode = "blind"
    experts: tuple[str, ...] = ()
    known: int = 0
    number: int = 1
    replaces: str | None = None
    after_verdict: int = 0
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)

    @property
    def name(self) -> str:
        """What people call it: ``plan 2 of churn/1``."""
        return f"plan {self.number} of {self.model}/{self.version}"

    def asks(self, label: str, expert_key: str = "") -> bool:
        """Whether the answers of this person count: named by label or by key, or anybody's."""
        return not self.experts or bool(self.seats(label, expert_key))

    def panel_with(self, person: Expert) -> list[str]:
        """The keys of the experts in their order; none where anybody may answer.

        Who is named by a label is whoever comes under it: of ``person`` the key is known.
        """
        own = self.seats(person.label, person.expert_key)
        return [person.expert_key if at in own else key for at, key in enumerate(self._keys)]

    def seats(self, label: str, expert_key: str) -> set[int]:
        """The places of the panel that name this person: by key, else by label.

        A label names whoever comes under it who has no place of their own by key.
        """
        by_key = {at for at, key in enumerate(self._keys) if key == expert_key}
        return by_key or {at for at, key in enumerate(self._keys) if key == declared_key(label)}

    @property
    def _keys(self) -> list[str]:
        return [name if is_proven_key(name) else declared_key(name) for name in self.experts]

    def keeps_evidence_of(self, earlier: Plan) -> bool:
        """Whether it asks the same of the same people, so that their answers go on to count.

        Another target alone does.
        """
        is_panel = {*map(folded, self.experts)} == {*map(folded, earlier.experts)}
        return is_panel and all(
            getattr(self, name) == getattr(earlier, name) for name in SAME_EVIDENCE
        )


@dataclass(frozen=True)
class Draw:
    """One case of a plan, at its ``position`` in draw order from 0.

    ``base`` is the chance of the first draw to take it, ``band`` and ``doubt`` are those of its
    band of ``confidence``; with ``twice`` a second person is asked too.
    """

    position: int
    row_number: int
    prediction_id: str
    band: int
    doubt: float
    base: float
    confidence: float | None
    twice: bool = False


@dataclass(frozen=True)
class KnownAnswers:
    """What is right for some cases of another file, to check who answers; never evidence.

    ``answers`` are by row of the batch, from 1, and stand in a ``column`` of its file. Of a model
    that answers with the probability of an event one is whether that came, True or False.
    """

    batch_id: str
    column: str
    answers: Mapping[int, Any]

    def __len__(self) -> int:
        return len(self.answers)


@dataclass(frozen=True)
class Closing:
    """That a plan takes no more answers: by whom, and the bound and state that it reached.

    The store fills ``last_verdict``, the last that counts.
    """

    plan_id: str
    closed_by: str
    state: str
    bound: float
    answers: int
    last_verdict: int = 0
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class QueuedCase:
    """A case that is somebody's turn: nothing of it says what the model answered.

    ``done`` cases this person has answered or skipped in the plan. ``is_repeat`` says that they
    have answered it before, which the page keeps to itself.
    """

    plan_id: str
    position: int
    batch_id: str
    row_number: int
    done: int
    is_repeat: bool = False
