"""A model that a notebook adds with columns of any type answers each row as the estimator does.

In a frame, JSON, CSV, Excel and Parquet; the expected answers are the estimator's own, on the rows
in the very types of the training.
"""

import io
import json
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from ages import SKLEARN
from sklearn import preprocessing
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from workbooks import workbook

from second_opinion import Registry
from second_opinion.batches.score_file import score_file
from second_opinion.records.stamp import new_id
from second_opinion.records.value import plain
from second_opinion.tables import TableFile, look

# Eighty small models: each is quick, all together are not.
pytestmark = pytest.mark.slow
ROWS = 60
rng = np.random.default_rng(4)


def with_holes(values):
    return [None if at % 7 == 3 else value for at, value in enumerate(values)]


WHOLE = rng.integers(0, 100, ROWS)
TENTHS = rng.integers(0, 100, ROWS) / 10
FLAGS = rng.random(ROWS) < 0.5
WORDS = rng.choice(["red", "green", "blue"], ROWS)
NAMES = [f"Item {n % 40:03}" for n in range(ROWS)]
HOURS = pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 24 * 300, ROWS), unit="h")
MOMENTS = pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**9, ROWS), unit="ms")
FINE = pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**15, ROWS), unit="ns")

NUMBERS = {
    **{dtype: pd.Series(WHOLE, dtype=dtype) for dtype in ("int8", "int16", "uint8", "uint64")},
    # Quarters are exact in sixteen bits; a file that holds 6.6 is not 6.6016, as it was in there.
    "float16 of quarters": pd.Series(WHOLE / 4, dtype="float16"),
    "float32 of tenths": pd.Series(TENTHS, dtype="float32"),
    "float32 with holes": pd.Series(with_holes(TENTHS), dtype="float32"),
    "Int8": pd.Series(with_holes(WHOLE.tolist()), dtype="Int8"),
    "Int64": pd.Series(with_holes(WHOLE.tolist()), dtype="Int64"),
    "Float32": pd.Series(with_holes(TENTHS.tolist()), dtype="Float32"),
    "boolean": pd.Series(with_holes(FLAGS.tolist()), dtype="boolean"),
    "bool": pd.Series(FLAGS),
    "int8 of flags": pd.Series(FLAGS, dtype="int8"),
    "sparse numbers": pd.Series(TENTHS).astype(pd.SparseDtype("float64", 0.0)),
    "sparse flags": pd.Series(FLAGS.astype("int64")).astype(pd.SparseDtype("int64", 0)),
    "numbers as objects": pd.Series(WHOLE.tolist(), dtype="object"),
    "Arrow integers": pd.Series(with_holes(WHOLE.tolist()), dtype="int8[pyarrow]"),
    "Arrow floats": pd.Series(TENTHS, dtype="float[pyarrow]"),
    "Arrow flags": pd.Series(with_holes(FLAGS.tolist()), dtype="bool[pyarrow]"),
}
LEVELS = {
    "text": pd.Series(WORDS),
    "object": pd.Series(WORDS, dtype="object"),
    "string": pd.Series(WORDS, dtype="string"),
    "string[pyarrow]": pd.Series(WORDS, dtype="string[pyarrow]"),
    "large_string[pyarrow]": pd.Series(WORDS, dtype="large_string[pyarrow]"),
    "category": pd.Series(WORDS, dtype="category"),
    "category of 40 names": pd.Series(NAMES, dtype="category"),
    "40 names": pd.Series(NAMES),
    "whole levels": pd.Series(WHOLE % 7 * 10, dtype="int16"),
    "60 whole levels": pd.Series(np.arange(ROWS) * 1000),
    "levels of tenths": pd.Series(TENTHS),
    "short levels of tenths": pd.Series(TENTHS, dtype="float32"),
    "category of numbers": pd.Series(WHOLE % 5, dtype="category"),
    "category of short numbers": pd.Series((WHOLE % 5).astype("int8")).astype("category"),
    "category of flags": pd.Series(FLAGS).astype("category"),
    "digits": pd.Series([f"{n % 9:03}" for n in WHOLE]),
}
MOMENT_COLUMNS = {
    "days": pd.Series(HOURS.normalize()),
    "hours": pd.Series(HOURS),
    "seconds": pd.Series(MOMENTS.floor("s")),
    "milliseconds": pd.Series(MOMENTS),
    "nanoseconds": pd.Series(FINE),
    "hours in UTC": pd.Series(HOURS.tz_localize("UTC")),
    "hours in Berlin": pd.Series(HOURS.tz_localize("UTC").tz_convert("Europe/Berlin")),
    "days in New York": pd.Series(
        HOURS.normalize().tz_localize("America/New_York", ambiguous=True)
    ),
    "hours with holes": pd.Series(with_holes(list(HOURS))),
    "Arrow moments": pd.Series(HOURS).astype("timestamp[us][pyarrow]"),
    "hours in seconds": pd.Series(HOURS).astype("datetime64[s]"),
}


def time_parts(cases):
    seen = cases["x"]
    parts = {"hour": seen.dt.hour, "minute": seen.dt.minute, "second": seen.dt.second}
    parts |= {"day": seen.dt.day, "fine": seen.dt.microsecond, "v": cases["v"]}
    return pd.DataFrame(parts).astype("float64").fillna(-1)


def numeric(X, y):
    steps = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(steps, Ridge()).fit(X, y)


def forest(X, y):
    return RandomForestRegressor(5, random_state=0).fit(X, y)


def encoded(encoder):
    def fit(X, y):
        steps = make_column_transformer((encoder, ["x"]), remainder="passthrough")
        return make_pipeline(steps, Ridge()).fit(X, y)

    return fit


