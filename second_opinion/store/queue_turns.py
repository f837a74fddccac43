"""Whose turn a drawn case is: a rule that lets no silent expert hold the others up. No I/O.

Draw j is kept for expert j mod K until one hour after the first later draw was answered; then it is
anybody's. So the answered draws stay a run without gaps, and no fast expert answers most of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HELD = timedelta(hours=1)


@dataclass(frozen=True)
class Turn:
    """A draw and who has to do with it. Experts are their keys.

    ``answered`` has the time of each answer by expert, ``wanted`` how many are asked for and
    ``needed`` how many of them the test waits for.
    """

    position: int
    needed: int
    wanted: int
    answered: dict[str, str]
    skipped: frozenset[str]
    leased: frozenset[str]

    @property
    def has_enough(self) -> bool:
        """Whether the test waits for no further answer."""
        return len(self.answered) >= self.needed

    def is_seen_by(self, person: str) -> bool:
        """Whether this person has answered or skipped it."""
        return person in self.answered or person in self.skipped

    def is_open_to(self, person: str) -> bool:
        """Whether one more answer is asked for, and this person may give it."""
        others = self.leased - {person, *self.answered}
        return not self.is_seen_by(person) and len(self.answered) + len(others) < self.wanted


def next_turn(
    turns: Sequence[Turn],
    person: str,
    panel: Sequence[str],
    moment: str,
    closed: Collection[int] = (),
) -> Turn | None:
    """The draw that is this person's turn, or None; ``turns`` are in draw order.

    ``panel`` are the experts of the plan, none where whoever answers; ``closed`` the positions that
    this person may not see yet. What somebody has in hand comes first, then what the test waits
    for, then second answers.
    """
    open_to = [turn for turn in turns if turn.is_open_to(person) and turn.position not in closed]
    in_hand = [turn for turn in open_to if person in turn.leased]
    if in_hand:
        return in_hand[0]
    free_at = _free_at(turns)
    own = [
        turn
        for turn in open_to
        if not panel
        or panel[(turn.position + len(turn.answered)) % len(panel)] == person
        or _is_free(free_at[turn.position], moment)
    ]
    return min(own, key=lambda turn: (turn.has_enough, turn.position), default=None)


def _free_at(turns: Sequence[Turn]) -> dict[int, str | None]:
    """Of each draw when the first of the later ones was answered."""
    free_at: dict[int, str | None] = {}
    first: str | None = None
    for turn in reversed(turns):
        free_at[turn.position] = first
        times = [*turn.answered.values(), *([first] if first else [])]
        first = min(times, default=None)
    return free_at


def _is_free(first_later: str | None, moment: str) -> bool:
    if first_later is None:
        return False
    return datetime.fromisoformat(moment) - datetime.fromisoformat(first_later) >= HELD
