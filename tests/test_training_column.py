"""A column of training data in the type of the training."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ages import text_series
from builders import examples
from hypothesis import given
from hypothesis import strategies as st

from second_opinion import UserError
from second_opinion.models.describe.estimator_facts import InputFacts
from second_opinion.models.describe.training_column import (
    PANDAS_MISSING,
    ColumnSource,
    training_column,
)


def column(cells, inside=None, **about):
    source = ColumnSource("age", pa.array(cells, pa.string()), np.arange(len(cells)) + 2, **about)
    return training_column(source, inside or InputFacts())


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "+2", "-3"], "int64", [1, 2, -3]),
        (["1", "2.0"], "float64", [1.0, 2.0]),
        ([" 1 ", "\t2"], "int64", [1, 2]),
        (["1", None], "float64", [1.0, None]),
        (["1", " "], "float64", [1.0, None]),
        (["1", "NA"], "float64", [1.0, None]),
        (["1e3", "0"], "float64", [1000.0, 0.0]),
        (["9007199254740993", "1"], "int64", [9007199254740993, 1]),
        (["True", "FALSE"], "bool", [True, False]),
        (["true", None], "object", [True, None]),
        (["a", "1"], str(text_series(["a"]).dtype), ["a", "1"]),
        ([None, None], "float64", [None, None]),
    ],
)
def test_cells_have_the_type_that_pandas_would_give_them(cells, dtype, values):
    read = column(cells).values
    assert str(read.dtype) == dtype
    assert [None if pd.isna(value) else value for value in read] == values


@pytest.mark.parametrize("word", PANDAS_MISSING)
def test_each_word_that_pandas_takes_for_missing_is_missing_and_remembered(word):
    for cells in (["1", word], ["x", word]):
        read = column(cells)
        assert read.values.isna().tolist() == [False, True]
        assert read.missing_words == (word,)


def test_a_decimal_comma_is_one_where_the_file_has_it():
    assert column(["1,5", "2"], decimal=",").values.tolist() == [1.5, 2.0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@examples(100)
def test_no_digit_of_a_number_is_lost(numbers):
    assert column([repr(number) for number in numbers]).values.tolist() == numbers


def test_a_date_of_the_person_is_a_date_and_another_word_is_refused():
    assert column(["2024-05-01"], kind="date").values.dtype.kind == "M"
    with pytest.raises(UserError, match='Line 3: age is "soon"; expected a date like'):
        column(["2024-05-01", "soon"], kind="date")


def test_a_column_of_numbers_with_another_word_names_it_and_the_option():
    cells = ["1", "2", "?", "?", "3", "x y", "4", "5"]
    with pytest.raises(
        UserError, match=r'Line 4: age is "\?"; expected a number, as in 5'
    ) as error:
        column(cells)
    assert 'No numbers either: "x y"' in str(error.value)
    assert "Say --missing='?' --missing='x y' if that means" in str(error.value)
    assert column(cells, missing=("?", "x y")).values.isna().sum() == 3


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        (".5", "with digits on both sides"),
        ("1,000", "without a comma"),
        ("$5", "without a currency sign"),
        ("5 %", "without a percent sign"),
        ("1_000", "without underscores"),
    ],
)
def test_a_number_written_otherwise_says_how_to_write_it(cell, hint):
    with pytest.raises(UserError, match=f"expected a number, {hint}, as in 3 other rows") as error:
        column(["1", "2", cell, "3"])
    assert "--missing" not in str(error.value)


def test_a_few_numbers_among_texts_are_texts():
    assert column(["a", "b", "c", "1"]).values.tolist() == ["a", "b", "c", "1"]


def test_a_hole_is_nan_and_never_none():
    for cells in (["a", None], ["True", None], ["1", None]):
        hole = column(cells).values.tolist()[1]
        assert isinstance(hole, float)
        assert math.isnan(hole)
