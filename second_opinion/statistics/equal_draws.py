"""How strongly equal draws without replacement speak against too many errors: the closed form.

A pool has ``pool`` predictions of which ``allowed`` may be wrong; what has to be rejected is that
one more is, or more than that. Evidence is the likelihood under a prior on allowed counts over that
under ``allowed`` + 1, which of all such pools is the hardest to tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from second_opinion.statistics.ratings import Array


def allowed_errors(pool: int, target: float) -> int:
    """How many of a pool may be wrong where ``target`` of it has to be right."""
    return int(np.floor(pool * (1 - target) + 1e-9))


def prior(pool: int, allowed: int, expected: float | None = None) -> Array:
    """The weight of each allowed count of errors, 0 to ``allowed``.

    Even; or half even, and half on the count that the ``expected`` accuracy means, if allowed.
    """
    weights = np.full(allowed + 1, 1 / (allowed + 1))
    if expected is None or (errors := round(pool * (1 - expected))) > allowed:
        return weights
    weights /= 2
    weights[errors] += 0.5
    return weights


def uniform(n: Any, wrong: Any, pool: int, allowed: int, expected: float | None = None) -> Any:
    """The log of the evidence after ``n`` equal draws of which ``wrong`` were wrong.

    ``n`` and ``wrong`` are numbers or arrays of one shape. Established where it reaches
    log(1/alpha), however often one looks: it is a supermartingale for every pool with more errors
    than allowed (Ville 1939). inf where so many errors are impossible by now, −inf where more than
    allowed were seen. NaN never.
    """
    n, wrong = np.broadcast_arrays(np.asarray(n), np.asarray(wrong))
    if allowed < 0 or allowed >= pool:
        # One more error than allowed is certain, or cannot be.
        verdict = np.full(n.shape, -np.inf if allowed < 0 else np.inf)
    else:
        verdict = _ratio(n.ravel(), wrong.ravel(), pool, prior(pool, allowed, expected))
    return verdict.reshape(n.shape) if n.ndim else float(verdict.reshape(()))


def _ratio(n: Array, wrong: Array, pool: int, weights: Array) -> Array:
    from scipy.special import gammaln

    factorials = gammaln(np.arange(pool + 2) + 1.0)
    null = len(weights)
    errors = np.arange(null)[:, None]
    log_weights = np.log(weights)[:, None] - _choose(factorials, np.array(pool), errors)
    rest = _choose(factorials, pool - n, null - wrong) - _choose(
        factorials, np.array(pool), np.array(null)
    )
    believed = _log_sum(_choose(factorials, pool - n, errors - wrong) + log_weights)
    with np.errstate(invalid="ignore"):
        ratio = believed - rest
    return np.where(np.isneginf(rest), np.where(n - wrong > pool - null, np.inf, -np.inf), ratio)


def _choose(factorials: Array, n: Array, k: Array) -> Array:
    """log C(n, k), −inf where there is no way to choose."""
    is_possible = (k >= 0) & (k <= n)
    k = np.where(is_possible, k, 0)
    ways = factorials[n] - factorials[k] - factorials[np.maximum(n - k, 0)]
    return np.where(is_possible, ways, -np.inf)


def _log_sum(terms: Array) -> Array:
    top = terms.max(axis=0)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)))


def most_wrong(
    pool: int, allowed: int, expected: float | None = None, alpha: float = 0.05
) -> Array:
    """For 0, 1, … draws, the most wrong ones with which it is established; −1 where with none."""
    limit, bar = np.full(pool + 1, -1), np.log(1 / alpha) - 1e-12
    wrong = np.arange(allowed + 1)
    # Evidence grows with the draws while no further one is wrong: the fewest, by bisection.
    too_few, enough = wrong - 1, np.full(allowed + 1, pool)
    while (enough - too_few > 1).any():
        middle = (too_few + enough) // 2
        is_enough = uniform(middle, wrong, pool, allowed, expected) >= bar
        too_few, enough = np.where(is_enough, too_few, middle), np.where(is_enough, middle, enough)
    for most, first in zip(wrong, enough, strict=True):
        limit[first:] = most
    return limit


def exact(
    pool: int, allowed: int, wrong: int, expected: float | None = None, alpha: float = 0.05
) -> Array:
    """The chance that it is established at draw 0, 1, …, ``pool``, looked at after every answer.

    ``wrong`` predictions of the pool are wrong. The sum is the chance that it ever is; with more
    wrong than allowed, that of a false release. By dynamic programming over (draws, wrong ones).
    """
    return chances(most_wrong(pool, allowed, expected, alpha), pool, wrong)


def chances(limit: Array, pool: int, wrong: int) -> Array:
    """`exact` for limits that `most_wrong` gave, so that several pools share them."""
    seen = np.arange(wrong + 2)
    going_on = np.zeros(wrong + 2)
    going_on[0] = 1
    at_draw = np.zeros(pool + 1)
    for draws in range(1, pool + 1):
        is_wrong = np.clip((wrong - seen) / (pool - draws + 1), 0, 1)
        after = going_on * (1 - is_wrong)
        after[1:] += going_on[:-1] * is_wrong[:-1]
        at_draw[draws] = after[: limit[draws] + 1].sum()
        after[: limit[draws] + 1] = 0
        going_on = after
    return at_draw
