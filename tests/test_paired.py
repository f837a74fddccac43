"""The exact tests for two versions, against published examples and scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from second_opinion.statistics import paired


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    [
        # Bentur et al. 2009, as analysed by Fagerland, Lydersen and Laake 2013, BMC Medical
        # Research Methodology 13:91: airway hyper-responsiveness before and after transplantation.
        (7, 1, 0.0703125),
        # Agresti 1990, Categorical Data Analysis, p. 350: approval of a prime minister, 150 and 86
        # changed their minds; two-sided exact p as R's exact2x2::mcnemar.exact gives it.
        (150, 86, 3.716e-05),
        (0, 6, 2 / 2**6),
        (0, 5, 2 / 2**5),
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_has_the_published_p_values(fixed, broken, p):
    assert paired.mcnemar(fixed, broken) == pytest.approx(p, rel=5e-4)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_a_binomial_test_and_knows_no_sides(fixed, broken):
    p = paired.mcnemar(fixed, broken)
    assert p == paired.mcnemar(broken, fixed)
    if fixed + broken:
        assert p == pytest.approx(binomtest(broken, fixed + broken, 0.5).pvalue)


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (1, 0), (5, 0), (2, 3)])
def test_fewer_than_six_pairs_are_too_few(fixed, broken):
    assert paired.mcnemar_text(fixed, broken, "B", "A").startswith("Too few")


def test_six_pairs_on_one_side_are_the_fewest_that_decide():
    assert paired.mcnemar_text(6, 0, "B", "A").startswith("B is right more often: it alone in 6")
    assert paired.mcnemar_text(0, 6, "B", "A").startswith("A is right more often: it alone in 6")
    assert "p = .031" in paired.mcnemar_text(6, 0, "B", "A")
    assert "cannot be told apart" in paired.mcnemar_text(5, 1, "B", "A")
    assert "p under .001" in paired.mcnemar_text(150, 86, "B", "A")


def test_fisher_has_the_published_p_value_of_the_lady_who_tasted_tea():
    """Fisher 1935: three of four cups told right; two-sided 34/70."""
    assert paired.fisher((3, 1), (1, 3)) == pytest.approx(34 / 70)


def test_fisher_in_words():
    names = ("version 1", "version 2")
    assert paired.fisher_text((3, 0), (0, 3), names) == "Too few verdicts to tell the arms apart."
    assert paired.fisher_text((0, 0), (50, 3), names).startswith("Too few")
    assert "cannot be told apart" in paired.fisher_text((20, 20), (20, 20), names)
    assert paired.fisher_text((30, 5), (10, 25), names).startswith("Version 1 is right more often")
    assert paired.fisher_text((10, 25), (30, 5), names).startswith("Version 2 is right more often")


def test_a_stricter_level_asks_for_more():
    names = ("version 1", "version 2")
    assert "right more often" in paired.fisher_text((10, 0), (4, 6), names)
    assert "cannot be told apart" in paired.fisher_text((10, 0), (4, 6), names, alpha=0.005)
