"""What is to be shown of a model before its release, fixed before the first answer. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from second_opinion.errors import UserError


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
