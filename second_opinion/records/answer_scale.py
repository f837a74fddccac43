"""What kind of answer a model gives, and which numbers count as the same one. No I/O."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

AnswerKind = Literal["class", "number", "probability"]

# Numbers are shown with so many digits: `formatting.round_to_three`.
DIGITS_SHOWN = 3
WHOLE_FROM = 100


@dataclass(frozen=True)
class AnswerScale:
    """What the card of a prediction says of its answer.

    ``tolerance`` is how far apart two numbers may be and still be the same, in the unit of the
    answer; None for half a unit of the last place that is shown of the model's number.
    """

    answer: AnswerKind
    tolerance: float | None = None


def is_number(value: Any) -> bool:
    """Whether a plain value is a number: a flag is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def half_a_place(value: float) -> float:
    """Half a unit of the last place that is shown of a number: 0.5 of 144.29, 0.05 of 12.34."""
    if not value:
        return 0.0
    if abs(value) >= WHOLE_FROM:
        return 0.5
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) + 1 - DIGITS_SHOWN)
