"""Shares, their intervals, and whether experts agree with each other."""

import numpy as np
import pandas as pd
import pytest
from builders import most, runs_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from second_opinion.statistics import agreement, expert_agreement


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


KRIPPENDORFF = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]
FLEISS = """00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050
02031 00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"""
PARADOX = [[118, 5], [2, 0]]
ANSWERS = st.lists(
    st.lists(st.sampled_from([1, 2, 3, None]), min_size=4, max_size=4), min_size=2, max_size=4
)


@pytest.fixture
def observers():
    """Krippendorff's four observers and twelve units, 1 to 5, missing as None."""
    return [[None if cell == "." else int(cell) for cell in row.split()] for row in KRIPPENDORFF]


def table_of(matrix):
    """Two raters' answers whose cross table is the matrix."""
    cases = [
        (a, b) for a, row in enumerate(matrix) for b, times in enumerate(row) for _ in range(times)
    ]
    return np.array(cases).T


@pytest.mark.parametrize(
    ("level", "expected"),
    [("nominal", 0.7434), ("ordinal", 0.8154), ("interval", 0.8491), ("ratio", 0.7974)],
)
def test_alpha_gives_the_published_figures(observers, level, expected):
    assert agreement.krippendorff_alpha(observers, level) == pytest.approx(expected, abs=5e-5)


def test_ac1_gives_the_published_figures(observers):
    assert agreement.gwet_ac1(observers) == pytest.approx(0.77544, abs=5e-6)
    assert agreement.gwet_ac1(table_of(PARADOX)) == pytest.approx(0.9408, abs=5e-5)


def test_fleiss_kappa_gives_the_published_figure():
    counts = [[int(digit) for digit in row] for row in FLEISS.split()]
    assert agreement.fleiss_kappa(counts) == pytest.approx(0.43024, abs=5e-6)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[88, 14, 18], [10, 40, 10], [2, 6, 12]], 0.49153),
        ([[20, 5], [10, 15]], 0.4),
        (PARADOX, -0.0234),
    ],
)
def test_cohen_kappa_gives_the_published_figures(matrix, expected):
    assert agreement.cohen_kappa(matrix) == pytest.approx(expected, abs=5e-5)
    assert agreement.cohen_kappa(matrix) == pytest.approx(cohen_kappa_score(*table_of(matrix)))


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_missing_answers_may_be_none_or_nan_in_a_list_an_array_or_a_frame(observers, level):
    expected = agreement.krippendorff_alpha(observers, level)
    array = np.array(observers, dtype=float)
    assert agreement.krippendorff_alpha(array, level) == expected
    assert agreement.krippendorff_alpha(pd.DataFrame(array), level) == expected


def test_ordinal_answers_may_be_words_in_their_order(observers):
    words = {1: "none", 2: "mild", 3: "fair", 4: "bad", 5: "worst", None: None}
    named = [[words[cell] for cell in row] for row in observers]
    order = ["none", "mild", "fair", "bad", "worst"]
    assert agreement.krippendorff_alpha(named, "ordinal", order) == pytest.approx(0.8154, abs=5e-5)


def test_words_have_no_distance():
    with pytest.raises(ValueError, match="needs answers that are numbers"):
        agreement.krippendorff_alpha([["a", "b"], ["a", "a"]], "interval")


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
@pytest.mark.parametrize(
    "table", [[[1, 1, 1], [1, 1, 1]], [[1, None], [None, 2]], [[None, None]], [[], []], []]
)
def test_agreement_is_not_defined_with_one_category_or_nothing_to_compare(table, level):
    assert np.isnan(agreement.krippendorff_alpha(table, level))
    assert np.isnan(agreement.gwet_ac1(table))
    assert np.isnan(agreement.bootstrap(table, "alpha", level, times=20)).all()


def test_kappa_is_not_defined_with_one_category_or_no_case():
    assert np.isnan(agreement.cohen_kappa([[7, 0], [0, 0]]))
    assert np.isnan(agreement.cohen_kappa([[0, 0], [0, 0]]))
    assert np.isnan(agreement.fleiss_kappa([[3, 0], [3, 0]]))


