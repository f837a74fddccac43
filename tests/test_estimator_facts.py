"""What a fitted estimator gives away of its columns, step by step."""

import numpy as np
import pandas as pd
import pytest
from ages import FixedThresholdClassifier, needs
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import RFE, SelectKBest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from second_opinion.models.describe.estimator_facts import InputFacts, known_of, look
from second_opinion.models.describe.input_form import form_of, names_of

RNG = np.random.default_rng(2)
X = pd.DataFrame(
    {
        "age": RNG.integers(20, 80, 200),
        "pulse": RNG.normal(80, 9, 200).round(1),
        "ward": RNG.choice([3, 5, 9], 200),
        "colour": RNG.choice(["red", "green"], 200),
        "record": range(200),
    }
)
Y = (X["pulse"] > 80).astype(int)
NUMBERS = ["age", "pulse"]


def seen(*steps, columns=NUMBERS):
    """What is known of the columns that go through these steps and a logistic regression."""
    fitted = make_pipeline(*steps, LogisticRegression(max_iter=1000)).fit(X[columns], Y)
    return look(fitted, columns)


@pytest.mark.parametrize(
    ("step", "typical", "low", "high"),
    [
        (StandardScaler(), X["pulse"].mean(), None, None),
        (RobustScaler(), X["pulse"].median(), None, None),
        (MinMaxScaler(), None, X["pulse"].min(), X["pulse"].max()),
        (
            QuantileTransformer(n_quantiles=101),
            X["pulse"].median(),
            X["pulse"].min(),
            X["pulse"].max(),
        ),
        (KBinsDiscretizer(strategy="uniform"), None, X["pulse"].min(), X["pulse"].max()),
        (SimpleImputer(strategy="median"), X["pulse"].median(), None, None),
        (SimpleImputer(strategy="constant", fill_value=-1), None, None, None),
        (make_pipeline(SimpleImputer(), StandardScaler()), X["pulse"].mean(), None, None),
        (make_pipeline(StandardScaler(), MinMaxScaler()), X["pulse"].mean(), None, None),
    ],
)
def test_scalers_and_imputers_know_a_middle_or_the_range(step, typical, low, high):
    found = seen(step)["pulse"]
    for expected, value in ((typical, found.typical), (low, found.low), (high, found.high)):
        assert value == (None if expected is None else pytest.approx(expected, rel=1e-6))


@pytest.mark.parametrize(
    ("step", "taken"),
    [
        (SimpleImputer(), True),
        (KNNImputer(), True),
        (StandardScaler(), False),
        (make_pipeline(StandardScaler(), SimpleImputer()), True),
        (SelectKBest(k=2), False),
        (PCA(2), False),
        (FunctionTransformer(np.log1p), None),
        (FunctionTransformer(), False),
    ],
)
def test_a_hole_is_taken_where_something_fills_it(step, taken):
    assert seen(step)["pulse"].missing is taken


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()])
def test_encoders_know_their_categories_and_whether_a_hole_is_one(encoder):
    columns = ["ward", "colour"]
    found = seen(encoder, columns=columns)
    assert (found["ward"].choices, found["colour"].choices) == ((3, 5, 9), ("green", "red"))
    assert found["ward"].missing is False
    holes = X[columns].astype({"ward": float}).mask(X["age"] < 30)
    fitted = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(holes, Y)
    assert look(fitted, columns)["ward"] == InputFacts(
        used=True, choices=(3.0, 5.0, 9.0), missing=True, strict=True, gaps=("nan",)
    )


@pytest.mark.parametrize(
    ("encoder", "strict"),
    [
        (OneHotEncoder(), True),
        (OrdinalEncoder(), True),
        (OneHotEncoder(handle_unknown="ignore"), False),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), False),
    ],
)
def test_an_encoder_says_whether_it_refuses_what_it_never_saw(encoder, strict):
    assert seen(encoder, columns=["ward", "colour"])["colour"].strict is strict


def test_the_short_floats_of_an_encoder_are_read_as_people_write_them():
    doses = pd.DataFrame({"dose": np.array([0.1, 0.3] * 20, "float32")})
    fitted = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(doses, [0, 1] * 20)
    facts = look(fitted, ["dose"])["dose"]
    assert (facts.choices, facts.dtype) == ((0.1, 0.3), "float32")


def test_a_column_is_followed_past_others_through_a_transformer_and_a_selector():
    steps = ColumnTransformer(
        [
            ("codes", OneHotEncoder(), [2]),
            ("numbers", "passthrough", slice("age", "pulse")),
            ("none", "drop", ["colour"]),
        ]
    )
    fitted = make_pipeline(steps, HistGradientBoostingClassifier(max_iter=3)).fit(X, Y)
    found = look(fitted, list(X))
    assert found["pulse"].typical == pytest.approx(X["pulse"].median(), abs=2)
    assert (found["pulse"].missing, found["ward"].missing) == (True, False)
    assert [name for name in X if not found[name].used] == ["colour", "record"]
    chosen = make_pipeline(SelectKBest(k=1), DecisionTreeClassifier()).fit(X[NUMBERS], Y)
    found = look(chosen, NUMBERS)
    assert (found["pulse"].typical is None, found["age"].typical) == (False, None)


