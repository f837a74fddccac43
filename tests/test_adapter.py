"""What an owner's own object answers: told by its classes, its probabilities and the outcomes."""

import numpy as np
import pandas as pd
import pytest

from second_opinion import UserError
from second_opinion.models.describe.adapter_facts import columns_read, understood
from second_opinion.models.describe.adapter_trial import seconds_per_case
from second_opinion.models.formats.adapter import Adapter, as_array
from second_opinion.models.formats.owners_model import OwnersModel
from second_opinion.models.formats.private_modules import PrivateCode

CASES = pd.DataFrame({"a": np.linspace(-2, 2, 40).round(3), "b": np.arange(40), "id": range(40)})
BINARY = (CASES.a > 0).astype(int)


class Owners:
    """An object as `load(folder)` of somebody's predict.py returns it."""

    def __init__(self, predict, predict_proba=None, classes=None):
        self.predict = predict
        if predict_proba:
            self.predict_proba = predict_proba
        if classes is not None:
            self.classes_ = classes


def adapter(predict, predict_proba=None, classes=None):
    owners = Owners(predict, predict_proba, classes)
    return Adapter(OwnersModel(owners, PrivateCode("0" * 64, {})))


def chance(cases):
    return 1 / (1 + np.exp(-3 * cases["a"]))


def both(cases):
    return np.column_stack([1 - chance(cases), chance(cases)])


def words(cases):
    return np.where(cases["a"] > 0, "Yes", "No")


def told(model, y):
    return understood(model, CASES, pd.Series(y, name="y") if y is not None else None)


@pytest.mark.parametrize(
    ("model", "y", "task", "classes", "form"),
    [
        (adapter(lambda c: c["a"] * 2.5), CASES.a * 2, "regression", None, "values"),
        (adapter(lambda c: (c["a"] * 2).to_frame()), CASES.a, "regression", None, "values"),
        (adapter(lambda c: list(c["b"] * 3)), CASES.b, "regression", None, "values"),
        (adapter(words), words(CASES), "binary", ["No", "Yes"], "values"),
        (adapter(words), None, "binary", ["No", "Yes"], "values"),
        (adapter(words, both), words(CASES), "binary", ["No", "Yes"], "values"),
        (adapter(words, both, ["No", "Yes"]), BINARY, "binary", ["No", "Yes"], "values"),
        (adapter(lambda c: (c["a"] > 0).astype(int)), BINARY, "binary", [0, 1], "values"),
        (adapter(lambda c: c["a"] > 0), BINARY > 0, "binary", [False, True], "values"),
        (adapter(lambda c: (c["a"] > 0) * 1.0), BINARY, "binary", [0, 1], "values"),
        (adapter(lambda c: c["b"] % 3), CASES.b % 3, "multiclass", [0, 1, 2], "values"),
        (adapter(chance), BINARY, "binary", [0, 1], "chance"),
        (adapter(lambda c: chance(c).to_numpy()[:, None]), BINARY, "binary", [0, 1], "chance"),
        (adapter(chance), words(CASES), "binary", ["No", "Yes"], "chance"),
        (adapter(chance), np.where(BINARY, "yes", "zz"), "binary", ["zz", "yes"], "chance"),
        (adapter(chance, classes=["zz", "aa"]), None, "binary", ["zz", "aa"], "chance"),
        (adapter(both), words(CASES), "binary", ["No", "Yes"], "shares"),
        (adapter(lambda c: pd.DataFrame(both(c))), BINARY, "binary", [0, 1], "shares"),
    ],
)
def test_task_and_classes_are_told(model, y, task, classes, form):
    found = told(model, y)
    assert (found.task, found.form) == (task, form)
    assert (list(found.classes_) if classes else None) == classes
    answers = found.predict(CASES)
    assert answers.shape == (40,)
    if classes:
        assert set(answers.tolist()) <= set(classes)
    assert hasattr(found, "predict_proba") == (form != "values" or hasattr(model, "predict_proba"))
    if hasattr(found, "predict_proba"):
        assert np.allclose(found.predict_proba(CASES).sum(axis=1), 1)


