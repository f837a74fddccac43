"""How strongly draws speak for more errors than allowed: a bet on each answer that cannot be won
by chance more often than alpha says.

Source: Waudby-Smith and Ramdas 2024, Estimating means of bounded random variables by betting.
"""

from __future__ import annotations

import numpy as np

from second_opinion.statistics.doubt_draws import Trail
from second_opinion.statistics.ratings import Array

# What share of the stake is bet on each answer: one bettor each, in equal parts.
STAKES = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5])


def against_target(trail: Trail, allowed: int) -> Array:
    """The log of the winnings after each draw; inf once more were wrong than allowed.

    A bettor who says that more than ``allowed`` of the pool are wrong wins 1/alpha with a chance of
    at most alpha where that is not so, however often one looks.
    """
    if allowed < 0:
        return np.full(len(trail.band), np.inf)
    logs = mixed(np.cumsum(steps(trail, allowed), axis=1))
    return np.where(trail.seen + trail.wrong > allowed, np.inf, logs)


def mixed(logs: Array) -> Array:
    """The log of the winnings of all bettors together, of the logs of each: bettors × draws."""
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - np.log(len(STAKES)))


def steps(trail: Trail, allowed: int) -> Array:
    """The log of what each draw multiplies the winnings by: bettors × draws."""
    cases = trail.bands.cases
    limit = (allowed + 1) / cases
    # What is left to lose; it does not count any more once all that is allowed was seen.
    stake = STAKES[:, None] / np.maximum(limit - trail.seen / cases, 0.5 / cases)
    right, wrong = errors_by_draw(trail) - limit
    return np.asarray(
        trail.wrong * np.log1p(stake * wrong) + (1 - trail.wrong) * np.log1p(stake * right)
    )


def errors_by_draw(trail: Trail) -> Array:
    """The share wrong in the pool as each draw alone estimates it: where it is right, and wrong.

    Unbiased at every draw, by inverse probability: the wrong ones before it and its own weight.
    """
    cases = trail.bands.cases
    before = trail.seen / cases
    chance = trail.chance[np.arange(len(trail.band)), trail.band]
    return np.array([before, before + 1 / (cases * chance)])
