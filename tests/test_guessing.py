"""Answers beside a guess: what is no better than always one answer, and what would be."""

import numpy as np
import pytest
from builders import examples
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.models.describe.guessing import UNDOINGS, Known, undone

RNG = np.random.default_rng(7)


def classes(values, y, shares=None):
    return Known(np.array(values), shares, np.array(y), (0, 1))


def sure_of(values, sure=0.8):
    """The probabilities of somebody who is so sure of each value."""
    values = np.array(values)
    return np.where(np.eye(2)[values] == 1, sure, 1 - sure)


@given(st.integers(1, 39), st.integers(20, 200))
@examples(50)
def test_always_the_commonest_answer_is_a_guess(percentage, rows):
    ones = max(1, rows * percentage // 100)
    y = [1] * ones + [0] * (rows - ones)
    commonest = int(2 * ones > rows)
    standing = classes([commonest] * rows, y).standing()
    assert standing.is_no_better
    assert standing.score == standing.guess
    assert standing.constant == commonest
    assert standing.skill == pytest.approx(0)


@given(st.lists(st.integers(0, 1), min_size=20, max_size=200).filter(lambda y: len(set(y)) == 2))
@examples(50)
def test_the_right_answer_is_never_a_guess(y):
    for shares in (None, sure_of(y), sure_of(y, 1.0)):
        standing = classes(y, y, shares).standing()
        assert not standing.is_no_better
        assert standing.skill == pytest.approx(1)


def test_rare_events_that_are_ranked_are_no_guess_though_none_is_answered():
    y = np.array([1] * 20 + [0] * 380)
    event = np.clip(0.05 + 0.3 * y + RNG.normal(0, 0.05, 400), 0, 0.49)
    shares = np.column_stack([1 - event, event])
    assert not classes([0] * 400, y, shares).standing().is_no_better


def test_more_alarms_than_a_guess_would_raise_are_no_guess_where_they_find_most_events():
    y = np.array([1] * 20 + [0] * 380)
    alarms = np.concatenate([[1] * 16, [0] * 4, [1] * 80, [0] * 300])
    standing = classes(alarms, y).standing()
    assert standing.score < standing.guess
    assert not standing.is_no_better


def test_answers_by_chance_are_a_guess():
    y, values = RNG.integers(0, 2, (2, 300))
    assert classes(values, y).standing().is_no_better
    assert classes(values, y, sure_of(values)).standing().is_no_better


def test_the_other_class_each_time_is_seen():
    y = RNG.integers(0, 2, 300)
    known = classes(1 - y, y, sure_of(1 - y))
    assert known.standing().is_no_better
    assert known.swapped_score == 1
    assert classes(y, y, sure_of(y)).swapped_score is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=60).filter(lambda y: np.ptp(y) > 1))
@examples(50)
def test_always_the_mean_or_the_median_is_a_guess_and_the_truth_is_none(y):
    for constant in (np.mean(y), np.median(y)):
        assert Known(np.full(len(y), constant), None, y, ()).standing().is_no_better
    assert not Known(np.array(y), None, y, ()).standing().is_no_better


PRICE = np.exp(RNG.normal(11, 0.5, 300))


@pytest.mark.parametrize(
    ("trained_on", "way"),
    [
        (np.log, "exp of its answers"),
        (np.log1p, "exp"),
        (np.log10, "10 to its answers"),
        (np.log2, "2 to its answers"),
        (np.sqrt, "the square"),
        (lambda price: 1 / price, "the inverse"),
        (lambda price: (price - price.mean()) / price.std(), "times its answers and"),
        (lambda price: price / 1000, "times its answers and"),
    ],
)
def test_what_was_done_to_the_target_is_seen(trained_on, way):
    best = undone(Known(trained_on(PRICE), None, PRICE, ()))
    assert way in best.words
    assert best.r2 == pytest.approx(1, abs=0.01)
    assert eval(best.code)(trained_on(PRICE)) == pytest.approx(PRICE, rel=0.01)


@pytest.mark.parametrize("noise", [0.1, 0.3])
def test_a_poor_model_of_the_logarithm_is_not_taken_for_one_of_another_unit(noise):
    prices = np.exp(RNG.normal(1, 0.6, 300))
    answers = np.log(prices) + noise * RNG.normal(size=300)
    best = undone(Known(answers, None, prices, ()))
    assert best.code in ("np.exp", "np.expm1")


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.5])
def test_nothing_was_done_to_the_target_of_a_model_that_works(noise):
    answers = PRICE + noise * PRICE.std() * RNG.normal(size=300)
    assert undone(Known(answers, None, PRICE, ())) is None
    assert undone(Known(RNG.normal(size=300), None, PRICE, ())) is None


@pytest.mark.parametrize("way", UNDOINGS, ids=lambda way: way.words)
def test_what_undoes_is_what_the_code_says(way):
    values = np.array([0.5, 2.0])
    assert eval(way.code)(values).tolist() == way.undo(values).tolist()
