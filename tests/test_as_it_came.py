"""The scored file in the form in which it came: kind, separator, decimal sign, letters."""

import gzip
import io
import json
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import python_calamine
from builders import OWNER, ROOT, batch_of, check, csv_of, ended, rows_of, score
from workbooks import open_document, workbook

from second_opinion import Registry
from second_opinion.batches import downloads, jobs
from second_opinion.tables import Decisions, Limits, TableFile, as_it_came, look

ADDED = ["prediction", "confidence", "flags"]


def came_back(store, registry, content, ref="triage", name="march.csv"):
    """What is given out of a file that was scored, and the batch."""
    batch = score(store, registry, check(store, registry, content, ref, name))
    assert batch.state == "done"
    return downloads.file_as_it_came(store, batch, by=OWNER).read(), batch


def sheet_of(content):
    """Name and rows of a workbook's first sheet as another library reads them."""
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    return book.sheet_names[0], book.get_sheet_by_index(0).to_python()


def triage_rows(registry, count=6):
    return rows_of(registry, "triage", count).assign(
        number=[f"00{at}" for at in range(count)], note_of_ours="Grüße; =1+1"
    )


# Separator, decimal sign, encoding, byte order mark, line end.
DIALECTS = [
    (";", ",", "utf-8", b"\xef\xbb\xbf", "\r\n"),
    (";", ",", "utf-8", b"", "\n"),
    ("\t", ".", "utf-16-le", b"\xff\xfe", "\r\n"),
    ("|", ".", "utf-8", b"", "\r\n"),
    (",", ".", "utf-8", b"\xef\xbb\xbf", "\n"),
    (",", ".", "utf-8", b"", "\r\n"),
    ("\t", ",", "utf-8", b"", "\r"),
]


@pytest.mark.parametrize(("separator", "decimal", "encoding", "mark", "end"), DIALECTS)
def test_a_text_comes_back_in_its_dialect(
    empty_store, registry, separator, decimal, encoding, mark, end
):
    frame = triage_rows(registry)
    if decimal == ",":
        for feature in registry.card("triage").case_schema:
            if feature.is_numeric:
                frame[feature.name] = frame[feature.name].str.replace(".", ",")
    text = frame.to_csv(index=False, sep=separator, lineterminator=end)
    found, _ = came_back(empty_store, registry, mark + text.encode(encoding))
    assert found.startswith(mark)
    back = found[len(mark) :].decode(encoding)
    assert "\ufeff" not in back
    given, lines = text.split(end), back.split(end)
    assert len(lines) == len(given) == 8
    for line, before in zip(lines[:-1], given[:-1], strict=True):
        assert line.startswith(before + separator)
    table = pd.read_csv(io.StringIO(back, newline=""), sep=separator, decimal=decimal)
    assert table.columns.tolist() == [*frame.columns, *ADDED]
    assert table["confidence"].between(0.5, 1).all()


def test_a_file_of_excel_comes_back_as_excel_reads_it(empty_store):
    """The trial: semicolons, decimal commas, a byte order mark, line ends of Windows."""
    trial = (ROOT / "tests/trials/judging/cases-excel.csv").read_bytes()
    found, batch = came_back(empty_store, Registry(ROOT / "model"), trial, "customer-churn")
    given = {line.split(b";")[0]: line for line in trial.split(b"\r\n")[1:-1]}
    header, *lines, after = found.split(b"\r\n")
    assert header == trial.split(b"\r\n")[0] + b";prediction;confidence;flags"
    assert (len(lines), after) == (len(given) - 8, b"")
    for line in lines:
        before = given[line.split(b";")[0]]
        assert line.startswith(before + b";")
        prediction, sure, _ = line.removeprefix(before + b";").split(b";", 2)
        assert prediction in (b"0", b"1")
        assert 0.5 <= float(sure.replace(b",", b".")) <= 1
        assert b"." not in sure
    assert as_it_came.suffix(batch) == "csv"


def test_a_number_that_is_the_answer_has_the_decimal_sign_of_its_file(empty_store, registry):
    text = rows_of(registry, "dose", 5).to_csv(index=False, sep=";").replace(".", ",")
    found, _ = came_back(empty_store, registry, text.encode(), "dose")
    table = pd.read_csv(io.BytesIO(found), sep=";", decimal=",")
    assert table["prediction"].between(50, 400).all()


def test_what_stands_above_the_names_comes_back(empty_store, registry):
    text = "sep=;\r\nWard 3;;\r\n" + triage_rows(registry).to_csv(
        index=False, sep=";", lineterminator="\r\n"
    )
    found, _ = came_back(empty_store, registry, text.encode())
    assert found.startswith(b"sep=;\r\nWard 3;;\r\npulse;")


def test_letters_of_another_encoding_come_back(empty_store, registry):
    text = triage_rows(registry).to_csv(index=False, sep=";")
    schema = registry.card("triage").case_schema
    source = TableFile.of_bytes("march.csv", text.encode("cp1252"))
    limits = Limits()
    preview = look(source, schema, Decisions(encoding="cp1252"), limits)
    card = registry.card("triage")
    batch = jobs.check(empty_store, card, source, preview, asked_by="Ada", limits=limits)
    batch = score(empty_store, registry, ended(empty_store, batch.id))
    found = downloads.file_as_it_came(empty_store, batch, by=OWNER).read()
    assert "Grüße".encode("cp1252") in found


