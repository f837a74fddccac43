"""Shares, their intervals, and whether experts agree with each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from second_opinion.statistics import agreement


@pytest.mark.parametrize(
    ("k", "n", "expected"),
    [(81, 263, (0.2553, 0.3662)), (0, 20, (0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_gives_the_published_intervals(k, n, expected):
    assert agreement.wilson(k, n) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("k", "n", "expected"), [(81, 263, (0.2527, 0.3676)), (0, 20, (0, 0.1684))]
)
def test_clopper_pearson_gives_the_published_intervals(k, n, expected):
    assert agreement.clopper_pearson(k, n) == pytest.approx(expected, abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_those_of_scipy(counts):
    k, n = counts
    found = binomtest(k, n)
    assert agreement.wilson(k, n) == pytest.approx(tuple(found.proportion_ci(method="wilson")))
    assert agreement.clopper_pearson(k, n) == pytest.approx(tuple(found.proportion_ci()), abs=1e-9)


@pytest.mark.parametrize("interval", [agreement.wilson, agreement.clopper_pearson])
def test_intervals_of_many_shares_are_those_of_each(interval):
    k, n = np.array([0, 3, 7, 0]), np.array([9, 9, 7, 0])
    low, high = interval(k, n)
    assert list(zip(low, high, strict=True)) == [
        pytest.approx(interval(*each)) for each in zip(k, n, strict=True)
    ]


@pytest.mark.parametrize("interval", [agreement.wilson, agreement.clopper_pearson])
def test_nothing_counted_is_nothing_known(interval):
    assert interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3), (np.nan, 3), ([1, 5], [2, 4])])
def test_a_share_above_one_is_refused(counts):
    with pytest.raises(ValueError, match="0 <= k <= n"):
        agreement.wilson(*counts)