def test_a_chance_is_that_of_the_event():
    found = told(adapter(chance), np.where(BINARY, "yes", "zz"))
    assert (found.predict(CASES) == np.where(BINARY, "yes", "zz")).mean() > 0.95


def test_a_threshold_of_its_own_holds():
    def cautious(cases):
        return np.where(chance(cases) > 0.2, "Yes", "No")

    found = told(adapter(cautious, both), words(CASES))
    assert found.predict(CASES).tolist() == cautious(CASES).tolist()


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (adapter(lambda c: (c["a"] > 0) * 1), words(CASES), "Return these words from predict"),
        (adapter(chance), np.where(BINARY, "b", "c"), "nobody knows of which one"),
        (adapter(both), np.where(CASES.b % 3, words(CASES), "Maybe"), "classes_, in the order of"),
        (adapter(both), None, "no outcomes were given"),
        (adapter(words, both, ["no", "yes"]), BINARY, 'answers "No", which is not among'),
        (adapter(words, both, ["Yes"]), BINARY, "a single class"),
        (adapter(lambda c: [1, 2]), CASES.a, "gave 2 answers for 40 cases"),
    ],
)
def test_what_nobody_can_tell_is_refused_with_a_way(model, y, message):
    with pytest.raises(UserError, match=message):
        told(model, y)


@pytest.mark.parametrize(
    ("predict", "read"),
    [
        (lambda c: c[["a", "b"]].sum(axis=1), ["a", "b"]),
        (lambda c: c.to_numpy().sum(axis=1), ["a", "b", "id"]),
        (lambda c: pd.get_dummies(c, columns=["b"]).reindex(columns=["a", "b_1"]).sum(axis=1),
         ["a", "b"]),
        (lambda c: c.drop(columns="id").sum(axis=1), ["a", "b", "id"]),
        (lambda c: c.drop(columns="id", errors="ignore").sum(axis=1), ["a", "b"]),
        # It makes no difference on any row, and is read all the same.
        (lambda c: c["a"] + (c["b"] > 99), ["a", "b"]),
        (lambda c: c["a"] + c["b"].map({99: 1}).fillna(0), ["a", "b"]),
    ],
)  # fmt: skip
def test_columns_that_it_never_reads_are_left_out(predict, read):
    assert list(columns_read(adapter(predict), CASES)) == read


@pytest.mark.parametrize("kind", ["series", "list", "column", "object"])
def test_answers_of_many_kinds_become_an_array(kind):
    made = {
        "series": pd.Series([1.5, 2]), "list": [1.5, 2], "column": np.array([[1.5], [2]]),
        "object": np.array([1.5, 2], dtype=object),
    }  # fmt: skip
    assert as_array(made[kind]).tolist() == [1.5, 2]


def test_a_model_of_moods_is_refused():
    rng = np.random.default_rng(0)
    model = told(adapter(lambda c: c["a"] + rng.normal(size=len(c))), CASES.a)
    with pytest.raises(UserError, match=r"expected the same. Give chance a fixed seed"):
        seconds_per_case(model, CASES, "frame")


@pytest.mark.parametrize(
    "predict",
    [
        lambda c: (c["a"] - c["a"].mean()) / 2,
        lambda c: c["a"].rank(),
        lambda c: pd.get_dummies(c["b"]).shape[1] * c["a"],
        lambda c: c["a"].shift(1).fillna(0),
    ],
)
def test_a_model_that_looks_at_the_company_is_refused(predict):
    model = told(adapter(predict), CASES.a)
    with pytest.raises(UserError, match=r"alone; expected the same\. Something is worked out over"):
        seconds_per_case(model, CASES, "frame")


def test_single_precision_may_differ_a_little():
    def rough(cases):
        return cases["a"] * 100 + 1e-5 * len(cases) / 1000

    assert seconds_per_case(told(adapter(rough), CASES.a), CASES, "frame") < 1
