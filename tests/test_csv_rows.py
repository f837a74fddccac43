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


CELLS = st.lists(st.text(',;\n a"', max_size=5), min_size=1, max_size=4)
WRITTEN = st.lists(CELLS, max_size=5).map(
    lambda rows: "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows)
)


@examples(500)
@given(st.one_of(WRITTEN, st.text(',\n a"', max_size=30)).map(str.encode))
@example(b'"a","b"\n"c","d"\n')
@example(b'"a","b"\n"c","d')
@example(b'"a","b\n1"\n"c,"," "\n')
@example(b'"a""b"\n')
@example(b'"a" "b"\n')
@example(b'"a";"b"\n')
@example(b'"a","b"\n\n"c"\n')
@example(b'"a","b"\nc,d\n')
@example(b'"a","b"\n"c""\n')
@example(b'"a"')
def test_rows_with_quotes_around_every_cell_are_found_alike(block):
    letters = np.frombuffer(block, np.uint8)
    quick = csv_rows._all_quoted(letters, ord(","))
    if quick is None:
        return
    used = block[: quick.ends[-1]]
    letters = np.frombuffer(used, np.uint8)
    marks = csv_rows._marks(used, letters, ord(","))
    line_ends = marks.at[marks.kind == LF]
    slow, faults = csv_rows._quoted(letters, marks, line_ends, ord(","), True)
    assert not faults
    assert quick.ends.tolist() == slow.ends.tolist()
    assert quick.cells.tolist() == slow.cells.tolist()
    assert quick.longest == slow.longest


def test_quotes_around_every_cell_are_read_the_quick_way():
    block = b'"a","b"\n"c\n",""\n"d","e'
    quick = csv_rows._all_quoted(np.frombuffer(block, np.uint8), ord(","))
    assert quick is not None
    assert quick.ends.tolist() == [8, 16]
    records = csv_rows.scan(block, ",", final=False)
    assert records.lines.tolist() == [0, 1]
    assert (records.used, records.used_lines, records.longest) == (16, 3, 4)
