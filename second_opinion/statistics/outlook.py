"""About how many more answers a claim needs if things go on as they did. A guess, no evidence."""

from __future__ import annotations

import numpy as np

from second_opinion.statistics import betting, doubt_draws, equal_draws
from second_opinion.statistics.doubt_draws import Beliefs, Trail
from second_opinion.statistics.pool_evidence import PoolEvidence, bar_of
from second_opinion.statistics.ratings import Array

# The first answers say little: so many are taken to have come out as expected.
ANSWERS_AS_EXPECTED = 10
STOPS = 80


def answers_to_come(evidence: PoolEvidence, band: Array, allowed: int, alpha: float) -> int | None:
    """How many further answers it takes to establish the claim, or to refute it if that is nearer.

    ``band`` is that of each draw to come. None where even all of them would not do.
    """
    if not len(band):
        return None
    answers = np.unique(np.geomspace(1, len(band), STOPS).round().astype(int))
    errors = _likely_errors(evidence, allowed)
    if errors > allowed:
        logs = _refuting(evidence, band, errors, allowed, answers)
    elif evidence.is_equal:
        logs = _establishing_equal(evidence, errors, allowed, answers)
    else:
        logs = _establishing(evidence, band, errors, allowed, answers)
    return _first_at(bar_of(alpha), answers, logs)


def _likely_errors(evidence: PoolEvidence, allowed: int) -> float:
    """The errors in the pool by the answers so far, and as expected while there are few."""
    cases, answers = evidence.trail.bands.cases, len(evidence.trail.band)
    expected = (allowed + 1) / 2
    if evidence.expected is not None:
        expected = cases * (1 - evidence.expected)
    if not answers:
        return expected
    total = answers * evidence.errors() + ANSWERS_AS_EXPECTED * expected
    return total / (answers + ANSWERS_AS_EXPECTED)


def _foreseen(trail: Trail, band: Array, errors: float) -> Trail:
    """The draws so far and those to come, each of these wrong by as much as its band is likely."""
    bands = trail.bands
    left = bands.size - np.bincount(trail.band, minlength=len(bands.size))
    doubt = np.maximum(bands.doubt, 1e-9)
    share = np.minimum(max(errors - trail.wrong.sum(), 0) * doubt / (left @ doubt), 1)
    wrong = np.concatenate([trail.wrong, share[band]])
    return Trail.of(bands, np.concatenate([trail.band, band]), wrong)


def _establishing_equal(
    evidence: PoolEvidence, errors: float, allowed: int, answers: Array
) -> Array:
    drawn, cases = len(evidence.trail.band), evidence.trail.bands.cases
    share = max(errors - evidence.wrong, 0) / (cases - drawn)
    wrong = evidence.wrong + np.round(share * answers).astype(int)
    logs = equal_draws.uniform(drawn + answers, wrong, cases, allowed, evidence.expected)
    return np.asarray(logs)


def _establishing(
    evidence: PoolEvidence, band: Array, errors: float, allowed: int, answers: Array
) -> Array:
    beliefs = Beliefs.of(evidence.trail.bands, allowed, evidence.expected)
    ahead = _foreseen(evidence.trail, band, errors)[len(evidence.trail.band) + answers - 1]
    steps = doubt_draws.steps(ahead, allowed, beliefs) * np.diff(answers, prepend=0)
    before = doubt_draws.steps(evidence.trail, allowed, beliefs).sum(axis=1, keepdims=True)
    return doubt_draws.mixed(before + np.cumsum(steps, axis=1), beliefs)


def _refuting(
    evidence: PoolEvidence, band: Array, errors: float, allowed: int, answers: Array
) -> Array:
    trail = evidence.certain
    ahead = _foreseen(trail, band, errors)[len(trail.band) + answers - 1]
    steps = betting.steps(ahead, allowed) * np.diff(answers, prepend=0)
    before = betting.steps(trail, allowed).sum(axis=1, keepdims=True)
    logs = betting.mixed(before + np.cumsum(steps, axis=1))
    return np.where(ahead.seen + ahead.wrong >= allowed + 1, np.inf, logs)


def _first_at(bar: float, answers: Array, logs: Array) -> int | None:
    """Where the logs first reach the bar, between two stops along a straight line."""
    passing = logs >= bar
    if not passing.any():
        return None
    first = int(passing.argmax())
    if not first or not np.isfinite(logs[first - 1 : first + 1]).all():
        return int(answers[first])
    share = (bar - logs[first - 1]) / (logs[first] - logs[first - 1])
    return int(np.ceil(answers[first - 1] + share * (answers[first] - answers[first - 1])))
