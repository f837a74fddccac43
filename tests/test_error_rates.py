"""The model against the experts: counts of who said what, and error rates by group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from second_opinion.statistics import agreement, error_rates

LABELS = ["stays", "leaves", "moves"]
ANSWERS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)))


@given(ANSWERS.filter(bool))
def test_a_confusion_table_is_that_of_scikit_learn(pairs):
    model, expert = zip(*pairs, strict=True)
    found = error_rates.confusion(model, expert, LABELS)
    np.testing.assert_array_equal(found, confusion_matrix(model, expert, labels=LABELS))


@given(ANSWERS)
def test_counted_pairs_make_the_same_table(pairs):
    model, expert = [a for a, _ in pairs], [b for _, b in pairs]
    counted = {pair: pairs.count(pair) for pair in pairs}
    found = error_rates.confusion(
        [a for a, _ in counted], [b for _, b in counted], LABELS, counted.values()
    )
    assert found.equals(error_rates.confusion(model, expert, LABELS))


def test_an_answer_outside_the_labels_gets_its_own_place():
    found = error_rates.confusion([0, 1, 1, 1], [0, 1, "other", None], [0, 1])
    assert list(found.index) == list(found.columns) == [0, 1, "other"]
    assert found.loc[1, "other"] == 1
    assert found.to_numpy().sum() == 3


def test_true_and_one_are_two_classes():
    found = error_rates.confusion([True, 1, "1"], [1, 1, "1"], [True, 1, "1"])
    assert found.to_numpy().tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_no_verdict_gives_a_table_of_noughts():
    found = error_rates.confusion([], [], LABELS)
    assert found.shape == (3, 3)
    assert not found.to_numpy().any()
    assert error_rates.normalised(found).isna().all(axis=None)


def test_each_row_of_shares_adds_up_to_one():
    counts = error_rates.confusion([0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 2])
    shares = error_rates.normalised(counts)
    assert shares.loc[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert shares.loc[2].isna().all()


def test_errors_are_counted_group_by_group():
    found = error_rates.errors_by(
        ["b", "a", "b", "b", None, "c"], [1, 0, 0, None, True, np.nan]
    ).set_index("group")
    assert found.loc["b", ["cases", "errors", "rate", "unsure"]].tolist() == [2, 1, 0.5, 1]
    assert (found.loc["b", "low"], found.loc["b", "high"]) == agreement.wilson(1, 2)
    assert found.loc["a", "errors"] == 0
    assert np.isnan(found.loc["c", "rate"])
    assert found["cases"].sum() == 4
    assert list(found.index) == ["b", "a", None, "c"]


def test_no_verdict_has_no_group():
    assert len(error_rates.errors_by([], [])) == 0