def test_kappa_refuses_tables_that_are_not_its_own():
    with pytest.raises(ValueError, match="square"):
        agreement.cohen_kappa([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(ValueError, match="same number of raters"):
        agreement.fleiss_kappa([[3, 0], [1, 1]])


def test_true_one_and_the_text_1_are_three_answers():
    table = [[True, 1, "1", 2.0], [1, "1", True, 2]]
    assert list(expert_agreement.conflicts(table)) == [True, True, True, False]


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
@given(table=ANSWERS, data=st.data())
def test_figures_do_not_depend_on_the_order_of_raters_and_cases(table, level, data):
    raters = data.draw(st.permutations(range(len(table))))
    cases = data.draw(st.permutations(range(4)))
    shuffled = [[table[rater][case] for case in cases] for rater in raters]
    for figure in (lambda t: agreement.krippendorff_alpha(t, level), agreement.gwet_ac1):
        assert figure(shuffled) == pytest.approx(figure(table), nan_ok=True)


@given(ANSWERS)
def test_alpha_is_one_where_all_agree_and_no_figure_exceeds_one(table):
    same = [[1, 2, 3, 1] for _ in table]
    for level in ("nominal", "ordinal", "interval", "ratio"):
        assert agreement.krippendorff_alpha(same, level) == pytest.approx(1)
        assert not agreement.krippendorff_alpha(table, level) > 1 + 1e-9
    assert agreement.gwet_ac1(same) == pytest.approx(1)
    assert not agreement.gwet_ac1(table) > 1 + 1e-9


@given(ANSWERS)
def test_alpha_is_one_minus_the_disagreement_of_pairs(table):
    """Against the definition, pair by pair over every two answers."""
    cases = [[row[case] for row in table if row[case] is not None] for case in range(4)]
    cases = [answers for answers in cases if len(answers) > 1]
    values = [value for answers in cases for value in answers]
    within = sum((a - b) ** 2 / (len(c) - 1) for c in cases for a in c for b in c)
    across = sum((a - b) ** 2 for a in values for b in values)
    found = agreement.krippendorff_alpha(table, "interval")
    if across == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(1 - (len(values) - 1) * within / across)


def test_numbers_far_from_zero_keep_their_digits():
    table = np.array([[1.0, 2, 3, 4], [1, 2, 4, 4]])
    near = agreement.krippendorff_alpha(table, "interval")
    assert agreement.krippendorff_alpha(table + 1e9, "interval") == pytest.approx(near, rel=1e-6)


def noisy(cases, seed, right=0.8):
    """Two raters who see the truth (of three) with a chance, and guess otherwise."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, cases)
    guesses = rng.integers(0, 3, (2, cases))
    return np.where(rng.random((2, cases)) < right, truth, guesses)


@pytest.mark.simulation
@pytest.mark.parametrize("statistic", ["alpha", "ac1"])
def test_the_bootstrap_interval_covers_the_true_figure(statistic):
    """Agreement beyond chance is 0.8 squared; 95 % of intervals should hold it, 86 % at least."""
    runs, missed = runs_of(250), 0
    for seed in range(runs):
        low, high = agreement.bootstrap(noisy(150, seed), statistic, seed=seed, times=300)
        missed += not low <= 0.64 <= high
    assert missed <= most(runs, chance=0.05, thorough=0.14)


def test_the_bootstrap_is_the_same_for_the_same_seed():
    table = noisy(60, 0)
    assert agreement.bootstrap(table, seed=3) == agreement.bootstrap(table, seed=3)
    assert agreement.bootstrap(table, seed=3) != agreement.bootstrap(table, seed=4)


def test_few_cases_give_raw_agreement_alone():
    found = expert_agreement.between([["a", "b", "a", None], ["a", "a", "a", "a"]])
    assert (found.cases, found.agreed, found.share) == (3, 2, pytest.approx(2 / 3))
    assert found.share_interval == agreement.wilson(2, 3)
    assert found.alpha is None
    assert found.ac1 is None
    assert found.note.startswith("3 cases have two answers or more; from 30 on")


def test_many_cases_give_every_figure_with_its_interval():
    table = noisy(200, 1)
    found = expert_agreement.between(table)
    assert (found.cases, found.agreed) == (200, int((table[0] == table[1]).sum()))
    assert found.alpha == agreement.krippendorff_alpha(table)
    assert found.ac1 == agreement.gwet_ac1(table)
    assert found.alpha_interval[0] < found.alpha < found.alpha_interval[1]
    assert found.ac1_interval[0] < found.ac1 < found.ac1_interval[1]
    assert found.note == ""


def test_one_answer_throughout_is_said_to_be_not_defined():
    found = expert_agreement.between([["a"] * 40, ["a"] * 40])
    assert (found.share, found.agreed) == (1.0, 40)
    assert np.isnan(found.alpha)
    assert "not defined" in found.note


def test_nobody_answered_twice():
    found = expert_agreement.between([[1, None], [None, 2]])
    assert (found.cases, found.share_interval) == (0, (0.0, 1.0))
    assert np.isnan(found.share)


def test_numbers_agree_within_the_tolerance():
    table = [[0.3, 10.0, 5.0, 1.0], [0.2, 10.3, None, 1.0]]
    assert list(expert_agreement.conflicts(table)) == [True, True, False, False]
    assert list(expert_agreement.conflicts(table, tolerance=0.1)) == [False, True, False, False]
    pair = expert_agreement.pairwise(table, ["Ann", "Bo"], tolerance=0.1).iloc[0]
    assert (pair["cases"], pair["agreed"]) == (3, 2)


def test_many_numbers_agree_on_a_scale():
    rng = np.random.default_rng(0)
    truth = rng.normal(50, 10, 60)
    found = expert_agreement.between(truth + rng.normal(0, 2, (2, 60)), "interval", tolerance=4)
    assert found.ac1 is None
    assert 0.9 < found.alpha_interval[0] < found.alpha < 1
    assert 0.6 < found.share < 1


def test_each_pair_of_experts_has_its_row():
    names = ["Ann", "Bo", "Cy"]
    table = pd.DataFrame(
        [["a", "a", "b", None], ["a", "b", "b", None], [None, None, None, "a"]], index=names
    )
    found = expert_agreement.pairwise(table)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["rater_a"], row["rater_b"], row["cases"], row["agreed"]) == ("Ann", "Bo", 3, 2)
    assert row["kappa"] == pytest.approx(cohen_kappa_score(["a", "a", "b"], ["a", "b", "b"]))
    assert (row["low"], row["high"]) == agreement.wilson(2, 3)
    assert len(expert_agreement.pairwise([["a"]])) == 0
