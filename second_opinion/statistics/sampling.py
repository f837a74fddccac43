"""Which cases of a pool the experts are asked about, in which order, and how many that may take.

A pool is the scored rows of a batch. Draws are successive, without replacement, each with a chance
that the plan fixes before the first answer, so that what is found holds for the whole pool.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from second_opinion.statistics.ratings import Array

Design = Literal["doubt", "uniform"]
DESIGNS = get_args(Design)
MOST_BANDS = 10
# A band in which the model is quite sure is still looked into.
LEAST_VARIANCE = 1e-4


def draw(confidence: Any, design: Design = "doubt", seed: int = 0) -> tuple[Array, Array]:
    """The order in which the cases are drawn, and how likely the first draw takes each.

    ``confidence`` has an entry for each case of the pool: the probability of the predicted class,
    NaN where there is none. ``order`` are row numbers of the pool, from 0, in draw order; ``base``
    has one probability for each row, in the order of the pool, and sums to 1. By doubt, half of it
    is even and half goes with sqrt(d (1 − d)), d the mean of 1 − confidence in the case's band;
    no case has less than half an even share. The same seed gives the same order.
    """
    if design not in DESIGNS:
        raise ValueError(f"the design is {design!r}; expected one of {', '.join(DESIGNS)}")
    band, doubt = bands(confidence)
    base = base_weights(band, doubt, design)[band]
    return draw_order(base, seed), base


def draws(confidence: Any, design: Design = "doubt", seed: int = 0) -> pd.DataFrame:
    """`draw` as a table with a row for each case, in draw order; what `release` reads.

    Columns: ``row`` of the pool from 0, ``band``, ``doubt`` of the band, ``base`` and
    ``confidence``.
    """
    order, base = draw(confidence, design, seed)
    band, doubt = bands(confidence)
    table = {
        "row": np.arange(len(base)),
        "band": band,
        "doubt": doubt[band],
        "base": base,
        "confidence": _numbers(confidence),
    }
    return pd.DataFrame(table).iloc[order].reset_index(drop=True)


def bands(confidence: Any) -> tuple[Array, Array]:
    """The band of each case, by quantiles of confidence and ten at most, and the doubt of each.

    The doubt of a band is the mean of 1 − confidence in it. A case without confidence counts as
    one in the middle; where there is none at all, there is one band.
    """
    sure = _numbers(confidence)
    has_confidence = ~np.isnan(sure)
    sure[~has_confidence] = np.median(sure[has_confidence]) if has_confidence.any() else 0.5
    if not len(sure):
        return np.empty(0, int), np.empty(0)
    edges = np.unique(np.quantile(sure, np.linspace(0, 1, MOST_BANDS + 1)[1:-1]))
    band = np.unique(np.searchsorted(edges, sure, "left"), return_inverse=True)[1]
    return band, np.bincount(band, 1 - sure) / np.bincount(band)


def base_weights(band: Array, doubt: Array, design: Design) -> Array:
    """How likely the first draw takes a case of each band."""
    cases = len(band)
    even = np.full(len(doubt), 1 / max(cases, 1))
    if design == "uniform":
        return even
    spread = np.sqrt(np.maximum(doubt * (1 - doubt), LEAST_VARIANCE))
    return np.asarray(0.5 * even + 0.5 * spread / spread[band].sum())


def draw_order(base: Array, seed: int) -> Array:
    """The rows in draw order: successive draws with chances in proportion to ``base``.

    Source: the exponential race of Efraimidis and Spirakis 2006.
    """
    race = np.random.default_rng(seed).exponential(size=len(base)) / base
    return np.argsort(race, kind="stable")


def seed_of(model_sha256: str, pool_sha256: str) -> int:
    """The seed of a model on a pool, which nobody chooses: the start of the hash of both."""
    return int.from_bytes(sha256((model_sha256 + pool_sha256).encode()).digest()[:8], "big")


def verdicts_needed(target: float, true: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """The fewest verdicts with which a single look would show ``target``, if ``true`` holds.

    A one-sided exact binomial test at ``alpha`` with that ``power``, for comparison with a plan
    that is looked at after every answer. All are shares from 0 to 1, ``target`` under ``true``.
    """
    from scipy.special import bdtr

    if not 0 < target < true <= 1:
        raise ValueError(f"expected 0 < target < true <= 1, found {target} and {true}")
    verdicts, wrong = 1, 0
    # With so many wrong still passing, the fewest verdicts also have the most power.
    while True:
        while bdtr(wrong, verdicts, 1 - target) > alpha:
            verdicts += 1
        if bdtr(wrong, verdicts, 1 - true) >= power:
            return verdicts
        wrong += 1


def _numbers(confidence: Any) -> Array:
    return pd.to_numeric(pd.Series(confidence), "coerce").to_numpy(float, copy=True)
