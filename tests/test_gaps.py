"""A missing value reaches each model as its own encoder learned it: NaN, None or an empty text."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from second_opinion import Registry, tables
from second_opinion.models.describe.training_data import from_table
from second_opinion.models.describe.training_table import Layout, TrainingTable

ROWS = 90
LEVELS = {
    "texts": ["a", "b"],
    "flags": [True, False],
    "codes": [1, 2],
}
GAPS = {"none": None, "nan": np.nan, "empty": ""}
ENCODERS = {
    "strict": OneHotEncoder(),
    "lenient": OneHotEncoder(handle_unknown="ignore"),
    "ordinal": OrdinalEncoder(),
    "ordinal with a code for the unknown": OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1
    ),
}


def cases(*levels):
    """Cases with a column of objects of these levels, and an outcome that tells them apart."""
    cells = np.empty(ROWS, dtype=object)
    cells[:] = [levels[at % len(levels)] for at in range(ROWS)]
    X = pd.DataFrame({"k": pd.Series(cells, dtype=object), "x": np.arange(ROWS) * 0.5})
    return X, pd.Series([3.0 + 7 * (at % len(levels)) for at in range(ROWS)], name="y")


def fitted(step, X, y):
    columns = make_column_transformer((step, ["k"]), remainder="passthrough")
    return make_pipeline(columns, HistGradientBoostingRegressor(max_iter=5)).fit(X, y)


@pytest.fixture
def everywhere(tmp_path):
    """Adds a model in each way, and compares its answers to frame, cases and file."""

    def everywhere(model, X, y):
        file = tmp_path / "train.csv"
        X.assign(y=y).to_csv(file, index=False)
        expected = model.predict(X)
        assert len(set(expected)) > 2
        rows = from_table(TrainingTable.read(file, "y", Layout()), model)
        registry = Registry(tmp_path / "models")
        ways = (
            registry.add(model, X, name="m"),
            registry.add(model, pd.read_csv(file)[["k", "x"]], name="m"),
            registry.add(model, rows.X, rows.y, name="m", training=rows),
            registry.add(model, name="m"),
        )
        for card in ways:
            loaded = registry.load(card.ref)
            for answers in (
                loaded.predict(X)["value"],
                loaded.predict(typed_in(X))["value"],
                loaded.predict(in_file(file, card))["value"],
            ):
                assert answers.tolist() == expected.tolist()
        return ways

    return everywhere


def typed_in(X):
    return [{"k": None if pd.isna(k) else k, "x": x} for k, x in X.itertuples(index=False)]


def in_file(file, card):
    schema = card.case_schema
    source = tables.TableFile.of_path(file)
    look = tables.look(source, schema, tables.Decisions())
    [chunk] = tables.read(source, look, schema, tables.NO_LIMITS)
    assert not chunk.problems
    return chunk.cases


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize(
    ("kind", "gap"),
    [*(("texts", gap) for gap in GAPS), ("flags", "none"), ("codes", "none")],
)
def test_an_encoder_gets_the_gap_that_it_learned(everywhere, encoder, kind, gap):
    X, y = cases(*LEVELS[kind], GAPS[gap])
    for card in everywhere(fitted(encoder, X, y), X, y):
        feature = card.case_schema["k"]
        assert feature.gap == gap
        assert feature.optional
        assert sorted(map(str, feature.values)) == sorted(map(str, LEVELS[kind]))


@pytest.mark.slow
@pytest.mark.parametrize("gap", [*GAPS.values(), pd.NA], ids=repr)
def test_an_imputer_gets_the_gap_that_it_replaces(everywhere, gap):
    X, y = cases("a", "b", gap)
    imputer = SimpleImputer(missing_values=gap, strategy="constant", fill_value="gone")
    everywhere(fitted(make_pipeline(imputer, OneHotEncoder()), X, y), X, y)


@pytest.mark.slow
@pytest.mark.parametrize("level", [None, ""], ids=repr)
def test_a_gap_that_an_imputer_of_another_one_let_through_is_learned(everywhere, level):
    X, y = cases("a", "b", "b", level)
    imputer = SimpleImputer(strategy="most_frequent")
    everywhere(fitted(make_pipeline(imputer, OneHotEncoder()), X, y), X, y)


@pytest.mark.slow
def test_an_empty_text_that_an_imputer_wrote_is_no_level_of_the_data(everywhere):
    X, y = cases("a", "b", np.nan)
    imputer = SimpleImputer(strategy="constant", fill_value="")
    ways = everywhere(fitted(make_pipeline(imputer, OneHotEncoder()), X, y), X, y)
    assert {card.case_schema["k"].gap for card in ways} == {"nan"}


def test_of_two_gaps_that_an_encoder_learned_it_gets_that_of_the_data(tmp_path):
    X, y = cases("a", "b", None, np.nan)
    model = fitted(OneHotEncoder(), X, y)
    registry = Registry(tmp_path)
    for gap, value in (("none", None), ("nan", np.nan)):
        rows, _ = cases("a", "b", value)
        card = registry.add(model, rows, name="m")
        assert card.case_schema["k"].gap == gap
        answers = registry.load(card.ref).predict(typed_in(rows))["value"]
        assert answers.tolist() == model.predict(rows).tolist()


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_data_of_any_type_are_given_as_the_encoder_learned(tmp_path, dtype):
    X, y = cases("a", "b", None)
    model = fitted(OneHotEncoder(), X, y)
    card = Registry(tmp_path).add(model, X.astype({"k": dtype}), y, name="m")
    answers = Registry(tmp_path).load(card.ref).predict(X.astype({"k": dtype}))["value"]
    assert answers.tolist() == model.predict(X).tolist()


def test_empty_texts_that_are_missing_count_as_such(tmp_path):
    X, y = cases("a", "b", "")
    card = Registry(tmp_path).add(fitted(OneHotEncoder(), X, y), X, y, name="m")
    summary = Registry(tmp_path).reference(card.ref).features["k"]
    assert summary["missing"] == pytest.approx(1 / 3, abs=1e-6)
    assert sorted(summary["counts"]) == [["a", 30], ["b", 30]]


def test_a_column_of_objects_reaches_the_estimator_as_objects(tmp_path):
    X, y = cases("a", "b", None)
    card = Registry(tmp_path).add(fitted(OneHotEncoder(), X, y), X, y, name="m")
    for frame in (card.case_schema.frame(X), card.case_schema.frame(typed_in(X))):
        assert frame["k"].dtype == "object"
        assert frame["k"][2] is None


def test_an_empty_text_beside_a_missing_value_that_the_steps_know_as_well_is_a_level(tmp_path):
    X, y = cases("a", "b", "", np.nan)
    imputer = SimpleImputer(missing_values=pd.NA, strategy="constant", fill_value="gone")
    model = fitted(make_pipeline(imputer, OneHotEncoder()), X, y)
    card = Registry(tmp_path).add(model, X, y, name="m")
    assert card.case_schema["k"].gap == "nan"
    answers = Registry(tmp_path).load(card.ref).predict(typed_in(X))["value"]
    assert answers.tolist() == model.predict(X).tolist()
