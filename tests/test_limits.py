"""What a file may cost: columns, rows with something wrong in them, blank rows, unpacked tables."""

import io
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from workbooks import workbook

from second_opinion.errors import UserError
from second_opinion.schema import Feature, Schema
from second_opinion.tables import Limits, TableFile, csv_rows, look, read
from second_opinion.tables.pandas_names import pandas_names

MB = 1_000_000
SCHEMA = Schema([Feature(name="age", kind="number"), Feature(name="dose", kind="number")])
FEW = Limits(max_problems=100)


def file_of(content, name="cases.csv"):
    return TableFile.of_bytes(name, content if isinstance(content, bytes) else content.encode())


def rows_of(content, limits, name="cases.csv"):
    source = file_of(content, name)
    seen = look(source, SCHEMA, limits=limits)
    assert not seen.problems
    return list(read(source, seen, SCHEMA, limits))


def as_json(rows):
    return json.dumps(rows)


GOOD = "50,1.5\n"
# How a file has so many rows with something wrong in them.
BAD = {
    "one cell": lambda n: "age,dose\n" + GOOD + "1\n" * n,
    "three cells": lambda n: "age,dose\n" + GOOD + "1,2,3\n" * n,
    "a stray quote": lambda n: "age,dose\n" + GOOD + 'a"b,1\n' * n,
    "text after a quote": lambda n: "age,dose\n" + GOOD + '"a"b,1\n' * n,
    "a NUL": lambda n: "age,dose\n" + GOOD * 200_000 + "\x00,1\n" * n,
    "another encoding": lambda n: b"age,dose\n" + GOOD.encode() * 200_000 + b"\xff,1\n" * n,
    "a cell that is no number": lambda n: "age,dose\n" + GOOD + "x,1\n" * n,
    "an empty cell": lambda n: "age,dose\n" + GOOD + ",1\n" * n,
    "no case": lambda n: as_json([{"age": 50, "dose": 1.5}, *[1] * n]),
    "a field twice": lambda n: '[{"age": 50, "dose": 1.5}' + ', {"age": 1, "age": 2}' * n + "]",
    "a broken line": lambda n: '{"age": 50, "dose": 1.5}\n' + "{,}\n" * n,
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_is_read_until_it_has_too_many_problems(kind):
    chunks = rows_of(BAD[kind](100), FEW)
    assert sum(len(chunk.problems) for chunk in chunks) == 100
    with pytest.raises(UserError) as refusal:
        rows_of(BAD[kind](101), FEW)
    said = str(refusal.value)
    assert said.startswith("cases.csv has more than 100 problems and was not read further.")
    assert "The first: Line " in said
    assert said.endswith("such as what parts their cells, then choose the file again.")


def test_two_million_rows_of_one_cell_are_refused_before_there_is_a_sentence_for_each():
    content = "age,dose\n" + GOOD + "1\n" * 2_000_000
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="more than 100,000 problems"):
            rows_of(content, Limits())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * MB


@pytest.mark.parametrize("line_end", ["\n", "\r\n", " \n", ",\n"])
def test_blank_rows_are_passed_over_without_being_parsed(line_end, monkeypatch):
    parsed = []
    row_cells = csv_rows.row_cells
    monkeypatch.setattr(csv_rows, "row_cells", lambda *row: parsed.append(row) or row_cells(*row))
    chunks = rows_of("age,dose\n" + GOOD + line_end * 300_000 + GOOD, Limits())
    assert sum(len(chunk.text) for chunk in chunks) == 2
    assert not parsed


def csv_of(names):
    return ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n"


def parquet_of(names):
    file = io.BytesIO()
    pq.write_table(pa.table({name: [1] for name in names}), file)
    return file.getvalue()


WIDE = {
    "csv": csv_of,
    "csv with quotes": lambda names: csv_of([f'"{name}"' for name in names]),
    "csv with nameless columns": lambda names: csv_of([*names[:3], *[""] * (len(names) - 3)]),
    "csv with one name": lambda names: csv_of([*names[:3], *["a"] * (len(names) - 3)]),
    "json": lambda names: as_json([dict.fromkeys(names, 1)]),
    "json with other names in each case": lambda names: as_json([{name: 1} for name in names]),
    "parquet": parquet_of,
    "xlsx": lambda names: workbook([names, ["1"] * len(names)]),
}


@pytest.mark.parametrize("kind", WIDE)
def test_columns_are_bounded_where_limits_are_given(kind):
    names = ["age", "dose", *(f"c{at}" for at in range(24))]
    source = file_of(WIDE[kind](names))
    assert not look(source, SCHEMA, limits=Limits(max_columns=26)).problems
    assert not look(source, SCHEMA).problems
    (said,) = look(source, SCHEMA, limits=Limits(max_columns=25)).problems
    assert said in (
        "cases.csv has 26 columns; expected at most 25. Leave out those that the model does not "
        "need.",
    )


@pytest.mark.parametrize("kind", sorted({*WIDE} - {"parquet", "xlsx"}))
def test_a_hundred_thousand_columns_take_little(kind):
    names = ["age", "dose", *(f"c{at}" for at in range(100_000))]
    source = file_of(WIDE[kind](names))
    tracemalloc.start()
    try:
        (said,) = look(source, SCHEMA, limits=Limits()).problems
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "expected at most 5,000" in said
    assert peak < 150 * MB


def test_a_name_that_stands_there_very_often_is_counted_on():
    names = pandas_names(["a", "a.1", *["a"] * 50_000])
    assert names[:3] == ("a", "a.1", "a.2")
    assert names[-1] == "a.50001"
    assert len(set(names)) == len(names)


def test_a_parquet_table_that_unpacks_to_much_is_refused():
    file = io.BytesIO()
    pq.write_table(pa.table({"age": [1] * 100_000, "dose": [2.0] * 100_000}), file)
    source = file_of(file.getvalue())
    assert source.size < MB
    (said,) = look(source, SCHEMA, limits=Limits(max_unpacked=150_000)).problems
    assert "0.2 million cells" in said or "0 million cells" in said
    assert said.endswith("Split it, or use the command line.")
    assert not look(source, SCHEMA, limits=Limits()).problems
    assert not look(source, SCHEMA).problems
