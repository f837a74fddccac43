"""The table that comes with a model, read as every other table of the product is."""

import gzip

import pandas as pd
import pytest
from workbooks import workbook

from second_opinion import UserError
from second_opinion.models.describe.training_table import Layout, TrainingTable

FRAME = pd.DataFrame({"age": [31, 40], "pay": [1.5, 2.25], "left": ["yes", "no"]})


@pytest.fixture
def table(tmp_path):
    """Writes a file and reads it as a table with the target left."""

    def read(content, name="train.csv", **layout):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return TrainingTable.read(path, "left", Layout(**layout))

    return read


def columns(table):
    return {name: table.text[name].to_pylist() for name in table.text.column_names}


def test_a_byte_order_mark_is_no_part_of_the_first_name(table):
    assert list(columns(table(b"\xef\xbb\xbfage,left\n1,2\n"))) == ["age", "left"]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("t.parquet", lambda frame, path: frame.to_parquet(path)),
        ("t.json", lambda frame, path: frame.to_json(path, orient="records")),
        ("t.jsonl", lambda frame, path: frame.to_json(path, orient="records", lines=True)),
        ("t.csv", lambda frame, path: frame.to_csv(path, index=False)),
        ("t.tsv", lambda frame, path: frame.to_csv(path, index=False, sep="\t")),
        ("s.csv", lambda frame, path: frame.to_csv(path, index=False, sep=";", decimal=",")),
        ("b.csv", lambda frame, path: frame.to_csv(path, index=False, sep="|")),
        ("u.csv", lambda frame, path: frame.to_csv(path, index=False, encoding="utf-16")),
    ],
)
def test_every_format_gives_the_same_cells(tmp_path, name, write):
    write(FRAME, tmp_path / name)
    table = TrainingTable.read(tmp_path / name, "left", Layout())
    point = "," if name == "s.csv" else "."
    assert columns(table)["pay"] == [f"1{point}5", f"2{point}25"]
    assert table.look.decimal == point
    assert columns(table)["age"] == ["31", "40"]
    assert columns(table)["left"] == ["yes", "no"]


def test_two_sheets_that_have_the_target_are_a_choice(table):
    rows = [["age", "left"], [31, "yes"], [40, "no"]]
    content = workbook(before=rows, after=[*rows, [50, "yes"]], notes=[["nothing here"]])
    with pytest.raises(UserError, match="on the sheets") as error:
        table(content, "train.xlsx")
    assert "Read the sheet after: add --sheet after" in str(error.value)
    assert columns(table(content, "train.xlsx", sheet="after"))["age"] == ["31", "40", "50"]


def test_a_packed_csv_is_read(table):
    assert columns(table(gzip.compress(b"age,left\n1,2\n"), "train.csv.gz"))["age"] == ["1"]


def test_another_mark_between_cells_is_taken_and_said(table):
    semicolons = table("age;left\n1;2\n")
    assert columns(semicolons) == {"age": ["1"], "left": ["2"]}
    assert semicolons.notes == ("Read with semicolons between the cells.",)
    assert not table("age;left\n1;2\n", delimiter=";").notes


def test_an_encoding_that_is_offered_is_one_option_away(table):
    content = "age,left\n1,München\n".encode("cp1252")
    with pytest.raises(
        UserError, match=r"Windows-1252 .*: München: add --encoding cp1252"
    ) as error:
        table(content)
    assert "is not text in UTF-8 (line 2)" in str(error.value)
    assert columns(table(content, encoding="cp1252"))["left"] == ["München"]


def test_the_index_that_pandas_wrote_has_the_name_that_pandas_gives_it(table):
    assert list(columns(table(",age,left\n0,1,2\n"))) == ["Unnamed: 0", "age", "left"]


def test_lines_are_those_of_the_file(table):
    assert table("age,left\n1,2\n\n3,4\n").lines.tolist() == [2, 4]
    assert table("1,2\n\n3,4\n", names=("age", "left")).lines.tolist() == [1, 3]


@pytest.mark.parametrize(
    "content",
    [
        "5.1,3.5,a\n4.9,3.0,b\n",
        "5.1;3.5;a\n4.9;3.0;b\n",
        "x,s,n\ny,s,n\nx,b,w\n",
        "0,0,0\n0,0,1\n",
        "1,1,1\n2,1,0\n",
        ",3.5,a\n4.9,,b\n",
    ],
)
def test_a_first_row_that_is_data_is_seen(table, content):
    headless = table(content)
    assert not headless.has_names
    assert headless.text.num_rows == content.count("\n")
    named = table(content, names=("a", "b", "left"), delimiter=";" if ";" in content else "")
    assert named.has_names
    assert list(columns(named).values()) == list(columns(headless).values())


def test_names_are_one_for_each_column(table):
    with pytest.raises(UserError, match="has 3 columns; expected the 2 that were named"):
        table("1,2,3\n", names=("a", "left"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty; expected a header and rows"),
        ("\n\n", "is empty|has no rows"),
        ("age,left\n", "has a header and no rows"),
        ("age,Left \n1,2\n", 'no column "left"; .* Did you mean "Left "'),
        ("age,city\n1,2\n", 'no column "left"; it has "age" and "city". Name one of them'),
        ("age,left\n1,2\n1,2,3\n", "Line 3: the row has 3 cells; expected 2"),
        ("age,left\n1,2,3\n1,2,3\n", "Line 2: the row has 3 cells"),
        ('age,left\n1,"2\n', "opens a quotation mark that is not closed"),
        (b"age,left\n1,M\xfcnchen\n", "is not text in UTF-8"),
        (b"\xd0\xcf\x11\xe0", "is an old Excel workbook|cannot be read"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"\x1f\x8b\x08", "is a gzip archive that is damaged or cut off"),
        ("  <!DOCTYPE html>", "is a web page"),
        (b"\xef\xbb\xbf<html>", "is a web page"),
        ("version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS"),
    ],
)
def test_a_file_that_is_no_training_table_says_why(table, content, said):
    with pytest.raises(UserError, match=said):
        table(content)


def test_many_columns_are_not_all_listed(table):
    names = ",".join(f"c{n}" for n in range(40))
    with pytest.raises(UserError, match='"c11" and 28 more'):
        table(f"{names}\n{names.replace('c', 'd')}\n")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match="Correct the path behind --data") as error:
            TrainingTable.read(path, "left", Layout())
        assert str(path) in str(error.value)


@pytest.mark.parametrize("option", ["text", "dates"])
def test_a_column_that_is_not_there_is_named(table, option):
    with pytest.raises(UserError, match=r'no column "agee"\. Did you mean "age"'):
        table("age,left\n1,2\n", **{option: ("agee",)})
