"""A column is taken for plain numbers only where every cell is one."""

import math
import re

import pyarrow as pa
import pytest
from builders import examples
from hypothesis import example, given
from hypothesis import strategies as st

from second_opinion.tables.plain_numbers import numbers

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")

plain = st.one_of(st.integers(-(10**6), 10**6).map(str), st.decimals(-99, 99, places=2).map(str))
odd = st.text("0123456789.-+eE ,\x00é−infax", max_size=6)


@pytest.mark.slow
@examples(1500)
@given(st.lists(st.one_of(st.none(), plain, odd), max_size=6), st.integers(0, 3))
@example(["1.", "5"], 0)
@example(["1", ".5"], 0)
@example(["0.5", ".5"], 1)
@example(["0.5", "5."], 0)
@example(["1.2.3"], 0)
@example(["1-", "2"], 0)
@example(["-", "2"], 0)
@example(["--2"], 0)
@example(["", None], 0)
@example(["", "0.5"], 0)
@example([None, ".5"], 0)
@example([None, "0.5", None], 0)
@example(["1", "2."], 0)
@example(["9" * 15, None], 0)
@example(["9" * 16], 0)
@example(["9" * 400], 0)
@example(["-.5", "0.5"], 0)
@example(["+.5", "0.5"], 0)
@example(["+5", "0.5"], 0)
@example(["inf", "1"], 0)
@example(["1e5"], 0)
@example(["nan"], 0)
def test_a_column_is_plain_only_where_each_of_its_cells_is(cells, first):
    column = pa.array(cells, pa.string()).slice(min(first, len(cells)))
    cells = cells[first:]
    known = [cell for cell in cells if cell is not None]
    found = numbers(column)
    if found is None:
        assert not known or not all(NUMBER.fullmatch(cell) for cell in known)
        return
    assert all(NUMBER.fullmatch(cell) for cell in known)
    assert found.whole == (not any("." in cell for cell in known))
    expected = [math.nan if cell is None else float(cell) for cell in cells]
    assert list(map(repr, found.values.tolist())) == list(map(repr, expected))


@pytest.mark.parametrize("cells", [[], [None], [None, None]])
def test_a_column_without_text_is_not_taken_for_numbers(cells):
    assert numbers(pa.array(cells, pa.string())) is None
