"""What one model version said of one case. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from second_opinion.records.answer_scale import AnswerScale
from second_opinion.records.stamp import new_id, now

Source = Literal["form", "batch", "api", "plan"]


@dataclass(frozen=True)
class Prediction:
    """What one model version said of one case, bound to the exact inputs.

    ``value`` is a class value or a number; ``confidence`` is the probability of the predicted
    class, 0 to 1, or None; ``probabilities`` are in the card's class order; ``flags`` look like
    ``out_of_range:age``; ``alias`` is the one it was asked under, None if by version;
    ``expert_key`` says who asked among all people (`Expert.expert_key`). ``scale`` is
    what the card says of the answer; the store keeps it with the hash of the card.
    """

    model: str
    version: str
    model_sha256: str
    card_sha256: str
    inputs: Mapping[str, Any]
    value: Any
    confidence: float | None
    probabilities: tuple[float, ...] | None
    flags: tuple[str, ...]
    source: Source
    asked_by: str
    latency_ms: float
    id: str = field(default_factory=new_id)
    batch_id: str | None = None
    row_number: int | None = None
    created_at: str = field(default_factory=now)
    alias: str | None = None
    expert_key: str | None = None
    scale: AnswerScale | None = field(default=None, compare=False, repr=False)
