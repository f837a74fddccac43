"""The quick way to find rows finds what the other finds, or leaves it to that."""

import numpy as np
from builders import examples
from hypothesis import example, given
from hypothesis import strategies as st

from second_opinion.tables import csv_rows
from second_opinion.tables.csv_rows import LF


@examples(500)
@given(st.text(",;\n a", max_size=40).map(str.encode))
@example(b"a,b\n\nc\n")
@example(b"a,b\nc,d\ne")
@example(b"a,b\nc\n,d,\n")
@example(b"a,b\nc,d,e\nf,g")
@example(b"")
def test_rows_with_as_many_cells_are_found_alike(block):
    letters = np.frombuffer(block, np.uint8)
    quick = csv_rows._even(block, letters, ord(","), True)
    slow = csv_rows._rows(csv_rows._marks(block, letters, ord(",")), 0)
    counts = set(slow.cells.tolist())
    assert (quick is not None) == (len(counts) == 1 and counts != {1})
    if quick is not None:
        assert quick.ends.tolist() == slow.ends.tolist()
        assert quick.cells.tolist() == slow.cells.tolist()
        assert quick.longest == slow.longest
        assert letters[quick.ends - 1].tolist() == [LF] * len(quick.ends)
