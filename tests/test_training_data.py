"""Training data from a CSV file: read as pandas does, or refused with the reason."""

import pandas as pd
import pytest

from second_opinion import UserError
from second_opinion.models.describe.training_data import read_training_csv


@pytest.fixture
def csv(tmp_path):
    """Writes a file and reads it as training data for the column left."""

    def read(content):
        path = tmp_path / "train.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_training_csv(path, "left")

    return read


def test_cases_and_outcomes_come_apart_in_the_types_of_pandas(csv):
    found = csv("age,left,city\n31,yes,Bonn\n,no,\n")
    assert found.X.dtypes.astype(str).to_dict() == {"age": "float64", "city": "str"}
    assert found.y.tolist() == ["yes", "no"]
    assert found.left_out == 0


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "", "0"], [1, 0]),
        (["True", "", "False"], [True, False]),
        (["yes", "NA", "no"], ["yes", "no"]),
        (["1.5", "", "2"], [1.5, 2.0]),
    ],
)
def test_a_row_without_an_outcome_is_left_out_and_counted(csv, cells, expected):
    found = csv("age,left\n" + "".join(f"3,{cell}\n" for cell in cells))
    assert found.left_out == 1
    assert len(found.X) == 2
    assert [(type(v), v) for v in found.y.tolist()] == [(type(v), v) for v in expected]


def test_a_byte_order_mark_is_no_part_of_the_first_name(csv):
    assert list(csv(b"\xef\xbb\xbfage,left\n1,2\n").X) == ["age"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty; expected a CSV file"),
        ("\n\n", "is empty; expected a CSV file"),
        ("age,left\n", "has a header and no rows"),
        ("age,left\n1,\n2,\n", 'has no value in "left" in any row'),
        ("age,Left \n1,2\n", 'no column "left"; .* Did you mean "Left "'),
        ("age,city\n1,2\n", 'no column "left"; it has "age" and "city". Name one of them'),
        ("age;left\n1;2\n", "one column, .* Save it as CSV with commas"),
        ("age\tleft\n1\t2\n", "one column, .* Save it as CSV with commas"),
        ("age,left\n1,2\n1,2,3\n", "not a regular CSV file .*line 3, saw 3"),
        ("age,left\n1,2,3\n1,2,3\n", "not a regular CSV file"),
        ('age,left\n1,"2\n', "not a regular CSV file"),
        (b"age,left\n1,M\xfcnchen\n", "is not text in UTF-8"),
        ("age,left\n1,2\n".encode("utf-16"), "is not text in UTF-8|NUL bytes"),
        (b"PK\x03\x04rest", "is an Excel workbook or another zip"),
        (b"\xd0\xcf\x11\xe0", "is an old Excel workbook"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"PAR1", "is a Parquet table"),
        (b"\x1f\x8b\x08", "is a gzip archive"),
        (b"\x80\x05rest", "is a pickle"),
        ("  <!DOCTYPE html>", "is a web page"),
        (b"\xef\xbb\xbf<html>", "is a web page"),
        ('{"age": 1}', "is JSON"),
        ("version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS"),
        (b"age,left\n\x00\x00", "holds NUL bytes"),
    ],
)
def test_a_file_that_is_no_training_csv_says_why(csv, content, said):
    with pytest.raises(UserError, match=said) as error:
        csv(content)
    assert "train.csv" in str(error.value)


def test_many_columns_are_not_all_listed(csv):
    with pytest.raises(UserError, match='"c11" and 28 more'):
        csv(",".join(f"c{n}" for n in range(40)) + "\n")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match="Correct the path behind --data") as error:
            read_training_csv(path, "left")
        assert str(path) in str(error.value)


def test_what_pandas_wrote_is_read_back(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": [0.1, 1e-9], "c": ["x", "y, z"], "left": [0, 1]})
    frame.to_csv(tmp_path / "train.csv", index=False)
    found = read_training_csv(tmp_path / "train.csv", "left")
    pd.testing.assert_frame_equal(found.X.assign(left=found.y), frame)
