"""Names of columns as pandas gives them."""

import io

import pandas as pd
import pytest

from second_opinion.tables.pandas_names import named_for, pandas_names


@pytest.mark.parametrize(
    "columns",
    [
        ("a", "b"),
        ("", "a", "b"),
        ("a", "", "b", ""),
        ("a", "a", "a"),
        ("", "", "a", "b", "a"),
        ("a", "a.1", "a"),
        ("Unnamed: 0", "a"),
    ],
)
def test_names_are_those_that_pandas_reads(columns):
    text = ",".join(columns) + "\n" + ",".join("1" * len(columns)) + "\n"
    assert pandas_names(columns) == tuple(pd.read_csv(io.StringIO(text)).columns)


def test_only_what_is_wanted_goes_by_another_name():
    assert named_for(("", "a", "a"), {"Unnamed: 0", "a"}) == ("Unnamed: 0", "a", "a")
    assert named_for(("", "a", "a"), {"a", "a.1"}) == ("", "a", "a.1")
    assert named_for(("", "a"), set()) == ("", "a")
