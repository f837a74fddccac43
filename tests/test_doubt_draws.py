"""Evidence from draws by doubt, against the least favourable pool."""

import numpy as np
import pytest

from second_opinion.statistics import equal_draws, sampling
from second_opinion.statistics.doubt_draws import (
    Bands,
    Beliefs,
    Trail,
    chances_of_error,
    evidence,
)


def two_bands():
    band, doubt = np.repeat([0, 1], [800, 200]), np.array([0.0125, 0.2])
    return Bands(np.bincount(band), sampling.base_weights(band, doubt, "doubt"), doubt)


KNOWN = [
    ([], (6.4308, 55.2265, 7955.1087)),
    ([2], (4.0270, 32.3761, 4168.3547)),
    ([2, 41, 80], (4.0270, 19.5042, 1245.5846)),
    ([0, 2, 41, 80], (1.0509, 4.0597, 167.7627)),
]


@pytest.mark.parametrize(("wrong", "expected"), KNOWN)
def test_evidence_is_the_published(wrong, expected):
    bands, answers = two_bands(), np.zeros(120, int)
    answers[wrong] = 1
    trail = Trail.of(bands, np.resize([0, 0, 1], 120), answers)
    logs = evidence(trail, 100, Beliefs.of(bands, 100, 0.95))
    assert np.exp(logs[[29, 59, 119]]) == pytest.approx(expected, abs=5e-5)


def test_with_equal_draws_both_formulas_agree():
    answers = np.zeros(200, int)
    answers[[10, 50, 90, 120, 150, 180]] = 1
    bands = Bands(np.array([1000]), np.array([1e-3]), np.ones(1))
    each_count = Beliefs(equal_draws.prior(1000, 100, 0.95), np.arange(101.0), np.ones((101, 1)))
    logs = evidence(Trail.of(bands, np.zeros(200, int), answers), 100, each_count)
    closed = equal_draws.uniform(np.arange(1, 201), answers.cumsum(), 1000, 100, 0.95)
    assert logs == pytest.approx(closed, abs=1e-9)
    assert np.exp(logs[-1]) == pytest.approx(1977.1629, abs=5e-5)


def pool(rng):
    """A pool of up to 250 cases, its draws, and one error too many, somewhere."""
    cases = int(rng.integers(10, 250))
    sure = rng.beta(rng.uniform(0.5, 8), rng.uniform(0.3, 2), cases)
    table = sampling.draws(sure, "doubt", int(rng.integers(1e9)))
    band, allowed = table["band"].to_numpy(), int(rng.integers(0, cases // 2))
    first = table.groupby("band")[["base", "doubt"]].first()
    bands = Bands(np.bincount(band), first["base"].to_numpy(), first["doubt"].to_numpy())
    place = {
        "sure": -table["confidence"].to_numpy(),
        "doubtful": table["confidence"].to_numpy(),
        "anywhere": rng.random(cases),
    }[str(rng.choice(["sure", "doubtful", "anywhere"]))]
    wrong = np.zeros(cases, int)
    wrong[np.argsort(place)[: allowed + 1]] = 1
    return bands, band, wrong, allowed


@pytest.mark.slow
def test_the_mean_of_the_next_factor_is_one_at_most_in_every_pool_with_too_many_errors():
    """Exactly, over every case that may come next, at ten draws of each pool."""
    rng = np.random.default_rng(19)
    for _ in range(400):
        bands, band, wrong, allowed = pool(rng)
        trail = Trail.of(bands, band, wrong)
        beliefs = Beliefs.of(bands, allowed, None if rng.random() < 0.5 else rng.uniform(0.5, 1))
        draws = np.flatnonzero(trail.seen <= allowed)
        draws = rng.choice(draws, min(10, len(draws)), replace=False)
        trail = trail[draws]
        t, e = chances_of_error(trail, allowed, beliefs)
        e = np.minimum(e, 1 - 1e-12)
        errors = np.array([np.bincount(band[at:], wrong[at:], len(bands.size)) for at in draws])
        right = (trail.left - errors) * (1 - t) / (1 - e)
        mean = (trail.chance * (right + errors * t / e)).sum(axis=2)
        assert mean.max() <= 1 + 1e-9


def test_the_least_favourable_pool_has_one_error_too_many():
    bands = two_bands()
    trail = Trail.of(bands, np.resize([0, 0, 1], 120), np.resize([0, 0, 0, 0, 1], 120))
    believed, hardest = chances_of_error(trail, 100, Beliefs.of(bands, 100, 0.95))
    assert (trail.left * hardest).sum(axis=2) == pytest.approx(
        np.broadcast_to(101 - trail.seen, hardest.shape[:2]), rel=1e-9
    )
    assert ((trail.left * believed).sum(axis=2) < 101 - trail.seen).all()


@pytest.mark.parametrize("expected", [None, 0.95])
def test_beliefs_weigh_one_together(expected):
    assert Beliefs.of(two_bands(), 100, expected).weight.sum() == pytest.approx(1)


def test_proof_is_infinite_and_more_errors_than_allowed_are_none():
    bands = Bands(np.array([4, 4]), np.array([0.1, 0.15]), np.array([0.1, 0.3]))
    band, beliefs = np.resize([0, 1], 8), Beliefs.of(bands, 1, None)
    assert evidence(Trail.of(bands, band, np.zeros(8, int)), 1, beliefs)[-1] == np.inf
    wrong = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    assert evidence(Trail.of(bands, band, wrong), 1, beliefs)[-1] == -np.inf


def test_a_pool_without_any_doubt_can_be_tested():
    bands = Bands(np.array([50, 50]), np.array([0.005, 0.015]), np.zeros(2))
    trail = Trail.of(bands, np.resize([0, 1], 60), np.resize([0] * 19 + [1], 60))
    assert np.isfinite(evidence(trail, 10, Beliefs.of(bands, 10, 0.95))).all()
