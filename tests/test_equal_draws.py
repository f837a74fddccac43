"""Evidence from equal draws: the closed form, and exactly how often it releases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.statistics import equal_draws

KNOWN = [
    (30, 0, 6.6425, 7.9092),
    (43, 0, 17.7414, 24.1429),
    (60, 1, 15.3018, 16.3192),
    (100, 2, 84.8104, 96.1700),
    (200, 6, 1977.1629, 1896.6400),
]


@pytest.mark.parametrize(("n", "wrong", "expected", "without"), KNOWN)
def test_evidence_is_the_published(n, wrong, expected, without):
    assert np.exp(equal_draws.uniform(n, wrong, 1000, 100, 0.95)) == pytest.approx(
        expected, abs=5e-5
    )
    assert np.exp(equal_draws.uniform(n, wrong, 1000, 100)) == pytest.approx(without, abs=5e-5)


# Pool, target, expected; answers without a disagreement; false release; median, 90 %, mean.
TABLE = [
    (100, 0.90, 0.95, 33, 0.0414, 63, 79, 58.64),
    (200, 0.90, 0.95, 39, 0.0444, 89, 130, 87.13),
    (500, 0.90, 0.95, 43, 0.0470, 116, 214, 125.62),
    (1000, 0.90, 0.95, 45, 0.0476, 136, 266, 149.89),
    (100, 0.95, 0.99, 46, 0.0428, 46, 64, 54.28),
    (1000, 0.95, 0.99, 74, 0.0479, 112, 183, 113.61),
]


@pytest.mark.parametrize(
    ("pool", "target", "expected", "none", "false", "median", "most", "mean"), TABLE
)
def test_the_published_table_holds(pool, target, expected, none, false, median, most, mean):
    allowed = equal_draws.allowed_errors(pool, target)
    limit = equal_draws.most_wrong(pool, allowed, expected)
    assert int((limit >= 0).argmax()) == none
    assert equal_draws.exact(pool, allowed, allowed + 1, expected).sum() == pytest.approx(
        false, abs=1e-4
    )
    chances = equal_draws.exact(pool, allowed, round(pool * (1 - expected)), expected)
    by_draw = chances.cumsum()
    assert (int((by_draw >= 0.5).argmax()), int((by_draw >= 0.9).argmax())) == (median, most)
    never = 1 - by_draw[-1]
    assert (chances * np.arange(pool + 1)).sum() + never * pool == pytest.approx(mean, abs=5e-3)


@given(st.integers(2, 40).flatmap(lambda pool: st.tuples(st.just(pool), st.integers(0, pool - 1))))
def test_no_pool_with_one_error_too_many_is_released_more_often_than_alpha(sizes):
    pool, allowed = sizes
    for expected in (None, 0.95):
        assert equal_draws.exact(pool, allowed, allowed + 1, expected).sum() <= 0.05 + 1e-12


def conditional_mean(n, wrong, pool, allowed, errors, expected):
    """The mean of the next factor, where ``errors`` of the pool are wrong."""
    chance = (errors - wrong) / (pool - n)
    seen = [wrong, wrong, wrong + 1]
    now, right, miss = equal_draws.uniform([n, n + 1, n + 1], seen, pool, allowed, expected)
    return (1 - chance) * np.exp(right - now) + chance * np.exp(miss - now)


def test_the_mean_of_the_next_factor_is_one_at_most_in_every_pool_with_too_many_errors():
    rng = np.random.default_rng(19)
    for _ in range(400):
        pool = int(rng.integers(5, 400))
        allowed = int(rng.integers(0, pool // 2))
        errors = int(rng.integers(allowed + 1, pool + 1))
        answers = rng.permutation(np.arange(pool) < errors)
        expected = None if rng.random() < 0.5 else rng.uniform(0.5, 1)
        n = int(rng.integers(0, pool))
        wrong = int(answers[:n].sum())
        if wrong <= allowed:
            mean = conditional_mean(n, wrong, pool, allowed, errors, expected)
            assert mean <= 1 + 1e-9


def test_limits_are_those_of_looking_at_every_draw():
    n, wrong = np.meshgrid(np.arange(121), np.arange(13))
    passing = equal_draws.uniform(n, wrong, 120, 12, 0.95) >= np.log(20) - 1e-12
    passing &= wrong <= n
    most = np.where(passing.any(axis=0), 12 - passing[::-1].argmax(axis=0), -1)
    assert (equal_draws.most_wrong(120, 12, 0.95) == most).all()


def test_proof_is_infinite_and_more_errors_than_allowed_are_none():
    assert equal_draws.uniform(91, 0, 100, 9) == np.inf
    assert equal_draws.uniform(20, 11, 100, 9) == -np.inf
    assert equal_draws.uniform(5, 0, 100, -1) == -np.inf
    assert equal_draws.uniform(5, 5, 100, 100) == np.inf


def test_before_an_answer_there_is_no_evidence():
    assert equal_draws.uniform(0, 0, 500, 50, 0.95) == pytest.approx(0)


def test_an_expectation_under_the_target_changes_nothing():
    assert equal_draws.uniform(60, 1, 1000, 100, 0.5) == equal_draws.uniform(60, 1, 1000, 100)


def test_arrays_give_what_each_gives():
    n, wrong = np.array([[10, 20], [30, 40]]), np.array([0, 2])
    logs = equal_draws.uniform(n, wrong, 300, 30, 0.95)
    assert logs.shape == (2, 2)
    assert logs[1, 1] == equal_draws.uniform(40, 2, 300, 30, 0.95)


@pytest.mark.parametrize(
    ("pool", "target", "allowed"), [(1000, 0.9, 100), (10, 0.9, 1), (100, 0.99, 1), (9, 0.9, 0)]
)
def test_allowed_errors_are_counted_without_the_rounding_of_fractions(pool, target, allowed):
    assert equal_draws.allowed_errors(pool, target) == allowed
