"""The buttons of the verdict panel: one for each thing that can be said of an answer."""

from __future__ import annotations

from typing import NamedTuple

from second_opinion.models.card import ModelCard
from second_opinion.records.verdict import Direction
from second_opinion.records.verdict_kinds import VerdictKind, current_kinds
from second_opinion.verdicts.right_answer import WORDS

# Where an answer is a risk, these say which way it is wrong.
SIDE_LETTERS: dict[Direction, str] = {"too_low": "l", "too_high": "h"}
NEXT_LETTER = "n"


class VerdictButton(NamedTuple):
    """One button: its widget key, its words, the letter that presses it, and what it says."""

    key: str
    label: str
    letter: str
    kind: VerdictKind
    direction: Direction | None = None

    def says(self, verdict: tuple[str, str | None]) -> bool:
        """Whether this is the button of a verdict, given as the name of its kind and direction."""
        name, direction = verdict
        return name == self.kind.name and self.direction in (None, direction)


def of(card: ModelCard) -> list[VerdictButton]:
    """The buttons for the answers of a model, in their order."""
    is_risk = card.answer == "probability"
    return [
        button
        for kind in current_kinds()
        for button in (_sides(kind) if is_risk and kind.two_sided else [_one(kind, card)])
    ]


def words(kind: VerdictKind, card: ModelCard) -> str:
    """What a kind is called where answers of a model are judged: a risk is about right."""
    return (card.answer == "probability" and kind.risk_label) or kind.label


def switch_words(card: ModelCard) -> str:
    """What the switch says that turns their letters off: ``Keys A, D, U and N``."""
    letters = [button.letter for button in of(card) if button.letter]
    return f"Keys {', '.join(letters).upper()} and {NEXT_LETTER.upper()}"


def _one(kind: VerdictKind, card: ModelCard) -> VerdictButton:
    return VerdictButton(
        f"verdict_{kind.name}", f"{kind.sign} {words(kind, card)}", kind.letter, kind
    )


def _sides(kind: VerdictKind) -> list[VerdictButton]:
    return [
        VerdictButton(f"verdict_{side}", f"{kind.sign} {WORDS[side]}", letter, kind, side)
        for side, letter in SIDE_LETTERS.items()
    ]
