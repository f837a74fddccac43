"""How sure the model is against how often it is right, and its numbers against the experts'."""

import numpy as np
import pytest
from builders import runs_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import brier_score_loss

from second_opinion.statistics import calibration

WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
SHARES = st.floats(0, 1)


def test_brier_gives_the_known_figure():
    assert calibration.brier([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3]) == pytest.approx(0.0375)


def test_brier_is_that_of_scikit_learn_with_weights():
    rng = np.random.default_rng(0)
    y, p, weights = rng.integers(0, 2, 200), rng.random(200), rng.random(200)
    expected = brier_score_loss(y, p, sample_weight=weights)
    assert calibration.brier(y, p, weights) == pytest.approx(expected)


def test_a_case_without_verdict_or_confidence_is_left_out():
    found = calibration.brier([0, 1, None, 0], [0.1, 0.9, 0.5, np.nan])
    assert found == pytest.approx(0.01)
    assert calibration.bins([0.1, None, 0.3], [1, 1, np.nan])["cases"].sum() == 1


def test_bland_altman_gives_the_published_figures():
    found = calibration.bland_altman(WRIGHT, MINI)
    assert found.bias == pytest.approx(-2.118, abs=5e-4)
    assert found.sd == pytest.approx(38.765, abs=5e-4)
    assert (found.low, found.high) == pytest.approx((-78.10, 73.86), abs=5e-3)
    assert found.n == 17


@pytest.mark.parametrize("n", [0, 1])
def test_bland_altman_of_too_few_is_not_defined(n):
    found = calibration.bland_altman(WRIGHT[:n], MINI[:n])
    assert found.n == n
    assert np.isnan([found.sd, found.low, found.high]).all()


def test_bins_hold_as_many_cases_each():
    rng = np.random.default_rng(0)
    p = rng.random(1000)
    found = calibration.bins(p, rng.random(1000) < p)
    assert list(found["cases"]) == [100] * 10
    assert (found["from"] <= found["confidence"]).all()
    assert (found["confidence"] <= found["to"]).all()
    assert (np.abs(found["right"] - found["confidence"]) < 0.15).all()


@given(
    hnp.arrays(float, st.shared(st.integers(0, 60), key="n"), elements=SHARES),
    hnp.arrays(bool, st.shared(st.integers(0, 60), key="n")),
)
def test_bins_lose_no_case(p, correct):
    found = calibration.bins(p, correct)
    assert found["cases"].sum() == len(p)
    assert (found["right"] * found["cases"]).sum() == pytest.approx(correct.sum())
    assert (found["confidence"] * found["cases"]).sum() == pytest.approx(p.sum())
    assert ((found["low"] <= found["right"]) & (found["right"] <= found["high"])).all()
    assert len(found) <= 10


def test_a_bin_has_its_wilson_bar():
    found = calibration.bins([0.7] * 29, [True] + [False] * 28).iloc[0]
    assert (found["cases"], found["from"], found["to"]) == (29, 0.7, 0.7)
    assert (found["low"], found["high"]) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@pytest.mark.simulation
def test_weights_mend_a_draw_that_preferred_the_doubtful():
    """Drawn with probability by doubt, the weighted diagram comes back to the pool's truth.

    A hundredth is 3.7 standard errors of a tenth of the runs: one accident in 4,000.
    """
    rng = np.random.default_rng(1)
    runs = runs_of(200)
    p = rng.uniform(0.5, 1, 4000)
    right = rng.random(4000) < p
    chance = 1.05 - p
    weighted, plain = [], []
    for _ in range(runs):
        drawn = rng.random(4000) < chance
        for weights, found in ((1 / chance[drawn], weighted), (None, plain)):
            table = calibration.risk_coverage(p[drawn], ~right[drawn], weights)
            found.append(table["risk"].iloc[-1])
    truth = (~right).mean()
    assert np.mean(weighted) == pytest.approx(truth, abs=0.01)
    assert np.mean(plain) > truth + 0.05


def test_equal_weights_change_nothing():
    rng = np.random.default_rng(2)
    p, right = rng.random(300), rng.random(300) < 0.7
    for figure in (calibration.bins, calibration.risk_coverage):
        np.testing.assert_allclose(figure(p, right, np.full(300, 7.0)), figure(p, right))


def test_risk_rises_from_the_surest_to_all():
    found = calibration.risk_coverage([0.9, 0.5, 0.8, 0.5], [0, 1, 0, 0])
    assert list(found["threshold"]) == [0.9, 0.8, 0.5]
    assert list(found["coverage"]) == [0.25, 0.5, 1.0]
    assert list(found["risk"]) == [0, 0, 0.25]
    assert list(found["cases"]) == [1, 2, 4]


@given(
    hnp.arrays(float, st.shared(st.integers(0, 60), key="n"), elements=SHARES),
    hnp.arrays(bool, st.shared(st.integers(0, 60), key="n")),
)
def test_risk_is_the_share_wrong_among_answers_at_least_as_sure(confidence, wrong):
    found = calibration.risk_coverage(confidence, wrong)
    for row in found.itertuples():
        assert row.risk == pytest.approx(wrong[confidence >= row.threshold].mean())
        assert row.low <= row.risk <= row.high
    assert len(found) == len(np.unique(confidence))


def test_a_long_curve_is_thinned_but_keeps_its_ends():
    rng = np.random.default_rng(3)
    confidence = rng.random(100_000)
    found = calibration.risk_coverage(confidence, rng.random(100_000) > confidence)
    assert len(found) == calibration.MOST_POINTS
    assert found["threshold"].iloc[0] == confidence.max()
    assert found["coverage"].iloc[-1] == 1.0


def test_nothing_gives_empty_tables_and_no_number():
    assert len(calibration.bins([], [])) == 0
    assert len(calibration.risk_coverage([], [])) == 0
    assert np.isnan(calibration.brier([], []))


def test_arrays_of_two_lengths_are_refused():
    with pytest.raises(ValueError, match="an entry for each case"):
        calibration.brier([0, 1], [0.5])
