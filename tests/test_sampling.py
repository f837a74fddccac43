"""Which cases the experts are asked about, in which order, and how many a single look takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from second_opinion.statistics import sampling

NEEDED = [
    (0.90, 0.92, 1290, 1760),
    (0.90, 0.94, 286, 402),
    (0.90, 0.95, 179, 239),
    (0.90, 0.97, 76, 103),
    (0.90, 0.99, 46, 46),
    (0.80, 0.85, 365, 501),
    (0.95, 0.97, 601, 832),
    (0.95, 0.99, 124, 153),
]


@pytest.mark.parametrize(("target", "true", "often", "oftener"), NEEDED)
def test_a_single_look_needs_the_verdicts_of_the_binomial_test(target, true, often, oftener):
    assert sampling.verdicts_needed(target, true, 0.05, 0.8) == often
    assert sampling.verdicts_needed(target, true, 0.05, 0.9) == oftener


def test_one_verdict_less_has_not_the_power():
    for verdicts, has_power in ((178, False), (179, True)):
        most_wrong = binom.ppf(0.05, verdicts, 0.1) - 1
        assert (binom.cdf(most_wrong, verdicts, 0.05) >= 0.8) == has_power


@pytest.mark.parametrize(("target", "true"), [(0.9, 0.9), (0.95, 0.9), (0, 0.5), (0.9, 1.1)])
def test_a_target_that_the_truth_does_not_exceed_is_refused(target, true):
    with pytest.raises(ValueError, match="0 < target < true <= 1"):
        sampling.verdicts_needed(target, true)


confidences = st.lists(st.floats(0.5, 1) | st.none(), min_size=1, max_size=200)


@given(confidences, st.sampled_from(sampling.DESIGNS), st.integers(0, 2**64 - 1))
def test_every_case_is_drawn_once_and_none_has_less_than_half_an_even_chance(
    confidence, design, seed
):
    order, base = sampling.draw(confidence, design, seed)
    assert sorted(order) == list(range(len(confidence)))
    assert base.sum() == pytest.approx(1)
    assert base.min() >= 0.5 / len(confidence) - 1e-15


@given(confidences, st.integers(0, 99))
def test_the_same_seed_gives_the_same_order(confidence, seed):
    first, again = (sampling.draw(confidence, "doubt", seed)[0] for _ in range(2))
    assert (first == again).all()


def test_another_seed_gives_another_order():
    orders = [sampling.draw(np.linspace(0.5, 1, 100), "doubt", seed)[0] for seed in (1, 2)]
    assert (orders[0] != orders[1]).any()


def test_doubtful_cases_are_drawn_more_often_by_the_published_weights():
    band, doubt = np.repeat([0, 1], [800, 200]), np.array([0.0125, 0.2])
    base = sampling.base_weights(band, doubt, "doubt")
    assert base == pytest.approx([0.00082894, 0.00168426], abs=5e-9)


@given(confidences)
def test_bands_are_ten_at_most_and_their_doubt_falls_with_confidence(confidence):
    band, doubt = sampling.bands(confidence)
    assert 1 <= len(doubt) <= 10
    assert set(band) == set(range(len(doubt)))
    assert (np.diff(doubt) <= 1e-12).all()


def test_a_pool_without_confidences_is_one_band_drawn_evenly():
    band, doubt = sampling.bands([None] * 8)
    assert (len(doubt), set(band)) == (1, {0})
    assert sampling.draw([None] * 8)[1] == pytest.approx(np.full(8, 1 / 8))


def test_a_case_without_confidence_counts_as_one_in_the_middle():
    band, _ = sampling.bands([0.5, 0.6, None, 0.9, 1.0])
    assert band[2] == sampling.bands([0.5, 0.6, 0.75, 0.9, 1.0])[0][2]


def test_a_pool_in_which_all_are_sure_is_drawn_evenly():
    assert sampling.draw([1.0] * 5)[1] == pytest.approx(np.full(5, 0.2))


def test_an_empty_pool_has_no_draws():
    order, base = sampling.draw([])
    assert (len(order), len(base)) == (0, 0)


def test_the_table_of_draws_is_the_pool_in_draw_order():
    confidence = np.random.default_rng(0).uniform(0.5, 1, 60)
    order, base = sampling.draw(confidence, "doubt", 7)
    table = sampling.draws(confidence, "doubt", 7)
    assert (table["row"] == order).all()
    assert table["base"].to_numpy() == pytest.approx(base[order])
    assert table["confidence"].to_numpy() == pytest.approx(confidence[order])
    assert list(table.columns) == ["row", "band", "doubt", "base", "confidence"]


def test_the_seed_is_the_start_of_the_hash_of_model_and_pool():
    assert sampling.seed_of("ab", "c") == sampling.seed_of("a", "bc") == 0xBA7816BF8F01CFEA


def test_an_unknown_design_is_refused_by_name():
    with pytest.raises(ValueError, match="'least sure first'; expected one of doubt, uniform"):
        sampling.draw([0.5], "least sure first")
