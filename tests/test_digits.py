"""A column is called plain only where every cell is."""

import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from second_opinion.tables.digits import shape

WHOLE = re.compile(r"-?[0-9]+")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

plain = st.one_of(st.integers(-(10**6), 10**6).map(str), st.decimals(-99, 99, places=2).map(str))
odd = st.text("0123456789.-+eE ,\x00é−", max_size=6)


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.one_of(st.none(), plain, odd), max_size=6), st.integers(0, 3))
@example(["1.", "5"], 0)
@example(["1", ".5"], 0)
@example(["1.2.3"], 0)
@example(["1-", "2"], 0)
@example(["-", "2"], 0)
@example(["--2"], 0)
@example(["", None], 0)
@example(["1", "2."], 0)
@example(["9" * 15, None], 0)
@example(["9" * 16], 0)
@example(["-.5"], 0)
def test_a_column_is_as_plain_as_each_of_its_cells(cells, first):
    column = pa.array(cells, pa.string()).slice(min(first, len(cells)))
    known = [cell for cell in cells[first:] if cell is not None]
    found = shape(column)
    if found == "whole":
        assert all(WHOLE.fullmatch(cell) and len(cell) <= 15 for cell in known)
    if found == "number":
        assert all(NUMBER.fullmatch(cell) for cell in known)
    if known and found == "other":
        assert not all(NUMBER.fullmatch(cell) for cell in known)


@pytest.mark.parametrize("cells", [[], [None], [None, None]])
def test_a_column_without_text_is_never_wrongly_called(cells):
    assert shape(pa.array(cells, pa.string())) in ("other", "whole")