def test_an_answer_in_letters_that_a_file_lacks_makes_it_utf_8(empty_store, registry):
    batch = batch_of(columns=("name",), encoding="cp1252")
    out = io.BytesIO()
    chunk = pa.table({"name": ["Grüße", "x"], "prediction": ["остаётся", "y"]})
    as_it_came.write_as_it_came(batch, lambda: [chunk], out)
    assert out.getvalue().decode("utf-8-sig") == "name,prediction\nGrüße,остаётся\nx,y\n"
    assert out.getvalue().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("by_line", [False, True])
def test_json_comes_back_with_its_numbers_and_texts(empty_store, registry, by_line):
    frame = rows_of(registry, "dose", 4)
    cases = [
        {**{name: float(row[name]) for name in ("age", "bmi", "bp")}, **more}
        for (_, row), more in zip(
            frame.iterrows(),
            [
                {"id": "007", "ward": 3, "urgent": True, "said": "42"},
                {"id": "12", "ward": None, "urgent": False, "said": 42},
                {"id": "x", "ward": 1.5, "urgent": None, "said": None},
                {"id": "Ü", "ward": 2},
            ],
            strict=True,
        )
    ]
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    content = lines if by_line else json.dumps(cases)
    found, batch = came_back(empty_store, registry, content.encode(), "dose", "cases.json")
    text = found.decode()
    back = [json.loads(line) for line in text.splitlines()] if by_line else json.loads(text)
    assert as_it_came.suffix(batch) == ("jsonl" if by_line else "json")
    for case, given in zip(back, cases, strict=True):
        assert isinstance(case.pop("prediction"), float)
        assert case.pop("confidence") is None
        case.pop("flags")
        del case["said"]
        assert case == {name: given.get(name) for name in case}


def test_a_workbook_comes_back_as_one_with_numbers_dates_and_texts(empty_store, registry):
    names = ["age", "bmi", "bp", "patient", "seen", "paid", "ward"]
    rows = [[59.0, 32.1, 101.0, "007", date(2026, 3, 1), True, 12], [48.0, 21.6, 87.0, "=1+1"]]
    content = workbook(March=[names, *rows])
    found, batch = came_back(empty_store, registry, content, "dose", "march.xlsx")
    assert as_it_came.suffix(batch) == "xlsx"
    sheet, back = sheet_of(found)
    assert sheet == "March"
    assert back[0] == [*names, *ADDED]
    assert back[1][:7] == rows[0]
    assert back[2][:7] == [*rows[1], "", "", ""]
    assert isinstance(back[1][7], float)


def test_a_sheet_that_no_library_writes_comes_back_as_xlsx(empty_store, registry):
    content = open_document([["age", "bmi", "bp"], [59, 32.1, 101]])
    found, batch = came_back(empty_store, registry, content, "dose", "march.ods")
    assert as_it_came.suffix(batch) == "xlsx"
    assert sheet_of(found)[1][1][:3] == [59.0, 32.1, 101.0]


def test_a_parquet_table_comes_back_in_its_types(empty_store, registry):
    table = pa.table(
        {
            "age": pa.array([59, 48], pa.int16()),
            "bmi": pa.array([32.1, 21.6], pa.float32()),
            "bp": pa.array([101.0, 87.0]),
            "id": pa.array(["007", None]),
            "seen": pa.array([date(2026, 3, 1), None]),
            "at": pa.array([0, 10**15], pa.timestamp("us", "Europe/Berlin")),
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "paid": pa.array([True, None]),
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    found, _ = came_back(empty_store, registry, file.getvalue(), "dose", "march.parquet")
    back = pq.read_table(io.BytesIO(found))
    for name in table.column_names:
        assert back.schema.field(name).type == table.schema.field(name).type, name
        assert back[name].to_pylist() == table[name].to_pylist()
    assert pa.types.is_floating(back.schema.field("prediction").type)


@pytest.mark.parametrize("ref", ["triage", "dose", "risk", "iris"])
def test_a_plain_file_comes_back_as_the_command_writes_it(empty_store, registry, ref):
    content = csv_of(rows_of(registry, ref, 20))
    found, batch = came_back(empty_store, registry, content, ref)
    assert found == downloads.scored_file(empty_store, batch, by=OWNER)


def test_a_batch_that_is_not_scored_yet_comes_back_as_its_names(empty_store, registry):
    batch = check(empty_store, registry, csv_of(rows_of(registry, "dose", 5)), "dose")
    found = downloads.file_as_it_came(empty_store, batch, by=OWNER).read()
    assert found.decode().strip().split(",") == [*batch.columns, *ADDED]


def test_a_packed_text_comes_back_packed(empty_store, registry):
    content = csv_of(rows_of(registry, "dose", 5))
    packed, batch = came_back(empty_store, registry, gzip.compress(content), "dose", "march.csv.gz")
    plain, _ = came_back(empty_store, registry, content, "dose")
    assert gzip.decompress(packed) == plain
    assert as_it_came.suffix(batch) == "csv.gz"
