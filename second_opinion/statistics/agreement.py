"""Do the experts agree with each other? Shares with their intervals, and chance-corrected figures.

A table is raters × cases: a frame, an array or a list of rows, of the answers that the experts
gave. Any hashable answer counts (``True``, ``1`` and ``"1"`` stay apart); None, NaN and NaT are
cases that the rater did not see. Figures are about what experts said the answer is, never about
whether they agree with the model. NaN stands for "not defined": nothing to compare, or one
category only, where chance explains everything.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def wilson(k: Any, n: Any, confidence: float = 0.95) -> tuple[Any, Any]:
    """The Wilson interval of a share k/n, without continuity correction.

    ``k`` and ``n`` are numbers or arrays of one shape, and so are the two ends. With n = 0 nothing
    is known: 0 to 1. Source: Wilson 1927; the same as scipy's ``binomtest``, without its import.
    """
    from scipy.special import ndtri

    k, n = _counts(k, n)
    z = float(ndtri((1 + confidence) / 2))
    some = np.maximum(n, 1)
    share = k / some
    middle = share + z * z / (2 * some)
    spread = z * np.sqrt(share * (1 - share) / some + z * z / (4 * some * some))
    low, high = ((middle + sign * spread) / (1 + z * z / some) for sign in (-1, 1))
    low = np.where((k == 0) | (n == 0), 0.0, np.clip(low, 0, 1))
    high = np.where((k == n) | (n == 0), 1.0, np.clip(high, 0, 1))
    return _unwrapped(low), _unwrapped(high)


def clopper_pearson(k: Any, n: Any, confidence: float = 0.95) -> tuple[Any, Any]:
    """The exact interval of a share k/n (Clopper and Pearson 1934); shapes as in `wilson`."""
    from scipy.special import betaincinv

    k, n = _counts(k, n)
    tail = (1 - confidence) / 2
    low = np.where(k == 0, 0.0, betaincinv(np.maximum(k, 1), n - k + 1, tail))
    high = np.where(k == n, 1.0, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail))
    return _unwrapped(low), _unwrapped(high)


def _counts(k: Any, n: Any) -> tuple[Array, Array]:
    k, n = np.broadcast_arrays(np.asarray(k, dtype=float), np.asarray(n, dtype=float))
    if not ((0 <= k) & (k <= n)).all():
        raise ValueError("a share is k of n with 0 <= k <= n")
    return k, n


def _unwrapped(values: Array) -> Any:
    return float(values) if values.ndim == 0 else values
