"""What is kept of training data: enough to compare with, and no row of it."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from builders import examples
from hypothesis import given
from hypothesis import strategies as st

from second_opinion.errors import UserError
from second_opinion.models.describe.feature_fields import feature_fields
from second_opinion.schema import Feature, Schema
from second_opinion.statistics.training_summary import (
    MOST_QUANTILES,
    Reference,
    normal_score_correlation,
    summary,
)

ROWS = 1005


def schema_of(data):
    """The schema that `add` would infer."""
    return Schema(Feature(**feature_fields(data[name])) for name in data.columns)


@pytest.fixture(scope="module")
def cohort():
    """Rows in which weight follows height, and the rest is independent."""
    rng = np.random.default_rng(5)
    height = rng.normal(170, 10, ROWS)
    return pd.DataFrame(
        {
            "height": height.round(3),
            "weight": (height - 100 + rng.normal(0, 3, ROWS)).round(3),
            "visits": rng.integers(0, 12, ROWS),
            "city": rng.choice(["Bonn", "Oslo", "Rome"], ROWS, p=[0.7, 0.2, 0.1]),
            "member": rng.random(ROWS) < 0.25,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, ROWS), "D"),
        }
    )


@pytest.fixture(scope="module")
def reference(cohort):
    return Reference.of(cohort, schema_of(cohort))


@pytest.fixture(scope="module")
def made_up(cohort, reference):
    """As many made-up cases as there are rows."""
    schema = schema_of(cohort)
    return pd.DataFrame([reference.plausible(schema, seed) for seed in range(ROWS)])


def test_quantiles_are_those_of_the_column(cohort, reference):
    found = reference.features["height"]["quantiles"]
    assert len(found) == MOST_QUANTILES == 201
    levels = np.linspace(0, 1, 201)
    np.testing.assert_allclose(found, np.quantile(cohort["height"], levels), rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "levels"),
    [(1, 5), (29, 5), (30, 6), (201, 40), (1004, 200), (1005, 201), (10**6, 201)],
)
def test_few_rows_have_few_quantiles_at_equal_shares(rows, levels):
    found = summary(pd.Series(np.arange(rows)), "number")["quantiles"]
    assert len(found) == levels
    np.testing.assert_allclose(found, np.linspace(0, rows - 1, levels), rtol=1e-6)


@given(st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=400, unique=True))
def test_quantiles_do_not_tell_a_column_value_by_value(values):
    """Smallest and largest aside, which are the range, most values are not among them."""
    found = summary(pd.Series(values), "number")["quantiles"]
    told = {float(f"{value:.7g}") for value in values} & set(found)
    assert len(told) <= max(5, len(values) // 5)


@given(st.lists(st.floats(-1e9, 1e9) | st.none(), min_size=1))
def test_a_summary_spans_the_known_values(values):
    column = pd.Series(values, dtype="float64")
    found = summary(column, "number")
    assert found["missing"] == pytest.approx(column.isna().mean(), abs=1e-6)
    if column.notna().any():
        levels = found["quantiles"]
        assert levels == sorted(levels)
        assert levels[0] == pytest.approx(column.min(), rel=1e-6)
        assert levels[-1] == pytest.approx(column.max(), rel=1e-6)


def test_counts_are_those_of_the_column(cohort, reference):
    counts = cohort["city"].value_counts()
    assert reference.features["city"]["counts"] == [
        [name, int(counts[name])] for name in counts.index
    ]
    assert reference.features["member"]["counts"][0][0] is False


def test_a_text_is_not_kept():
    column = pd.Series(["a private note", None], name="note")
    assert summary(column, "text") == {"missing": 0.5}


def test_a_summary_comes_back_from_its_file(tmp_path, reference):
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(asdict(reference), allow_nan=False))
    again = Reference.read(path)
    assert again.features == reference.features
    assert np.array_equal(again.correlation, reference.correlation)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"rows": 1}', '{"rows": 1, "other": 2}'])
def test_a_broken_summary_is_named(tmp_path, text):
    path = tmp_path / "summary.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"summary\.json cannot be read .*Restore the file"):
        Reference.read(path)


def test_a_made_up_case_is_like_the_training_cases(cohort, made_up):
    """Each of its values can be read without a word, and lies inside the range."""
    schema = schema_of(cohort)
    for case in made_up.to_dict("records"):
        assert schema.read(case)[1] == []


def test_a_made_up_case_is_the_same_for_the_same_seed(cohort, reference):
    schema = schema_of(cohort)
    assert reference.plausible(schema, 4) == reference.plausible(schema, 4)
    assert reference.plausible(schema, 4) != reference.plausible(schema, 5)


def test_made_up_cases_hang_together_like_the_training_data(cohort, made_up):
    columns = ["height", "weight", "visits"]
    real = cohort[columns].corr("spearman")
    found = made_up[columns].corr("spearman")
    assert real.loc["height", "weight"] > 0.9
    np.testing.assert_allclose(found, real, atol=0.12)


def test_made_up_cases_have_the_shares_of_the_training_data(cohort, made_up):
    for name in ("city", "member"):
        real = cohort[name].value_counts(normalize=True)
        found = made_up[name].value_counts(normalize=True)
        np.testing.assert_allclose(found.reindex(real.index), real, atol=0.06)
    assert made_up["height"].median() == pytest.approx(cohort["height"].median(), abs=2)


def test_no_row_of_the_training_data_is_made_up(cohort, made_up):
    pairs = set(zip(cohort["height"], cohort["weight"], strict=True))
    assert not pairs & set(zip(made_up["height"], made_up["weight"], strict=True))


@examples(50)
@given(
    st.lists(st.floats(-1e7, 1e7).map(lambda value: round(value, 3)), min_size=2, max_size=40),
    st.integers(0, 10**6),
)
def test_a_made_up_number_lies_inside_the_range_whatever_the_data(values, seed):
    data = pd.DataFrame({"x": np.array(values) + 0.0})
    schema = schema_of(data)
    case = Reference.of(data, schema).plausible(schema, seed)
    assert schema.read(case)[1] == []


def test_a_constant_and_a_text_are_made_up_as_they_are():
    data = pd.DataFrame({"x": [3.5] * 9, "note": [f"{n} words that differ" for n in range(9)]})
    schema = Schema(
        [
            Feature(name="x", kind="number", typical=3.5, min=3.5, max=3.5),
            Feature(name="note", kind="text", typical="words"),
        ]
    )
    assert Reference.of(data, schema).plausible(schema, 0) == {"x": 3.5, "note": "words"}


def test_correlation_is_a_correlation_matrix(cohort):
    found = np.array(normal_score_correlation(cohort, schema_of(cohort)))
    assert np.allclose(found, found.T)
    assert np.allclose(np.diag(found), 1)
    assert np.linalg.eigvalsh(found).min() > -1e-3
    assert found[0, 1] > 0.9
