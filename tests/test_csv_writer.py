"""What is written is what was there, cell by cell, and no spreadsheet runs it."""

import codecs
import csv
import io
import math
import re
from datetime import date
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pytest
from builders import examples
from hypothesis import example, given
from hypothesis import strategies as st

from second_opinion.tables import read_export, write_export
from second_opinion.tables.csv_writer import as_text, whole_file, write_csv

ROWS = 25
often = examples(5_000 // ROWS, thorough=100_000 // ROWS)

AWKWARD = [
    *(
        "",
        " ",
        "  a ",
        "007",
        "1.10",
        "1E5",
        "-0.21",
        "+5",
        "-1e-3",
        "NA",
        "null",
        "nan",
        "'",
        "''",
    ),
    *('"', '""', '"x"y', "a,b", "a;b", "a\nb", "a\rb", "a\r\nb", "\n", "\r", "\t", "\x00", "a\x00"),
    *("=1+1", "+cmd", "-2+3", "@SUM(A1)", "'=1", "\t=1", "＝1", "＋1", "－1", "＠x", "'007", "−3"),
    *(
        "x;=cmd|'/C calc'!A0;y",
        "x;'y",
        "x\t@SUM(1)",
        "a\n-1+2",
        'x;"=1";y',
        "x; =1",
        "x,+1|-2",
        ";'",
    ),
    *(
        ";'",
        "-0.21;=1",
        "-1,5",
        "\u200b=1",
        "a\u2028=1",
        "\ufeff=1",
        ' "-1',
        "''=;;'=",
        "\t;\t'\r\n=",
    ),
    *('=HYPERLINK("http://evil.example";"x")', "\ufeffa", "é", "שלום", "😀", "a" * 40_000),
]
text = st.one_of(st.sampled_from(AWKWARD), st.text(st.characters(exclude_categories=["Cs"])))
cells = st.one_of(st.none(), text)
names = st.one_of(st.sampled_from(["a", "=a", "'a", "a,b", 'a"b', "a\nb", "\ufeffa"]), text)


@st.composite
def tables(draw):
    """Tables of text with every kind of cell, one column wide or more."""
    width = draw(st.integers(1, 4))
    columns = draw(st.lists(names.filter(bool), min_size=width, max_size=width))
    rows = draw(st.integers(0, ROWS))
    content = st.lists(cells, min_size=rows, max_size=rows)
    return pa.table([pa.array(draw(content), pa.string()) for _ in columns], names=columns)


def written(table, **form):
    out = io.BytesIO()
    assert write_export([table], out, **form) == len(table)
    return out.getvalue()


def column(*values, name="a"):
    return pa.table([pa.array(values, pa.string())], names=[name])


@pytest.mark.slow
@often
@given(tables(), st.booleans())
@example(pa.table({"a": pa.array(AWKWARD)}), True)
@example(pa.table({"a": pa.array(AWKWARD)}), False)
@example(pa.table({"a": pa.array([None, "", None])}), True)
@example(pa.table({"a": pa.array([None, "", " ", None])}), False)
def test_an_export_is_read_back_exactly(table, safe):
    back = read_export(written(table, spreadsheet_safe=safe), spreadsheet_safe=safe)
    assert back.column_names == table.column_names
    assert [c.to_pylist() for c in back.columns] == [c.to_pylist() for c in table.columns]


@pytest.mark.slow
@often
@given(tables())
def test_other_programs_read_the_same_cells(table):
    """Python's own reader, which knows no null: an empty cell and an empty text are one to it."""
    content = written(table).decode()
    header, *rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    assert header == table.column_names
    if table.num_columns > 1:
        assert rows == [[cell or "" for cell in row.values()] for row in _rows(table)]


def _rows(table):
    places = table.rename_columns([str(at) for at in range(table.num_columns)])
    return places.to_pylist()


# As programs cut a line: with the comma and quotes, and with another sign that makes quotes in the
# middle of what it takes for a cell plain letters.
CUTS = [",", ";", "\t", "|"]


# A number stays one; where the comma ends no cell, what is beside it follows as plain letters.
LEADING_NUMBER = re.compile(
    r'"?[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"?(,.*)?', re.ASCII | re.DOTALL
)


def cells_of(content, delimiter):
    """The cells that a program finds which was set to a delimiter, however it takes the quotes."""
    if delimiter == ",":
        yield from chain(*csv.reader(io.StringIO(content, newline=""), strict=True))
    else:
        yield from chain(*csv.reader(io.StringIO(content, newline=""), delimiter=delimiter))
        yield from re.split(f"[{delimiter}\r\n]", content)


@pytest.mark.slow
@often
@given(tables())
@example(pa.table({"a": pa.array(AWKWARD)}))
@example(pa.table({"a": pa.array(AWKWARD), "x;=1": pa.array(AWKWARD[::-1])}))
def test_no_spreadsheet_takes_a_text_for_a_formula(table):
    content = written(table, spreadsheet_safe=True).decode("utf-8-sig")
    for cut in CUTS:
        for cell in cells_of(content, cut):
            number = LEADING_NUMBER.fullmatch(cell)
            begins = cell.lstrip(' "\t\r\x00\u00a0\u200b\ufeff')
            assert number or not begins.startswith(tuple("=+-@＝＋－＠")), (cut, cell)
            assert cut != "," or not cell.startswith(tuple("\t\r\n\x00"))


def test_a_formula_behind_a_semicolon_or_a_tab_is_text_where_cells_end_there():
    hostile = ["x;=cmd|'/C calc'!A0;y", "x\t=cmd|'/C calc'!A0\ty", "x\n=1+1", 'x;"=1+1"']
    content = written(column(*hostile), spreadsheet_safe=True).decode("utf-8-sig")
    assert content.splitlines(keepends=True) == [
        '"a"\n',
        "\"x;'=cmd|''/C calc'!A0;y\"\n",
        "\"x\t'=cmd|''/C calc'!A0\ty\"\n",
        '"x\n',
        "'=1+1\"\n",
        '"x;\'""=1+1"""\n',
    ]


def test_excel_is_told_that_a_safe_export_is_utf_8():
    content = written(column("é"), spreadsheet_safe=True)
    assert content == b'\xef\xbb\xbf"a"\n"\xc3\xa9"\n'
    assert written(column("é")) == b"a\n\xc3\xa9\n"
    assert read_export(content).to_pylist() == [{"a": "é"}]


def test_numbers_stay_numbers_in_a_safe_export():
    table = pa.table({"text": ["-0.21", "+5", "-1e3"], "number": [-0.21, 5.0, -1000.0]})
    content = written(table, spreadsheet_safe=True)
    assert content == (
        codecs.BOM_UTF8 + b'"text","number"\n"-0.21","-0.21"\n"+5","5.0"\n"-1e3","-1000.0"\n'
    )


def test_a_cell_has_quotes_only_where_it_needs_them():
    table = pa.table({"a": ["x", "a,b", None, "", 'q"q', "1.10"], "n": [1, 2, 3, None, 5, 6]})
    assert written(table) == b'a,n\nx,1\n"a,b",2\n,3\n"",\n"q""q",5\n1.10,6\n'


def test_another_delimiter_is_quoted_instead():
    out = io.BytesIO()
    write_csv([pa.table({"a": ["x;y", "a,b"], "b": ["1", "2"]})], out, delimiter=";")
    assert out.getvalue() == b'a;b\n"x;y";1\na,b;2\n'


def test_an_empty_row_of_a_single_column_is_no_lost_line():
    assert written(column("", None, " ", "x")) == b'a\n""\n\n" "\nx\n'


def test_chunks_stand_under_one_header():
    out = io.BytesIO()
    chunks = [column("x"), column(), column("y,z").slice(0), column("a", "b").slice(1)]
    assert write_csv(chunks, out) == 3
    assert out.getvalue() == b'a\nx\n"y,z"\nb\n'


def test_a_long_table_is_written_whole():
    table = pa.table({"n": np.arange(50_001), "s": pa.array(["a,b"] * 50_001)})
    back = pv.read_csv(pa.BufferReader(written(table)))
    assert back["n"].to_pylist() == list(range(50_001))
    assert set(back["s"].to_pylist()) == {"a,b"}


@often
@given(st.lists(st.floats(), max_size=200))
@example([0.0, -0.0, 1.0, 1e-4, 1e-5, 1e9, 1e15, 1e16, 1e22, 123456789.123, 5e-324, math.inf])
@example([0.1, 0.30000000000000004, 1e9 + 0.5, 1e15 + 0.5, 2.0**53, -1e300, 0.001, 0.0009])
def test_a_number_is_written_as_python_writes_it(numbers):
    assert as_text(pa.array(numbers, pa.float64())).to_pylist() == [repr(n) for n in numbers]


def test_every_type_has_a_text():
    table = pa.table(
        {
            "whole": pa.array([2**62 + 1, None]),
            "number": pa.array([0.1, None]),
            "small": pa.array([0.1, None], pa.float32()),
            "flag": pa.array([True, None]),
            "coded": pa.array(["x", None]).dictionary_encode(),
            "day": pa.array([date(2024, 1, 31), None]),
        }
    )
    first, second = ([as_text(c)[row].as_py() for c in table.columns] for row in (0, 1))
    single = repr(float(np.float32(0.1)))
    assert first == [str(2**62 + 1), "0.1", single, "True", "x", "2024-01-31"]
    assert second == [None] * 6


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "out.csv"
    with whole_file(path) as out:
        out.write(b"a\n1\n")
        assert not path.exists()
    assert path.read_bytes() == b"a\n1\n"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def _half_written(path, error):
    with whole_file(path) as out:
        out.write(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path, error):
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(error):
        _half_written(path, error)
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    assert path.read_text() == "before"
