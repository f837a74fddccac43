"""What follows from the number that an expert calls right."""

from __future__ import annotations

from second_opinion.errors import UserError
from second_opinion.records.verdict import Direction

WORDS: dict[str, str] = {"too_low": "Too low", "too_high": "Too high"}


def direction(
    correct: float, predicted: float, side: Direction | None, name: str = "right answer"
) -> Direction | None:
    """The direction that the right number implies; `UserError` if the opposite one was said."""
    if correct == predicted:
        return side
    implied: Direction = "too_low" if correct > predicted else "too_high"
    if side not in (None, implied):
        raise UserError(
            f"You say that the answer is {WORDS[str(side)].lower()}, but your {name} lies on "
            "the other side of it. Correct one of the two, then save again."
        )
    return implied
