"""Columns of one-hot dummies are found in the data again, however they were made and named."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from second_opinion import Registry
from second_opinion.errors import UserError
from second_opinion.models.describe.dummy_groups import one_hot_of
from second_opinion.models.one_hot import DummyColumns


def table():
    rng = np.random.default_rng(0)
    rows = 300
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, rows),
            "city": rng.choice(["Bonn", "New York", "Ulm"], rows),
            "pays": rng.choice(["card (automatic)", "cheque", "by hand"], rows),
            "sex": rng.choice(["female", "male"], rows),
            "month": rng.integers(1, 13, rows),
            "flag": rng.random(rows) > 0.5,
            "member": rng.integers(0, 2, rows),
            "city_size": rng.choice(["Ulm", "big"], rows),
            "grade": rng.choice([1.0, 2.0, np.nan], rows),
        }
    )


X = table()
ALIKE = X.drop(columns="city_size")
COLUMNS = ["city", "sex", "month", "flag", "grade", "city_size"]
SHORT = {"city": "c", "sex": "g", "city_size": "z", "pays": "p"}


def simple(frame):
    return frame.rename(columns=lambda name: name.lower().replace(" ", "_").replace("(", "_"))


def closed(frame):
    return frame.rename(columns=lambda name: f"{name}]" if "[" in name else name)


WAYS = {
    "as it is": (X, pd.get_dummies(X)),
    "the first dropped": (X, pd.get_dummies(X, drop_first=True)),
    "equals": (X, pd.get_dummies(X, prefix_sep="=", drop_first=True)),
    "nothing between": (X, pd.get_dummies(X, prefix_sep="")),
    "two lines": (X, pd.get_dummies(X, prefix_sep="__")),
    "numbers and truth values": (X, pd.get_dummies(X, columns=COLUMNS)),
    "of them the first": (X, pd.get_dummies(X, columns=[*COLUMNS, "member"], drop_first=True)),
    "short prefixes": (X, pd.get_dummies(X, prefix=SHORT)),
    "short and the first": (X, pd.get_dummies(X, prefix=SHORT, drop_first=True)),
    "no prefix": (ALIKE, pd.get_dummies(ALIKE, prefix="", prefix_sep="")),
    "no prefix nor first": (
        ALIKE,
        pd.get_dummies(ALIKE, prefix="", prefix_sep="", drop_first=True),
    ),
    "one for a missing value": (X, pd.get_dummies(X, columns=["grade"], dummy_na=True)),
    "LightGBM's names": (X, pd.get_dummies(X).rename(columns=lambda n: n.replace(" ", "_"))),
    "brackets": (X, closed(pd.get_dummies(X, prefix_sep="["))),
    "patsy's": (X, closed(pd.get_dummies(X, prefix_sep="[T.", drop_first=True))),
    "one column alone": (X, pd.get_dummies(X, columns=["sex"], drop_first=True)),
    "another order": (X, pd.get_dummies(X)[::-1].sort_index(axis=1)),
    "integers": (X, pd.get_dummies(X, dtype=int)),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_dummies_are_those_that_pandas_made(way):
    raw, dummies = WAYS[way]
    names = list(dummies)
    one_hot = one_hot_of(names, raw.assign(y=0), "y")
    made = DummyColumns(one_hot, names).transform(raw)
    assert list(made) == names
    dummies = dummies.sort_index().astype({n: float for n in names if n not in raw})
    pd.testing.assert_frame_equal(made, dummies)


def test_a_level_that_the_data_lacks_is_known_by_its_dummy():
    names = ["age", *(f"city_{name}" for name in ("Bonn", "New York", "Ulm", "Köln"))]
    assert one_hot_of(names, X, "")["city"]["Köln"] == "city_Köln"


def test_of_several_levels_without_a_dummy_the_first_was_dropped_and_the_others_are_unseen():
    one_hot = one_hot_of(["city_Ulm"], X, "")
    assert one_hot == {"city": {"Bonn": None, "Ulm": "city_Ulm"}}


@pytest.mark.parametrize(
    "names", [["x0", "x1", "age"], ["Age"], ["PC1", "PC2"], ["month_mean"], ["f1", "f2", "f3"]]
)
def test_what_ends_like_a_level_by_chance_is_no_dummy(names):
    assert one_hot_of(names, X, "") == {}


def test_nor_is_the_target_or_a_column_that_the_model_takes():
    names = ["city", "city_Bonn", "city_Ulm"]
    assert one_hot_of(names, X[["city", "age"]], "") == {}
    assert one_hot_of(names[1:], X[["city", "age"]], "city") == {}


YES_NO = pd.DataFrame({"partner": ["Yes", "No"], "pension": ["No", "Yes"], "age": [1, 2]})


def test_two_columns_that_would_do_for_the_same_dummies_are_a_question():
    names = ["age", "p_Yes", "p_No"]
    with pytest.raises(UserError, match='Rename the one that they are made of to "p" in the dat'):
        one_hot_of(names, YES_NO, "")
    told = one_hot_of(names, YES_NO.rename(columns={"pension": "p"}), "")
    assert told == {"p": {"No": "p_No", "Yes": "p_Yes"}}


def test_without_a_prefix_the_other_column_is_to_go():
    with pytest.raises(UserError, match="Take out of the data the one that they are not made of"):
        one_hot_of(["Yes", "No"], YES_NO, "")
    assert "partner" in one_hot_of(["Yes", "No"], YES_NO.drop(columns="pension"), "")


@pytest.fixture
def added(tmp_path):
    """A model of dummies without the first, added from a notebook with the raw column."""
    raw = X[["city", "age"]]
    dummies = pd.get_dummies(raw, drop_first=True)
    y = (X.city == "Ulm") ^ (X.age > 60)
    estimator = LogisticRegression(max_iter=5000).fit(dummies, y)
    registry = Registry(tmp_path / "model")
    registry.add(estimator, raw, y, name="m", target="y")
    return registry, estimator, dummies, raw


def test_the_form_has_one_choice_and_a_file_one_column(added):
    registry, *_ = added
    card = registry.card("m")
    assert card.case_schema.names == ["age", "city"]
    assert card.case_schema["city"].values == ("Bonn", "New York", "Ulm")
    assert {*card.importance} == {"age", "city"}


def test_it_answers_as_the_estimator_does_on_its_dummies(added):
    registry, estimator, dummies, raw = added
    answers = registry.load("m").predict(raw)
    assert answers["value"].tolist() == estimator.predict(dummies).tolist()
    assert [p[1] for p in answers["probabilities"]] == estimator.predict_proba(dummies)[
        :, 1
    ].tolist()


def test_an_unseen_level_has_no_dummy_and_is_flagged(added):
    registry, estimator, dummies, _ = added
    answer = registry.load("m").predict([{"city": "Kiel", "age": 40}]).iloc[0]
    nothing = pd.DataFrame(0, [0], dummies.columns).assign(age=40)
    assert answer["probabilities"][1] == estimator.predict_proba(nothing)[0, 1]
    assert answer["flags"] == ("unseen:city",)


def test_the_file_that_is_kept_is_the_estimator_that_was_brought(added, tmp_path):
    import joblib

    registry, *_ = added
    kept = joblib.load(tmp_path / "model/m/1" / registry.card("m").artifact.file)
    assert type(kept) is LogisticRegression
