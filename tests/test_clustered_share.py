"""A share of verdicts of which several are on one case: no more sure than it may be."""

import numpy as np
import pytest
from builders import runs_of
from hypothesis import example, given
from hypothesis import strategies as st

from second_opinion.statistics import calibration, error_rates
from second_opinion.statistics.agreement import wilson
from second_opinion.statistics.clustered_share import CaseSums, interval, numbers_by

CASES = st.lists(
    st.integers(0, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=40
)


def sums_of(cases):
    return CaseSums.of([k for k, _ in cases], [n for _, n in cases])


def test_the_number_is_that_of_the_published_formula():
    """Four cases with two verdicts each: 2, 2, 1 and 0 right (docs/feedback.md)."""
    cases = [(2, 2), (2, 2), (1, 2), (0, 2)]
    shares = np.array([1, 1, 0.5, 0])
    expected = 5 / 8 * 3 / 8 * 4 / shares.var(ddof=1)
    assert sums_of(cases).number == pytest.approx(expected) == pytest.approx(4.09, abs=0.005)
    low, high = interval(5, 8, expected)
    assert (low, high) == pytest.approx(wilson(expected * 5 / 8, expected))


@pytest.mark.parametrize(
    ("cases", "number"),
    [
        ([], 0),
        ([(1, 1)] * 20 + [(0, 1)] * 10, 30),
        ([(5, 5)] * 20, 20),
        ([(0, 5)] * 20, 20),
        ([(3, 5)] * 20, 20),
        ([(5, 5)] * 10 + [(0, 5)] * 10, 20),
        ([(1, 2), (1, 2), (1, 2), (0, 2), (2, 2)], 10),
        ([(0, 0)] * 9 + [(5, 5)], 1),
    ],
)
def test_a_number_that_is_known(cases, number):
    """Where all verdicts on a case are alike it is the cases; where chance parts them, all."""
    assert sums_of(cases).number == pytest.approx(number)


@given(CASES, st.integers(0, 30), st.integers(0, 30))
@example([(5, 5), (0, 1)], 0, 0)
def test_the_number_lies_between_the_cases_and_the_verdicts(cases, right, wrong):
    total = sums_of(cases).with_single(right, right + wrong)
    assert total == sums_of([*cases, *[(1, 1)] * right, *[(0, 1)] * wrong])
    if not total.certain:
        assert total.number == 0
        return
    stand_for = total.certain**2 / total.certain_squared
    assert stand_for <= total.cases + 1e-9
    assert stand_for - 1e-9 <= total.number <= total.certain + 1e-9
    if {n for _, n in cases if n} <= {1}:
        assert total.number == pytest.approx(total.certain)


@given(CASES.filter(lambda cases: any(n for _, n in cases)))
def test_the_interval_is_never_narrower_than_that_of_separate_cases(cases):
    total = sums_of(cases)
    low, high = interval(total.right, total.certain, total.number)
    plain_low, plain_high = wilson(total.right, total.certain)
    assert 0 <= low <= plain_low + 1e-9
    assert plain_high - 1e-9 <= high <= 1


def drawn(experts, rng, cases=100):
    """Verdicts by case where some cases are hard: 80 % are right, of one more, of another fewer."""
    chances = rng.beta(1.6, 0.4, cases)
    each = rng.integers(1, 6, cases) if experts == "1 to 5" else np.full(cases, experts)
    return rng.binomial(each, chances), each


@pytest.mark.simulation
@pytest.mark.parametrize("experts", [1, 2, 3, 5, "1 to 5"])
def test_the_interval_holds_the_true_share_in_95_of_100_runs(experts):
    """With THOROUGH=1 its standard error is .0015; a tenth of the runs has .005."""
    rng, runs, held, separate = np.random.default_rng(14), runs_of(20_000), 0, 0
    for _ in range(runs):
        total = CaseSums.of(*drawn(experts, rng))
        low, high = interval(total.right, total.certain, total.number)
        held += low <= 0.8 <= high
        plain_low, plain_high = wilson(total.right, total.certain)
        separate += plain_low <= 0.8 <= plain_high
    assert 0.93 <= held / runs <= 0.97
    if experts == 5:
        assert separate / runs < 0.8


def entries(cases, group=0, first=0):
    """Group, case and whether it is right, of each verdict on these cases."""
    return [
        (group, first + at, float(number < k))
        for at, (k, n) in enumerate(cases)
        for number in range(n)
    ]


@given(CASES, CASES)
def test_groups_have_the_numbers_that_each_has_alone(some, others):
    # A case that stands in two groups counts in each by the verdicts there.
    rows = [*entries(some), *entries(others, 2)]
    groups, cases, right = zip(*rows, strict=True) if rows else ([], [], [])
    numbers = numbers_by(np.array(groups, int), np.array(cases, int), np.array(right), 3)
    expected = [sums_of(some).number, 0, sums_of(others).number]
    np.testing.assert_allclose(numbers, expected)


def test_the_intervals_of_days_bins_and_the_surest_rest_on_the_cases():
    cases = [(2, 2), (2, 2), (1, 2), (0, 2)] * 5
    _, case, right = map(np.array, zip(*entries(cases), strict=True))
    low, high = interval(25, 40, sums_of(cases).number)
    day = error_rates.errors_by(["2026-11-01"] * 40, 1 - right, case).iloc[0]
    assert (1 - day["high"], 1 - day["low"]) == pytest.approx((low, high))
    sure = calibration.bins([0.7] * 40, right, case=case).iloc[0]
    assert (sure["low"], sure["high"]) == pytest.approx((low, high))
    surest = calibration.risk_coverage([0.7] * 40, 1 - right, case=case).iloc[-1]
    assert (1 - surest["high"], 1 - surest["low"]) == pytest.approx((low, high))
    separate = error_rates.errors_by(["2026-11-01"] * 40, 1 - right).iloc[0]
    assert separate["high"] - separate["low"] < day["high"] - day["low"]
