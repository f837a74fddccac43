"""Which answered case is asked once more, without saying so: how steady an expert's answers are.

About one in twenty comes again, some cases after its first answer. Only the first one is evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256

EVERY, APART = 20, 10


def next_repeat(
    seed: str, person: str, answered: Sequence[int], repeated: Collection[int]
) -> int | None:
    """The position of the draw to ask again now; None where none is due.

    ``answered`` are the positions in the order of this person's first answers, ``repeated`` those
    that came again. It is the same on every device until it is answered or skipped.
    """
    due = len(answered) // EVERY
    if len(repeated) >= due:
        return None
    earlier = [at for at in answered[: due * EVERY - APART] if at not in repeated]
    return min(earlier, key=lambda at: sha256(f"{seed} {person} {at}".encode()).digest())