def test_a_mask_and_the_rest_are_columns_too():
    mask = np.array([False, False, True, True, False])
    steps = make_column_transformer(
        (OneHotEncoder(), mask), remainder=make_pipeline(SimpleImputer(), StandardScaler())
    )
    found = look(make_pipeline(steps, LogisticRegression()).fit(X, Y), list(X))
    assert found["ward"].choices == (3, 5, 9)
    assert found["age"].typical == pytest.approx(X["age"].mean())


@pytest.mark.parametrize(
    "trees",
    [
        DecisionTreeClassifier(),
        RandomForestClassifier(5),
        GradientBoostingClassifier(n_estimators=5),
        HistGradientBoostingClassifier(max_iter=5),
        BaggingClassifier(DecisionTreeClassifier(), n_estimators=9, max_features=1, random_state=0),
        FixedThresholdClassifier(RandomForestClassifier(5)),
    ],
    ids=lambda trees: type(trees).__name__,
)
def test_trees_know_where_they_cut(trees):
    found = look(trees.fit(X[NUMBERS].to_numpy(), Y), ["x0", "x1"])
    assert found["x1"].typical == pytest.approx(80, abs=8)


def test_histogram_boosting_knows_its_own_categories():
    needs((1, 4), "boosting that encodes its texts")
    fitted = HistGradientBoostingClassifier(max_iter=3, categorical_features=["ward", "colour"])
    found = look(fitted.fit(X, Y), list(X))
    assert found["ward"].choices == (3, 5, 9)
    assert found["colour"].missing is True
    assert found["pulse"].typical == pytest.approx(X["pulse"].median(), abs=2)
    assert found["ward"].typical is None


def test_each_model_of_an_ensemble_chooses_its_columns():
    found = look(RFE(LogisticRegression(), n_features_to_select=1).fit(X[NUMBERS], Y), NUMBERS)
    assert found["pulse"].used
    search = GridSearchCV(
        make_pipeline(make_column_transformer((StandardScaler(), ["pulse"])), LogisticRegression()),
        {"logisticregression__C": [1, 2]},
        cv=2,
    ).fit(X, Y)
    found = look(search, list(X))
    assert [name for name in X if found[name].used] == ["pulse"]


@pytest.mark.parametrize(
    ("steps", "form"),
    [
        ([TfidfVectorizer()], "series"),
        ([FeatureUnion([("a", CountVectorizer()), ("b", TfidfVectorizer())])], "series"),
        ([FunctionTransformer(lambda texts: texts.str.lower()), TfidfVectorizer()], "series"),
        ([make_column_transformer((TfidfVectorizer(), "colour"))], "frame"),
    ],
)
def test_a_model_of_texts_takes_a_series(steps, form):
    given = X["colour"] if form == "series" else X
    fitted = make_pipeline(*steps, LogisticRegression()).fit(given, Y)
    assert form_of(fitted) == form
    search = GridSearchCV(fitted, {"logisticregression__C": [1, 2]}, cv=2).fit(given, Y)
    assert form_of(search) == form
    columns = ["colour"] if form == "series" else list(X)
    known = known_of(fitted, columns)
    assert [name for name in columns if known[name].words] == ["colour"]


def test_what_is_strange_is_not_known():
    class Strange:
        """Neither an estimator nor a transformer of scikit-learn."""

    assert look(Strange(), ["a", "b"]) == {"a": InputFacts(used=True), "b": InputFacts(used=True)}
    assert names_of(Strange()) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("categories_", 7),
        ("categories_", [["a"]]),
        ("statistics_", {"pulse": 80}),
        ("tree_", object()),
        ("estimators_", ["a", "b"]),
        ("_preprocessor", "none"),
        ("steps", [1, 2]),
        ("transformers_", None),
        ("mean_", "80"),
    ],
)
def test_what_others_keep_under_these_names_does_no_harm(name, value):
    fitted = LogisticRegression().fit(X[NUMBERS], Y)
    setattr(fitted, name, value)
    for known in look(fitted, NUMBERS).values():
        assert known.used
        assert (known.choices, known.typical) == (None, None)


def test_columns_that_the_model_does_not_take_are_unknown():
    fitted = LogisticRegression().fit(X[NUMBERS], Y)
    assert known_of(fitted, ["age", "else"])["else"] == InputFacts()
    assert known_of(fitted, ["age", "else"])["age"].used
