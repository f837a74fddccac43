"""Which case is put between those whose turn it is, unmarked, to see how somebody answers.

About one in twenty has been answered before, some cases earlier: how steady the answers are. About
one in ten is one whose answer is known, where the owner gave such: how often they are right, at
places that are drawn for each person, so that nobody can count them out. None of them is evidence.
Each is the same on every device until it is answered or skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256

REPEAT_EVERY, APART = 20, 10
KNOWN_EVERY, FIRST_KNOWN = 10, 2


def next_repeat(
    seed: str, person: str, answered: Sequence[int], repeated: Collection[int]
) -> int | None:
    """The position of the draw to ask again now; None where none is due.

    ``answered`` are the positions in the order of this person's first answers, ``repeated`` those
    that came again.
    """
    due = len(answered) // REPEAT_EVERY
    if len(repeated) >= due:
        return None
    earlier = answered[: due * REPEAT_EVERY - APART]
    return _drawn(seed, person, (at for at in earlier if at not in repeated))


def next_known(
    seed: str, person: str, answered: int, known: Iterable[int], seen: Collection[int]
) -> int | None:
    """The position of the known case to ask now; None where none is due, or left.

    ``answered`` are the draws that this person answered, ``seen`` the known cases that they
    answered or skipped.
    """
    if answered < _known_after(seed, person, len(seen)):
        return None
    return _drawn(seed, person, (at for at in known if at not in seen))


def _known_after(seed: str, person: str, number: int) -> int:
    """After how many answered draws the known case with this number, from 0, is due."""
    digest = sha256(f"{seed} {person} known {number}".encode()).digest()
    start = max(number * KNOWN_EVERY, FIRST_KNOWN)
    return start + int.from_bytes(digest[:4]) % ((number + 1) * KNOWN_EVERY - start)


def _drawn(seed: str, person: str, positions: Iterable[int]) -> int | None:
    return min(
        positions,
        key=lambda at: sha256(f"{seed} {person} {at}".encode()).digest(),
        default=None,
    )
