"""What one expert said of one prediction. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from second_opinion.errors import UserError
from second_opinion.formatting import number_text
from second_opinion.records.expert import IdentitySource, key_of
from second_opinion.records.prediction import Prediction
from second_opinion.records.stamp import new_id, now
from second_opinion.records.value import same_value
from second_opinion.records.verdict_kinds import Detail, kind_of

# The name of one of `verdict_kinds.KINDS`.
Judgement = str
Direction = Literal["too_high", "too_low"]
Severity = Literal["minor", "serious"]

COMMENT_LIMIT = 4000


@dataclass(frozen=True)
class Verdict:
    """What one expert said of one prediction. Never changed: a later verdict supersedes it.

    ``own_probability`` is the expert's own of the event, 0 to 1, beside what is said of a risk.
    ``supersedes`` is filled by the store. ``expert_key`` says who it is among all people
    (`Expert.expert_key`), None in rows of earlier versions. ``seconds`` is the time from the answer
    to the verdict.
    """

    prediction_id: str
    expert: str
    judgement: Judgement
    identity_source: IdentitySource = "declared"
    correct_value: Any = None
    direction: Direction | None = None
    severity: Severity | None = None
    comment: str = ""
    mode: Literal["open", "blind"] = "open"
    blind_value: Any = None
    blind_confidence: float | None = None
    own_probability: float | None = None
    seconds: float | None = None
    supersedes: str | None = None
    expert_key: str | None = None
    id: str = field(default_factory=new_id)
    created_at: str = field(default_factory=now)

    def check(self, prediction: Prediction) -> None:
        """Raise `UserError` unless this says something that can be learned from."""
        kind = kind_of(self.judgement)
        if "\x00" in self.comment or len(self.comment) > COMMENT_LIMIT:
            raise UserError(
                f"The comment has {len(self.comment)} characters; expected up to {COMMENT_LIMIT}, "
                "none of them NUL. Shorten it, then save again."
            )
        if self.own_probability is not None and not 0 <= self.own_probability <= 1:
            raise UserError(
                f"Your own percentage is {number_text(self.own_probability * 100)}; expected a "
                "number from 0 to 100. Correct it, or leave it out."
            )
        if not kind.needs:
            return
        if self.correct_value is not None and same_value(self.correct_value, prediction.value):
            raise UserError(
                "The right answer is the same as the model's. Choose another one, or press Agree."
            )
        if not any(self._has(detail) for detail in kind.needs):
            raise UserError(kind.refusal)

    @property
    def by_key(self) -> str:
        """Who gave it, among all people."""
        return key_of(self.expert, self.expert_key)

    def _has(self, detail: Detail) -> bool:
        """Whether this says so much."""
        details = {
            "value": self.correct_value,
            "direction": self.direction,
            "severity": self.severity,
            "comment": self.comment.strip() or None,
        }
        return details[detail] is not None
