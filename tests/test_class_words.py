"""Words for a model that answers in codes: which go together, and what is said if nobody says."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry
from second_opinion.errors import UserError
from second_opinion.models.describe import class_words

CODES = np.arange(90) % 3
X = pd.DataFrame({"a": CODES + np.linspace(0, 0.2, 90), "b": np.linspace(0, 1, 90)})


def fitted(codes):
    return LogisticRegression(C=100).fit(X, codes)


def words(*names):
    return pd.Series(np.array(names)[CODES], name="crop")


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (("apple", "maize", "rice"), "0=apple,1=maize,2=rice"),
        (("rice", "apple", "maize"), "0=rice,1=apple,2=maize"),
        (("a, b", "c", "d"), '"0=a, b",1=c,2=d'),
    ],
)
def test_the_pairs_proposed_are_those_that_agree(names, pairs):
    assert class_words.proposal(fitted(CODES), words(*names), X) == pairs


def test_where_nothing_agrees_the_order_is_that_of_the_alphabet():
    estimator = LogisticRegression().fit(X[["b"]], CODES)
    names = words("rice", "apple", "maize")
    assert class_words.proposal(estimator, names, X[["b"]]) == "0=apple,1=maize,2=rice"


def test_more_words_than_codes_are_no_words_of_these_codes():
    y = pd.Series([f"name {at}" for at in range(90)], name="who")
    with pytest.raises(UserError, match=r"the model knows 0, 1 and 2\. Name the column"):
        class_words.outcomes(fitted(CODES), y, X, [])


@pytest.mark.parametrize(
    ("codes", "given", "labels"),
    [
        (CODES, {"0": "x", "1": "y", "2": "z"}, ["x", "y", "z"]),
        (CODES.astype(float), {"0": "x", "1": "y", "2": "z"}, ["x", "y", "z"]),
        (CODES == 1, {"0": "No", "1": "Yes"}, ["No", "Yes"]),
        (CODES == 1, {"False": "No", "True": "Yes"}, ["No", "Yes"]),
        (np.array(["n", "y"])[(CODES == 1) * 1], {"n": "No", "y": "Yes"}, ["No", "Yes"]),
    ],
)
def test_a_class_is_named_by_its_text(codes, given, labels):
    assert [c["label"] for c in class_words.class_fields(fitted(codes), given)] == labels


@pytest.mark.parametrize("given", [{"0": "x"}, {"0": "x", "1": "y", "2": "z", "3": "q"}])
def test_words_for_other_classes_are_refused(given):
    with pytest.raises(UserError, match=r"the model answers 0, 1 and 2\. Give one word for each"):
        class_words.class_fields(fitted(CODES), given)


def test_outcomes_in_words_are_those_codes_and_the_pages_have_the_words(tmp_path):
    registry = Registry(tmp_path / "model")
    classes = class_words.class_fields(fitted(CODES), {"0": "x", "1": "y", "2": "z"})
    for name, y in (("words", words("x", "y", "z")), ("codes", pd.Series(CODES, name="crop"))):
        card = registry.add(fitted(CODES), X, y, name=name, card={"classes": classes})
        assert card.metrics["accuracy"] == 1
        assert card.label(1) == "y"


def test_words_go_before_codes():
    """Marks 1 to 3 that were coded 0 to 2: the file's 1 is the word of the class 0."""
    y = pd.Series(CODES + 1, name="mark")
    classes = class_words.class_fields(fitted(CODES), {"0": "1", "1": "2", "2": "3"})
    assert class_words.outcomes(fitted(CODES), y, X, classes).tolist() == CODES.tolist()