def boosted(X, y):
    return HistGradientBoostingRegressor(
        max_iter=8, min_samples_leaf=3, categorical_features="from_dtype"
    ).fit(X, y)


def timed(X, y):
    return make_pipeline(FunctionTransformer(time_parts), LinearRegression()).fit(X, y)


ENCODERS = {
    "strict": OneHotEncoder(),
    "ignoring": OneHotEncoder(handle_unknown="ignore"),
    "ordinal": OrdinalEncoder(),
}
if SKLEARN >= (1, 3):
    ENCODERS["by target"] = preprocessing.TargetEncoder(cv=2)
EVERY_ENCODER = ("string", "category of 40 names", "60 whole levels", "short levels of tenths")
WAYS_TO_TRAIN = [
    *((name, column, "ridge", numeric) for name, column in NUMBERS.items()),
    ("int8", NUMBERS["int8"], "forest", forest),
    *(
        (name, column, by, encoded(encoder))
        for name, column in LEVELS.items()
        for by, encoder in ENCODERS.items()
        if by == "strict" or name in EVERY_ENCODER
    ),
    *(
        (name, column, "boosting", boosted)
        for name, column in LEVELS.items()
        if column.dtype == "category" and SKLEARN >= (1, 4)
    ),
    *((name, column, "time", timed) for name, column in MOMENT_COLUMNS.items()),
]
IDS = [f"{name}, {by}" for name, _, by, _ in WAYS_TO_TRAIN]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that was added from a notebook, with its estimator and rows; each is made once."""
    folder = tmp_path_factory.mktemp("types")

    @cache
    def train(at):
        _, column, _, fit = WAYS_TO_TRAIN[at]
        X = pd.DataFrame({"x": column, "v": np.linspace(0, 1, ROWS)})
        y = pd.Series(np.arange(ROWS) * 1.1 + np.asarray(pd.factorize(column)[0]) / 3, name="t")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator = fit(X, y)
            registry = Registry(folder / str(at))
            registry.add(estimator, X, y, name="m")
            return registry.load("m"), np.ravel(estimator.predict(X)), X

    return train


@pytest.fixture(params=range(len(WAYS_TO_TRAIN)), ids=IDS)
def model_expected_and_rows(request, trained):
    return trained(request.param)


def plain_rows(X):
    """The rows as JSON has them; a number as people write it."""
    dtype = str(X["x"].dtype)
    rows = [{name: plain(value) for name, value in row.items()} for row in X.to_dict("records")]
    if dtype in ("float16", "float32", "Float32", "float[pyarrow]"):
        for row, value in zip(rows, X["x"], strict=True):
            row["x"] = None if pd.isna(value) else float(str(np.float32(value)))
        if dtype == "float16":
            for row, value in zip(rows, X["x"], strict=True):
                row["x"] = float(str(value))
    return rows


def test_a_frame_in_the_types_of_the_training_is_answered_like_the_estimator(
    model_expected_and_rows,
):
    model, expected, X = model_expected_and_rows
    answers = model.predict(X)
    assert answers["value"].tolist() == pytest.approx(expected.tolist(), rel=1e-6)
    assert {flag for flags in answers["flags"] for flag in flags} <= {"missing:x"}


def test_json_is_answered_like_the_estimator(model_expected_and_rows):
    model, expected, X = model_expected_and_rows
    for row, answer in zip(plain_rows(X)[:8], expected, strict=False):
        sent = json.loads(json.dumps(row))
        inputs, problems = model.card.case_schema.read(sent)
        assert problems == []
        asked = model.predict_one(inputs, asked_by="Ada", source="api", id=new_id())
        assert asked.value == pytest.approx(answer, rel=1e-6)


def as_csv(X):
    return X.to_csv(index=False).encode()


def as_parquet(X):
    sink = io.BytesIO()
    X.assign(x=X["x"].sparse.to_dense() if hasattr(X["x"], "sparse") else X["x"]).to_parquet(sink)
    return sink.getvalue()


def as_excel(X):
    """Excel knows neither a time zone nor what is finer than a millisecond."""
    rows = [[plain_cell(cell) for cell in row] for row in zip(*(X[n] for n in X), strict=True)]
    return workbook([list(X), *rows])


def is_fine(column):
    return hasattr(column, "dt") and bool((column.dt.nanosecond > 0).any())


def plain_cell(cell):
    if isinstance(cell, pd.Timestamp) and not pd.isna(cell):
        return (cell.tz_convert("UTC") if cell.tz else cell).tz_localize(None).to_pydatetime()
    return plain(cell)


@pytest.mark.parametrize(
    ("name", "written"),
    [("cases.csv", as_csv), ("cases.parquet", as_parquet), ("cases.xlsx", as_excel)],
)
def test_a_file_is_scored_like_the_estimator(model_expected_and_rows, name, written, tmp_path):
    model, expected, X = model_expected_and_rows
    if name.endswith("xlsx") and (X["x"].dtype in ("float16", "float32") or is_fine(X["x"])):
        pytest.skip("Excel keeps doubles, and no more than milliseconds.")
    source = TableFile.of_bytes(name, written(X))
    layout = look(source, model.card.case_schema)
    assert not layout.problems, layout.problems
    summary = score_file(source, layout, model, tmp_path / "out.csv", bad_rows=tmp_path / "bad")
    assert (summary.good, summary.bad) == (ROWS, 0), [str(p) for p in summary.problems][:3]
    scored = pd.read_csv(tmp_path / "out.csv")
    assert scored["prediction"].tolist() == pytest.approx(expected.tolist(), rel=1e-6)
