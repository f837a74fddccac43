"""How strongly draws by doubt speak against too many errors: against the least favourable pool.

The cases of a pool stand in bands of confidence. Before each draw a belief says how likely a case
of each band is wrong, and the least favourable pool with one error more than allowed is worked out.
What is drawn multiplies the evidence by how likely the belief made it over how likely that pool
did. The mean of such a factor is at most 1 in every pool with that many errors or more, wherever
they are, so that the product is a non-negative supermartingale (Ville 1939).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from second_opinion.statistics.ratings import Array

# Of the errors that have to be rejected, how many a belief takes for there, beside the expected.
SHARES_BELIEVED = (0.9, 0.75, 0.55, 0.35, 0.15)
TRUST_IN_CONFIDENCE = 2 / 3
LEAST_BELIEF, MOST_BELIEF = 1e-12, 0.98
# The bounds within which log L is looked for: e to the 30 is beyond every pool.
WIDEST = 30.0


@dataclass(frozen=True)
class Bands:
    """The bands of a pool: its cases, and the chance to be drawn and the doubt of one case."""

    size: Array
    base: Array
    doubt: Array

    @property
    def cases(self) -> int:
        """How many cases the pool has."""
        return int(self.size.sum())


@dataclass(frozen=True)
class Trail:
    """Draws in order: the band of each, and what came out, 1 where the model was wrong.

    ``left`` (draws × bands) are the cases that were not yet drawn, ``chance`` how likely the draw
    was to take a certain one of them, ``seen`` how many were wrong before it. ``wrong`` may be
    shares, for what is foreseen.
    """

    bands: Bands
    band: Array
    wrong: Array
    left: Array
    chance: Array
    seen: Array

    @classmethod
    def of(cls, bands: Bands, band: Array, wrong: Array) -> Trail:
        """The trail from the first draw on."""
        drawn = band[:, None] == np.arange(len(bands.size))
        left = bands.size - (np.cumsum(drawn, axis=0) - drawn)
        chance = bands.base / (left * bands.base).sum(axis=1, keepdims=True)
        return cls(bands, band, wrong, left, chance, np.cumsum(wrong) - wrong)

    def __getitem__(self, draws: Any) -> Trail:
        """Some of the draws, each with what went before it."""
        parts = (self.band, self.wrong, self.left, self.chance, self.seen)
        return Trail(self.bands, *(part[draws] for part in parts))


@dataclass(frozen=True)
class Beliefs:
    """Several beliefs about where how many errors are, mixed: each list has an entry for each."""

    weight: Array
    errors: Array
    doubt: Array

    @classmethod
    def of(cls, bands: Bands, allowed: int, expected: float | None = None) -> Beliefs:
        """Two thirds trust the confidences and one third does not; each in the same counts.

        Half lies on the count that the ``expected`` accuracy means, half on five shares of the
        count that has to be rejected.
        """
        null = allowed + 1
        counts = [round(share * null) for share in SHARES_BELIEVED]
        weights = np.full(len(counts), 1 / len(counts))
        if expected is not None:
            counts.append(min(round(bands.cases * (1 - expected)), allowed))
            weights = np.append(weights / 2, 0.5)
        blind = np.ones_like(bands.doubt)
        return cls(
            np.concatenate([TRUST_IN_CONFIDENCE * weights, (1 - TRUST_IN_CONFIDENCE) * weights]),
            np.array(counts * 2, dtype=float),
            np.repeat([np.maximum(bands.doubt, 1e-9), blind], len(counts), axis=0),
        )


def evidence(trail: Trail, allowed: int, beliefs: Beliefs) -> Array:
    """The log of the evidence after each draw, as `equal_draws.uniform` has it for equal ones."""
    return mixed(np.cumsum(steps(trail, allowed, beliefs), axis=1), beliefs)


def mixed(logs: Array, beliefs: Beliefs) -> Array:
    """The log of the evidence of all beliefs together, of the logs of each: beliefs × draws."""
    return np.asarray(np.logaddexp.reduce(logs + np.log(beliefs.weight)[:, None], axis=0))


def steps(trail: Trail, allowed: int, beliefs: Beliefs, every: int = 1) -> Array:
    """The log of the factor of each draw: beliefs × draws.

    ``every`` above 1 works the least favourable pool out before each so-many-th draw alone: quick,
    and near enough for what is only foreseen.
    """
    need, draws = allowed + 1 - trail.seen, np.arange(len(trail.band))
    believed, hardest = chances_of_error(trail[::every], allowed, beliefs)
    at = draws // every, trail.band
    t, e = believed[:, *at], np.minimum(hardest[:, *at], 1 - 1e-12)
    step = trail.wrong * np.log(t / e) + (1 - trail.wrong) * (np.log1p(-t) - np.log1p(-e))
    # Where more would have to be wrong than are left, it is proven; where enough were, disproven.
    step = np.where(need > trail.left.sum(axis=1), np.inf, step)
    return np.asarray(np.where(need <= 0, -np.inf, step))


def chances_of_error(trail: Trail, allowed: int, beliefs: Beliefs) -> tuple[Array, Array]:
    """How likely a case of each band is wrong before each draw: beliefs × draws × bands.

    First as believed; then in the least favourable pool, which solves u e² + (1 − u) e = believed
    with u = L / (N chance), L such that as many cases left are wrong as ``allowed`` + 1 needs. The
    same where the belief holds as many for wrong by itself, so that the draw then says nothing.
    """
    need = np.maximum(allowed + 1 - trail.seen, 0.0)
    believed = _believed(trail, need, beliefs)
    enough = (trail.left * believed).sum(axis=2) >= need
    hardest = _least_favourable(trail, np.minimum(need, trail.left.sum(axis=1)), believed, enough)
    return believed, np.where(enough[:, :, None], believed, hardest)


def _believed(trail: Trail, need: Array, beliefs: Beliefs) -> Array:
    errors = np.clip(beliefs.errors[:, None] - trail.seen, 0, 0.999 * need)
    scale = errors / (trail.left @ beliefs.doubt.T).T
    chance = scale[:, :, None] * beliefs.doubt[:, None, :]
    return np.asarray(np.clip(chance, LEAST_BELIEF, MOST_BELIEF))


def _least_favourable(trail: Trail, need: Array, believed: Array, settled: Array) -> Array:
    """The e of `chances_of_error` by Newton's method in log L, kept between bounds."""
    left, pull = trail.left, 1 / (trail.bands.cases * trail.chance)
    at = _first_guess(trail, need, believed)
    low, high = np.full(at.shape, -WIDEST), np.full(at.shape, WIDEST)
    chance = believed
    for _ in range(60):
        u = np.exp(at)[:, :, None] * pull
        chance, root = _solved(u, believed)
        excess = (left * chance).sum(axis=2) - need
        low, high = np.where(excess < 0, at, low), np.where(excess < 0, high, at)
        settled = settled | (np.abs(excess) <= 1e-11 * (1 + need))
        if settled.all():
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            step = at - excess / (left * u * chance * (1 - chance) / root).sum(axis=2)
        step = np.where((step > low) & (step < high), step, (low + high) / 2)
        # Where it is settled, the sign of what is left over is noise and may not move the bounds.
        at = np.where(settled, at, step)
    return chance


def _first_guess(trail: Trail, need: Array, believed: Array) -> Array:
    """log L if all cases left were of one band."""
    left = trail.left.sum(axis=1)
    e = np.clip(need / left, 1e-9, 1 - 1e-9)
    t = (trail.left * believed).sum(axis=2) / left
    u = np.maximum(e - t, 1e-9) / (e * (1 - e))
    guess = np.log(u * trail.bands.cases / left)
    return np.asarray(np.clip(guess, -WIDEST + 1, WIDEST - 1))


def _solved(u: Array, t: Array) -> tuple[Array, Array]:
    """The root from 0 to 1 of u e² + (1 − u) e − t, written so that nothing cancels."""
    linear = 1 - u
    root = np.sqrt(linear * linear + 4 * u * t)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(linear > 0, 2 * t / (linear + root), (root - linear) / (2 * u)), root
