"""Other people's tables: each row of what a cell, a row or a file may be, by name."""

import gzip
import io
import json
import subprocess
import sys
from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import ROOT
from workbooks import workbook

from second_opinion import UserError
from second_opinion.schema import Feature, Schema
from second_opinion.tables import Decisions, Limits, TableFile, look, read, typed

SCHEMA = Schema(
    [
        Feature(name="pulse", kind="number", unit="beats/min", min=40, max=120.5),
        Feature(name="weight", kind="number", missing=("NA", "unknown")),
        Feature(name="age", kind="integer", unit="years", min=18, max=90),
        Feature(name="visits", kind="integer", missing=True),
        Feature(name="colour", kind="category", choices=["red", "green", "007", "1.10", "NA"]),
        Feature(name="grade", kind="category", choices=[1, 2, 3], unknown="error", missing=True),
        Feature(name="smoker", kind="boolean"),
        Feature(name="answer", kind="boolean", choices=["no", "ja"], missing=True),
        Feature(name="note", kind="text", missing=True),
        Feature(name="admitted", kind="date", missing=True),
    ]
)
GOOD = {
    "pulse": "80",
    "weight": "70.5",
    "age": "40",
    "visits": "2",
    "colour": "red",
    "grade": "2",
    "smoker": "true",
    "answer": "no",
    "note": "well",
    "admitted": "2024-02-29",
}
HEADER = ",".join(GOOD)


def all_of(content, schema=SCHEMA, limits=None, name="cases.csv", **chosen):
    """Everything that is read of a file: text and cases as frames, lines, problems, bad rows."""
    content = content.encode() if isinstance(content, str) else content
    source = TableFile.of_bytes(name, content)
    seen = look(source, schema, Decisions(**chosen))
    assert not seen.problems, seen.problems
    return joined(list(read(source, seen, schema, limits or Limits())))


def joined(chunks):
    problems = [problem for chunk in chunks for problem in chunk.problems]
    return SimpleNamespace(
        text=pd.concat([chunk.text.to_pandas(types_mapper=pd.ArrowDtype) for chunk in chunks]),
        lines=[int(line) for chunk in chunks for line in chunk.lines],
        cases=pd.concat([chunk.cases for chunk in chunks], ignore_index=True),
        problems=problems,
        said=[str(problem) for problem in problems],
        rejected=b"".join(chunk.rejected for chunk in chunks),
    )


def seen(content, schema=SCHEMA, name="cases.csv", **chosen):
    content = content.encode() if isinstance(content, str) else content
    return look(TableFile.of_bytes(name, content), schema, Decisions(**chosen))


def row(**cells):
    return ",".join({**GOOD, **cells}.values())


def one(name, cell):
    """What becomes of one cell: its value, or what is said of it."""
    found = all_of(f"{HEADER}\n{row(**{name: cell})}\n")
    if found.problems:
        (problem,) = found.problems
        assert (problem.line, problem.column) == (2, name)
        assert found.rejected.decode() == row(**{name: cell}) + "\n"
        assert len(found.cases) == 0
        return str(problem)
    return found.cases[name][0]


# --- cells


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("3", 3.0),
        ("-3.50", -3.5),
        ("+3", 3.0),
        ("007", 7.0),
        ("1e2", 100.0),
        ("1E-2", 0.01),
        ("  81.5\t", 81.5),
        ('" 81.5"', 81.5),
        ("1e-400", 0.0),
        ("9007199254740992", 2.0**53),
        ("0.1000000000000000055511151231257827", 0.1),
    ],
)
def test_a_number_is_read_exactly(cell, expected):
    assert one("pulse", cell) == expected


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("abc", ""),
        ("1_000", "without underscores"),
        ("0x10", "in decimal digits"),
        ("١٢", "in the digits 0 to 9"),
        ("$5", "without a currency sign"),
        ('"1,000"', "without a comma"),
        ("−3", "with a plain hyphen for minus"),
        ("inf", "and a finite one"),
        ("-Infinity", "and a finite one"),
        ("nan", "and a finite one"),
        ("1e400", "too large for a number"),
        ("-1e400", "too large for a number"),
        ("9007199254740993", "too large to be exact"),
        ("12 %", "without a percent sign"),
        ("1 000", "without marks between thousands"),
        (".5", "with digits on both sides"),
        ("5.", "with digits on both sides"),
        ("1e", ""),
        ("-", ""),
        ("--3", ""),
        ("3 4", ""),
        ("1.2.3", ""),
        ("true", ""),
    ],
)
def test_a_number_in_another_form_is_an_error_that_says_so(cell, said):
    problem = one("pulse", cell)
    assert problem.startswith("Line 2: pulse is ")
    assert "expected a number from 40 to 120.5 beats/min" in problem
    assert said in problem


def test_a_problem_says_where_what_and_what_was_expected():
    assert one("age", "abc") == (
        'Line 2: age is "abc"; expected a whole number from 18 to 90 years.'
    )


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("3", 3), ("3.0", 3), ("3e1", 30), ("+3", 3), ("-3", -3), ("9007199254740992", 2**53)],
)
def test_a_whole_number_may_be_written_with_a_point(cell, expected):
    found = one("age", cell)
    assert found == expected
    assert isinstance(found, np.int64)


@pytest.mark.parametrize(
    "cell",
    ["3.5", "3.00000000000000000001", "9007199254740993", "9007199254740992.5", "1e300", "0.1e0"],
)
def test_a_whole_number_is_never_rounded(cell):
    assert f'age is "{cell}' in one("age", cell)


@pytest.mark.parametrize("cell", ["", '""', "NA", "unknown", " ", " NA "])
def test_an_empty_cell_and_the_texts_of_the_card_are_missing(cell):
    assert np.isnan(one("weight", cell))


@pytest.mark.parametrize("word", ["NA", "None", "null", "n/a", "nan", "-"])
def test_words_for_missing_are_text(word):
    assert "expected a number" in one("pulse", word)
    assert one("note", word) == word


def test_a_word_for_missing_is_a_choice_where_the_card_lists_it():
    assert one("colour", "NA") == "NA"


@pytest.mark.parametrize("name", ["pulse", "age", "colour", "smoker"])
@pytest.mark.parametrize("cell", ["", '""'])
def test_a_cell_that_must_not_be_empty_is_named(name, cell):
    assert one(name, cell).startswith(f"Line 2: {name} is empty; expected ")


@pytest.mark.parametrize("cell", ["007", "1.10"])
def test_a_category_is_kept_as_it_stands(cell):
    assert one("colour", cell) == cell


@pytest.mark.parametrize("cell", ["7", "1.1", "1E5"])
def test_an_unknown_category_is_passed_on_to_be_flagged(cell):
    assert one("colour", cell) == cell


@pytest.mark.parametrize("cell", ["Red", " red", "RED "])
def test_a_near_miss_is_not_guessed(cell):
    assert one("colour", cell).endswith('did you mean "red"?')


@pytest.mark.parametrize(
    ("cell", "said"),
    [("2.5", "one of 1"), ("02", "did you mean 2?"), ("4", "one of 1, 2, 3"), ("x", "one")],
)
def test_a_number_as_a_category_matches_by_its_text(cell, said):
    assert one("grade", "2") == one("grade", "2.0") == one("grade", "2.00") == 2
    assert said in one("grade", cell)


def test_an_unseen_value_of_a_pandas_category_can_still_be_flagged():
    schema = Schema([Feature(name="c", kind="category", choices=["x", "y"], dtype="category")])
    found = all_of("c\nx\nz\n", schema)
    assert found.cases["c"].tolist() == ["x", "z"]
    assert schema.frame(found.cases)["c"].isna().tolist() == [False, True]


def test_a_text_that_two_choices_share_is_told_apart():
    schema = Schema([Feature(name="c", kind="category", choices=[1, "1"])])
    assert all_of("c\n1\n", schema).said == ['Line 2: c is "1"; expected it told apart: 1 or "1".']


@pytest.mark.parametrize("cell", ["true", "TRUE", "yes", "Yes", "1", "1.0", "True", " yes "])
def test_yes_may_be_written_in_these_ways(cell):
    assert one("smoker", cell) == np.True_
    assert one("answer", cell) == "ja"


@pytest.mark.parametrize("cell", ["false", "no", "NO", "0", "0.0", "False"])
def test_no_may_be_written_in_these_ways(cell):
    assert one("smoker", cell) == np.False_
    assert one("answer", cell) == "no"


def test_a_boolean_has_its_own_pair_and_no_more():
    assert one("answer", "ja") == "ja"
    assert one("answer", "Ja").endswith('did you mean "ja"?')
    for cell in ("2", "ja", "y", "1.5", "10.0", "on"):
        assert "smoker is" in one("smoker", cell)


@pytest.mark.parametrize("cell", ["2024-02-29", "2024-02-29 00:00:00", "2024-02-29T00:00:00.000"])
def test_a_date_is_iso_8601(cell):
    assert one("admitted", cell) == pd.Timestamp("2024-02-29")
    assert SCHEMA["admitted"].read(cell)[0] == "2024-02-29"


@pytest.mark.parametrize(
    "cell", ["29.02.2024", "02/29/2024", "2023-02-29", "2024-02-29 12:00", "2024-02-29T00:00:00Z"]
)
def test_another_date_is_an_error_that_names_the_format(cell):
    assert "expected a date like 2026-11-20 (year-month-day)" in one("admitted", cell)
    assert SCHEMA["admitted"].read(cell)[1].blocking


def test_a_value_outside_the_training_range_is_no_problem():
    assert one("pulse", "1000") == 1000
    assert one("age", "-4") == -4


@pytest.mark.parametrize(("name", "cell"), [("note", "a\x00b"), ("pulse", "8\x000"), ("x", "\x00")])
def test_a_nul_is_refused_with_its_cell(name, cell):
    good = {**GOOD, "x": "more"}
    content = ",".join(good) + "\n" + ",".join({**good, name: cell}.values()) + "\n"
    assert all_of(content).said == [
        f"Line 2: {name} has a NUL character; expected text without it."
    ]


@pytest.mark.parametrize("cell", [b"\xff", b"\xed\xa0\x80", b"\xc3"])
def test_what_is_no_utf8_beyond_the_beginning_is_named_by_its_line(cell):
    many = (row() + "\n").encode() * 30_000
    bad = row(note="?").encode().replace(b"?", cell) + b"\n"
    found = all_of(HEADER.encode() + b"\n" + many + bad + many)
    assert found.said == [
        "Line 30002: the row is not text in UTF-8; expected it saved in one encoding."
    ]
    assert found.rejected == bad
    assert len(found.lines) == 60_000


# --- rows


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (row() + ",7", "the row has 11 cells; expected 10, as the header has."),
        (row().rpartition(",")[0], "the row has 9 cells; expected 10, as the header has."),
        ("x", "the row has 1 cell; expected 10"),
        (row(note='we"ll'), "the row has a quotation mark inside a cell"),
        (row(note='we"ll"'), "the row has a quotation mark inside a cell"),
        (row(note='"x"y'), "the row has text after a closing quotation mark"),
        (row(note=' "x"'), "the row has a quotation mark inside a cell"),
    ],
)
def test_a_row_of_another_shape_is_an_error_with_its_line(bad, said):
    found = all_of(f"{HEADER}\n{row()}\n\n{bad}\n{row(age='41')}\n")
    assert len(found.said) == 1
    assert found.said[0].startswith(f"Line 4: {said}")
    assert found.rejected.decode() == bad + "\n"
    assert found.lines == [2, 5]
    assert found.cases["age"].tolist() == [40, 41]


def test_an_unclosed_quote_takes_no_row_silently():
    found = all_of(f"{HEADER}\n{row()}\n{row(note=chr(34) + 'x')}\n{row()}\n{row()}")
    assert found.lines == [2]
    assert found.said == [
        "Line 3: the row opens a quotation mark that is not closed before the end of the file (as "
        "far as line 5 nothing can be told apart); expected it closed in the same cell."
    ]


def test_an_unclosed_quote_ends_where_the_next_one_opens():
    lines = [row(), row(note='"x'), row(), row(note='"well"'), row(age="41")]
    found = all_of("\n".join([HEADER, *lines]))
    assert found.lines == [2, 6]
    assert [problem.line for problem in found.problems] == [3]
    assert "as far as line 5" in found.said[0]
    assert found.rejected.decode() == "\n".join(lines[1:4]) + "\n"


def test_a_row_that_opens_a_quote_after_a_broken_one_is_named():
    found = all_of("\n".join([HEADER, row(note='x"'), row(), row(note='"x')]) + "\n")
    assert found.lines == [3]
    assert [problem.line for problem in found.problems] == [2, 4]


@pytest.mark.slow
def test_many_broken_rows_are_each_named():
    rows = [row(note='we"ll') if n % 2 else row(note='"a,""b"""') for n in range(3000)]
    found = all_of("\n".join([HEADER, *rows]))
    assert [problem.line for problem in found.problems] == list(range(3, 3002, 2))
    assert set(found.text["note"]) == {'a,"b"'}
    assert len(found.lines) == 1500


def test_blank_lines_are_skipped_and_counted():
    found = all_of(f"\n \n{HEADER}\n\n{row()}\n  \t \n\n{row()}\n\n")
    assert found.lines == [5, 8]
    assert found.problems == []


def test_a_quoted_value_may_go_over_lines():
    note = '"one\ntwo\r\n\n""three"""'
    found = all_of(f"{HEADER}\n{row(note=note)}\n{row(age='x')}\n{row()}\n")
    assert found.text["note"].tolist() == ['one\ntwo\r\n\n"three"', "well"]
    assert found.lines == [2, 7]
    assert [problem.line for problem in found.problems] == [6]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_may_be_of_any_kind(end, last):
    found = all_of(end.join([HEADER, row(), row(age="4x"), row(age="41")]) + (end if last else ""))
    assert found.lines == [2, 4]
    assert found.cases["age"].tolist() == [40, 41]
    assert found.rejected.decode() == row(age="4x") + end


def test_empty_and_empty_text_stay_apart_and_nothing_else_changes():
    extra = ["007", "", '""', "1.10", " x ", "NA", '"a""b"', "1E5", '"x,y"']
    found = all_of(f"{HEADER},extra\n" + "".join(f"{row()},{cell}\n" for cell in extra))
    assert [None if cell is pd.NA else cell for cell in found.text["extra"]] == [
        *("007", None, "", "1.10", " x ", "NA", 'a"b', "1E5", "x,y")
    ]
    assert list(found.text) == [*GOOD, "extra"]


def test_every_bad_cell_of_a_row_is_named_and_the_row_given_back_once():
    found = all_of(f"{HEADER}\n{row()}\n{row(age='x', pulse='y', note='')}\n")
    assert [(problem.line, problem.column) for problem in found.problems] == [
        (3, "pulse"),
        (3, "age"),
    ]
    assert found.rejected.decode() == row(age="x", pulse="y", note="") + "\n"


def test_one_column_may_have_empty_rows_in_quotes():
    schema = Schema([Feature(name="note", kind="text", missing=True)])
    found = all_of('note\nx\n\n""\n  \ny\n', schema)
    assert found.text["note"].tolist() == ["x", "", "y"]
    assert found.lines == [2, 4, 6]


# --- the header


def test_columns_are_matched_by_their_exact_names():
    header = HEADER.replace("pulse", "pulses").replace("colour", "hue")
    found = seen(f"{header},extra\n{row()},1\n")
    assert dict(found.missing) == {"pulse": "pulses", "colour": None}
    assert found.unused == ("pulses", "hue", "extra")
    assert found.problems == (
        '"pulse" is missing; cases.csv has "pulses". Rename that column to "pulse" exactly.',
        '"colour" is missing in cases.csv; expected a column of that name. Add it.',
    )


def test_a_column_that_may_be_missing_may_be_absent():
    header, cells = HEADER.replace(",weight", ""), row().replace(",70.5", "")
    found = seen(f"{header},kilos\n{cells},70\n")
    assert found.missing == (("weight", None),)
    assert found.problems == (
        'cases.csv has no column "weight": every row would be scored as if that were not known. '
        'If one of the columns left over ("kilos") is meant, rename it; or go on without.',
    )
    assert [(offer.kind, offer.value) for offer in found.offers] == [("absent_ok", True)]
    accepted = seen(f"{header},kilos\n{cells},70\n", absent_ok=True)
    assert accepted.problems == accepted.offers == ()
    assert 'read as not known in every row: "weight". Not used: "kilos".' in accepted.notes[0]
    assert all_of(f"{header}\n{cells}\n", absent_ok=True).cases["weight"].isna().all()
    near = seen(f"{header},weights\n{cells},1\n")
    assert 'Rename "weights" to "weight" exactly, or go on without.' in near.problems[0]


@pytest.mark.parametrize("name", ["cases.csv", "cases.json", "cases.parquet", "cases.xlsx"])
def test_names_that_differ_in_case_blanks_or_marks_are_one_decision(name):
    cells = {" Pulse ": 80, "WEIGHT": 70.5, "Vi-sits": 2, "other": "x"}
    frame = pd.DataFrame([cells])
    content = {
        "cases.csv": lambda: frame.to_csv(index=False),
        "cases.json": lambda: json.dumps([cells]),
        "cases.parquet": lambda: frame.to_parquet(index=False),
        "cases.xlsx": lambda: workbook([[*cells], [*cells.values()]]),
    }[name]()
    schema = Schema([SCHEMA[name] for name in ("pulse", "weight", "visits")])
    found = seen(content, schema, name)
    (problem,) = found.problems
    assert problem.startswith(f"{name} writes the names of 3 columns otherwise than the model: ")
    assert '" Pulse " for "pulse"' in problem
    assert found.ways_out == ["Read them so: add --alike-ok"]
    accepted = all_of(content, schema, name=name, alike_ok=True)
    assert list(accepted.cases) == ["pulse", "weight", "visits"]
    assert accepted.cases["visits"].tolist() == [2]


def test_names_that_would_do_for_two_are_no_such_decision():
    for header in ("Pulse,PULSE", "pulse,Pulse"):
        found = seen(f"{header}\n1,2\n", Schema([SCHEMA["pulse"]]))
        assert not found.offers
    assert seen("Pulse,PULSE\n1,2\n", Schema([SCHEMA["pulse"]])).problems
    assert not seen("pulse,Pulse\n1,2\n", Schema([SCHEMA["pulse"]])).problems


def test_columns_may_stand_in_any_order():
    names = list(reversed(GOOD))
    found = all_of(",".join(names) + "\n" + ",".join(GOOD[name] for name in names))
    assert list(found.cases) == SCHEMA.names
    assert list(found.text) == names
    assert found.cases["age"].tolist() == [40]


def test_a_name_of_the_model_that_stands_twice_is_refused():
    (problem,) = seen(f"{HEADER},age\n{row()},41\n").problems
    assert problem.startswith('cases.csv has more than one column "age"')


def test_other_columns_may_share_a_name_or_have_none():
    found = all_of(f"{HEADER},x,x,,\n{row()},1,2,3,4\n")
    assert list(found.text)[10:] == ["x", "x.1", "", "Unnamed: 13"]
    assert found.text.iloc[0].tolist()[10:] == ["1", "2", "3", "4"]
    assert '"x.1" and "Unnamed: 13"' in seen(f"{HEADER},x,x,,\n{row()},1,2,3,4\n").notes[0]


def test_columns_without_name_and_content_are_left_out():
    look_at = seen(f"{HEADER},,\n{row()},,\n")
    assert look_at.columns == tuple(GOOD)
    assert look_at.notes == ("Left out as they have neither name nor content: columns 11 and 12.",)
    found = all_of(f"{HEADER},,\n" + f"{row()},,\n" * 600 + f"{row()},,late\n")
    assert list(found.text) == list(GOOD)
    assert len(found.cases) == 600
    assert found.said == [
        'Line 602: the row has "late" in column 12; expected nothing where there is no name.'
    ]
    assert found.rejected.decode() == f"{row()},,late\n"


@pytest.mark.parametrize(("mark", "words"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_delimiter_is_taken_where_only_it_fits_and_said(mark, words):
    content = f"{HEADER}\n{row()}\n".replace(",", mark)
    quoted = '"' + content.replace(mark, f'"{mark}"').replace("\n", '"\n"').removesuffix('"')
    for text in (content, quoted):
        found = seen(text)
        assert found.problems == found.offers == ()
        assert words in found.notes[0]
        assert all_of(text).cases["age"].tolist() == [40]
        assert all_of(text, delimiter=mark).cases["age"].tolist() == [40]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_decimal_comma_is_read_beside_semicolons_and_tabs(mark):
    content = f"{HEADER}\n{row(pulse='81.5')}\n".replace(",", mark).replace(".", ",")
    assert seen(content, delimiter=mark).decimal == ","
    words = {";": "semicolons", "\t": "tabs"}[mark]
    assert seen(content).notes[0] == f"Read with {words} and decimal commas."
    found = all_of(content, delimiter=mark)
    assert found.cases[["pulse", "weight"]].to_numpy().tolist() == [[81.5, 70.5]]
    assert found.text["pulse"].tolist() == ["81,5"]
    mixed = content + content.split("\n")[1].replace("81,5", "81.5") + "\n"
    assert "with a comma before the decimals" in all_of(mixed, delimiter=mark).said[0]


def test_a_comma_is_no_decimal_sign_beside_commas():
    assert "without a comma" in one("pulse", '"81,5"')


@pytest.mark.parametrize(
    "content", ["", "\n\n", " \n", HEADER, f"{HEADER}\n", f"\ufeff{HEADER}\n\n  \n", "\ufeff"]
)
def test_a_file_without_rows_says_so(content):
    (problem,) = seen(content).problems
    assert "no rows" in problem or "is empty" in problem


def test_columns_that_tell_who_people_are_are_pointed_at():
    names = ["patient_name", "PatientID", "mrn", "E-Mail", "birth date", "contact", "row", "colour"]
    schema = Schema([Feature(name="colour", kind="category", choices=["red"])])
    content = ",".join(names) + "\na,b,c,d,e,ada@example.org,1,red\n"
    assert seen(content, schema).personal == tuple(names[:6])


# --- encodings and other files


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be-bom"])
def test_a_byte_order_mark_is_honoured(encoding):
    text = f"{HEADER}\n{row(note='Zürich €')}\n{row(age='x')}\n"
    if encoding == "utf-16-be-bom":
        content = b"\xfe\xff" + text.encode("utf-16-be")
    else:
        content = text.encode(encoding)
    found = all_of(content)
    assert found.text["note"].tolist() == ["Zürich €"]
    assert found.rejected.decode() == row(age="x") + "\n"


def test_a_byte_order_mark_below_the_header_is_part_of_its_cell():
    """Files that were put together with their marks: the parser would take one away silently."""
    schema = Schema([Feature(name="name", kind="text"), SCHEMA["age"]])
    found = all_of("name,age\n\ufeffAda,40\nBo,41\n", schema)
    assert found.text["name"].tolist() == ["\ufeffAda", "Bo"]
    assert found.cases["name"].tolist() == ["\ufeffAda", "Bo"]
    (said,) = all_of(f"{HEADER}\n\ufeff{row()}\n{row()}\n").said
    assert said.startswith("Line 2: pulse is ")


def test_another_encoding_is_chosen_by_the_person():
    content = f"{HEADER}\n{row()}\n{row(note='Zürich €')}\n".encode("cp1252")
    found = seen(content)
    assert "is not text in UTF-8 (line 3)" in found.problems[0]
    assert (found.offers[0].kind, found.offers[0].value) == ("encoding", "cp1252")
    assert found.offers[0].text == "Read it as Windows-1252 (Western Europe): Zürich €"
    assert all_of(content, encoding="cp1252").text["note"].tolist() == ["well", "Zürich €"]
    assert "no such encoding" in seen(content, encoding="klingon").problems[0]
    for none in ("rot13", "idna", "base64", "utf-7"):
        assert "no such encoding" in seen(content, encoding=none).problems[0]


@pytest.mark.parametrize("encoding", ["latin-1", "shift_jis", "gb18030", "mac-roman", "cp437"])
def test_any_bytes_are_text_or_named_in_every_encoding(encoding):
    rows = b"".join(row().encode() + bytes([n, 0x41, 0xE9]) + b"\n" for n in range(128, 256))
    found = all_of(
        HEADER.encode() + b",x\n" + rows.replace(b"2024-02-29", b"2024-02-29,"), encoding=encoding
    )
    assert len(found.lines) + len({problem.line for problem in found.problems}) == 128


def test_a_long_beginning_of_blank_lines_is_no_empty_file():
    found = all_of("\n" * 300_000 + f"{HEADER}\n{row()}\n")
    assert found.lines == [300_002]


def test_a_file_that_ends_within_a_character_is_named_there():
    content = b"\xff\xfe" + f"{HEADER}\n{row()}\n{row()}".encode("utf-16-le")[:-1]
    found = all_of(content)
    assert (found.lines, [problem.line for problem in found.problems]) == ([2], [3])


def test_a_byte_that_windows_does_not_know_is_named_by_its_line():
    content = f"{HEADER}\n{row()}\n{row(note='?')}\n".encode().replace(b"?", b"\x81")
    assert all_of(content, encoding="cp1252").said[0].startswith("Line 3: the row is not text in W")


def test_utf16_without_a_mark_is_offered():
    content = f"{HEADER}\n{row()}\n".encode("utf-16-le")
    (offer,) = seen(content).offers
    assert all_of(content, encoding=offer.value).lines == [2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "a zip archive, but no workbook"),
        (b"BZh91AY&SY", "a bzip2 archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is a workbook that cannot be read"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"\x80\x05rest", "a pickle"),
        (b"  <!DOCTYPE html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS"),
        (b"PAR1 and no more", "a Parquet table that cannot be read"),
        (b"abc\x00\x00\x00", "holds NUL bytes"),
        (b"ELF\x00\x01\x02\x00\x00\x00", "holds NUL bytes"),
    ],
)
def test_a_file_of_another_kind_says_what_it_is(content, said):
    found = seen(content)
    assert said in found.problems[0]
    assert found.problems[0].startswith("cases.csv ")
    with pytest.raises(UserError):
        next(iter(read(TableFile.of_bytes("cases.csv", content), found, SCHEMA)))


def test_a_first_column_called_pk_makes_no_archive():
    assert seen(f"PK,{HEADER}\n1,{row()}\n").unused == ("PK",)


@pytest.mark.parametrize("name", ["cases.csv", "cases.json"])
def test_a_text_that_gzip_packed_is_read_as_what_is_in_it(name):
    text = f"{HEADER}\n{row()}\n" if name == "cases.csv" else json.dumps([{"pulse": 80}])
    schema = SCHEMA if name == "cases.csv" else Schema([SCHEMA["pulse"]])
    packed = all_of(gzip.compress(text.encode()), schema, name=f"{name}.gz")
    pd.testing.assert_frame_equal(packed.cases, all_of(text, schema, name=name).cases)


def test_a_packed_file_that_is_damaged_large_or_no_text_says_what_to_do():
    packed = gzip.compress(f"{HEADER}\n{row()}\n".encode() * 100)
    for content, said in [
        (packed[:-9], "damaged or cut off .*; expected a whole one. Pack it again"),
        (b"\x1f\x8b\x08", "damaged or cut off"),
        (gzip.compress(b"PAR1" + packed), r"is no text; .* \(`gunzip cases.csv.gz`\)"),
        (gzip.compress(packed), "is no text"),
        (gzip.compress(bytes(201_000_000), 1), "unpacks to more than 200 MB; .* command line"),
    ]:
        with pytest.raises(UserError, match=said):
            TableFile.of_bytes("cases.csv.gz", content)


# --- Excel, JSON, Parquet


TYPED = [80.5, None, 40, 2, "red", 2, True, "no", "well", date(2024, 2, 29)]


@pytest.mark.parametrize("name", ["cases.xlsx", "cases.csv"])
def test_an_excel_workbook_is_read_as_a_person_would_type_it(name):
    bad = [*TYPED[:2], 40.5, *TYPED[3:]]
    content = workbook([[*GOOD, "extra"], [*TYPED, "007"], [None], [*bad, 1.5], [*TYPED, 35]])
    assert seen(content, name=name).format == "xlsx"
    found = all_of(content, name=name)
    assert found.text.iloc[0].tolist() == [
        *("80.5", pd.NA, "40", "2", "red", "2", "true", "no", "well", "2024-02-29", "007")
    ]
    assert found.text["extra"].tolist() == ["007", "35"]
    assert found.lines == [2, 5]
    assert found.said == ['Line 4: age is "40.5"; expected a whole number from 18 to 90 years.']
    assert found.rejected == b"80.5,,40.5,2,red,2,true,no,well,2024-02-29,1.5\n"


def test_a_table_may_stand_anywhere_in_its_sheet():
    rows = [[None], [None], [None, *GOOD], [None], [None, *TYPED], [None, *TYPED[:2], "x"]]
    found = all_of(workbook(rows))
    assert found.lines == [5]
    assert {problem.line for problem in found.problems} == {6}


def test_a_workbook_without_rows_or_with_a_cell_too_many_says_so():
    assert "a header and no rows" in seen(workbook([list(GOOD)])).problems[0]
    assert "no rows" in seen(workbook([])).problems[0]
    found = all_of(workbook([list(GOOD), [*TYPED, "more"], TYPED]))
    assert found.said == ["Line 2: the row has 11 cells; expected 10, as the header has."]
    damaged = workbook([list(GOOD), TYPED])
    assert seen(damaged[: len(damaged) // 2]).problems


CASE = {**dict(zip(GOOD, TYPED, strict=True)), "admitted": "2024-02-29"}


@pytest.mark.parametrize(
    "write",
    [
        lambda cases: json.dumps(cases),
        lambda cases: json.dumps(cases, indent=2),
        lambda cases: json.dumps({"model": "x", "cases": cases}),
        lambda cases: "\n".join(json.dumps(case) for case in cases),
        lambda cases: "\ufeff" + json.dumps(cases),
    ],
    ids=["list", "indented", "object", "lines", "mark"],
)
def test_json_cases_become_the_same_columns(write):
    cases = [CASE, {**CASE, "age": "40"}, {**CASE, "note": None, "extra": 1.5}]
    found = all_of(write(cases), name="cases.json")
    expected, _ = SCHEMA.read(CASE)
    pd.testing.assert_frame_equal(found.cases, SCHEMA.frame([expected, {**expected, "note": None}]))
    assert found.lines == [1, 3]
    assert found.said == ['Line 2: age is "40"; expected a whole number from 18 to 90 years.']
    assert found.text["extra"].tolist() == [pd.NA, "1.5"]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({**CASE, "pulse": [80]}, "pulse is [80]; expected one value"),
        ({**CASE, "extra": {"a": 1}}, 'extra is {"a": 1}; expected one value'),
        ({**CASE, "colour": 7}, 'colour is 7; did you mean "007"?'),
        ({**CASE, "smoker": "true"}, 'smoker is "true"; expected true or false'),
        ({**CASE, "age": True}, "age is true"),
        ({**CASE, "pulse": float("inf")}, "pulse is inf"),
        ({**CASE, "note": "\ud800"}, "note has a character that cannot be stored"),
        ({**CASE, "note": "a\x00"}, "note has a "),
        ({name: value for name, value in CASE.items() if name != "age"}, "age is empty"),
        ([1, 2], "the case is [1, 2]; expected an object"),
        (None, "the case is null; expected an object"),
    ],
)
def test_a_json_case_that_will_not_do_is_named(case, said):
    found = all_of(json.dumps([CASE, case, CASE]), name="cases.json")
    assert found.lines == [1, 3]
    assert found.said[0].startswith(f"Line 2: {said}")
    assert found.rejected.count(b"\n") == 1


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_json_that_is_cut_off_is_a_problem(cut):
    text = json.dumps([CASE, CASE])
    found = seen(text[:-cut], name="cases.json")
    if not found.problems:
        found = all_of(text[:-cut], name="cases.json")
        assert found.problems
        assert set(found.lines) <= {1, 2}


def test_a_field_that_stands_twice_in_a_case_is_named():
    text = json.dumps([CASE])[:-2] + ', "age": 41}, ' + json.dumps(CASE) + "]"
    found = all_of(text)
    assert found.lines == [2]
    assert found.said == ['Line 1: the case has "age" twice; expected each field once.']


def test_a_list_of_json_cases_may_be_longer_than_what_is_read_at_once():
    cases = [{**CASE, "note": "x" * 300} for _ in range(9000)]
    found = all_of(json.dumps(cases, indent=1))
    assert found.lines == list(range(1, 9001))


def test_a_parquet_table_becomes_the_same_columns():
    frame = pd.DataFrame([CASE, {**CASE, "visits": None}])
    frame["admitted"] = pd.to_datetime(frame["admitted"])
    frame["small"] = np.array([0.1, 2], dtype="float32")
    file = io.BytesIO()
    frame.to_parquet(file)
    found = all_of(file.getvalue(), name="cases.parquet")
    assert found.cases["admitted"].tolist() == [pd.Timestamp("2024-02-29")] * 2
    assert found.cases["visits"].isna().tolist() == [False, True]
    assert float(found.text["small"].iloc[0]) == float(np.float32(0.1))
    assert found.text["age"].tolist() == ["40", "40"]


def test_lists_and_bytes_of_a_parquet_table_are_left_out_unless_the_model_takes_them():
    file = io.BytesIO()
    pq.write_table(pa.table({"age": [[1, 2]]}), file)
    assert 'has lists or bytes in "age"' in seen(file.getvalue()).problems[0]
    cells = {name: [cell] for name, cell in GOOD.items()}
    file = io.BytesIO()
    pq.write_table(pa.table({**cells, "l": [[1, 2]], "b": [b"x"], "y": ["z"]}), file)
    assert (
        'Left out, as lists, bytes or the index of pandas: "l" and "b".'
        in seen(file.getvalue()).notes
    )
    assert list(all_of(file.getvalue()).text) == [*GOOD, "y"]


# --- typing stored text again


def test_stored_text_is_typed_again_to_the_same_cases():
    content = f"{HEADER}\n{row()}\n{row(age='41', grade='', colour='blue')}\n"
    source = TableFile.of_bytes("x.csv", content.encode())
    (chunk,) = read(source, look(source, SCHEMA), SCHEMA)
    again, faults = typed(chunk.text, SCHEMA)
    assert faults == []
    pd.testing.assert_frame_equal(again, chunk.cases)


def test_faults_of_text_are_named_by_their_row():
    text = pa.table({name: [cell, cell] for name, cell in GOOD.items()})
    text = text.set_column(2, "age", pa.array(["40", "x"]))
    _, (fault,) = typed(text, SCHEMA)
    assert (fault.row, fault.column, fault.found) == (1, "age", 'is "x"')


def test_a_table_without_rows_has_the_types_of_the_model():
    found, faults = typed(pa.table({name: pa.array([], pa.string()) for name in GOOD}), SCHEMA)
    assert faults == []
    assert list(found) == SCHEMA.names
    assert len(found) == 0


# --- limits


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(max_bytes=20), "expected at most"),
        (Limits(max_rows=2), "more than 2 rows"),
        (Limits(max_columns=9), "10 columns; expected at most 9"),
        (Limits(max_cell=30), "a cell of 40 bytes between line"),
    ],
)
def test_a_table_over_a_limit_is_refused(limits, said):
    content = f"{HEADER}\n" + f"{row(note='x' * 40)}\n" * 3
    with pytest.raises(UserError, match=said):
        all_of(content, limits=limits)


def test_a_table_at_its_limits_is_read():
    content = f"{HEADER}\n" + f"{row(note='x' * 40)}\n" * 3
    limits = Limits(max_bytes=len(content), max_rows=3, max_columns=10, max_cell=40)
    assert len(all_of(content, limits=limits).lines) == 3


def test_an_unclosed_quote_does_not_take_the_memory():
    content = f"{HEADER}\n{row(note=chr(34) + 'x')}\n" + f"{row()}\n" * 60_000
    with pytest.raises(UserError, match="from line 2 on that does not end"):
        all_of(content)


def test_long_tables_come_in_chunks():
    source = TableFile.of_bytes("x.csv", (f"{HEADER}\n" + f"{row()}\n" * 50_000).encode())
    chunks = list(read(source, look(source, SCHEMA), SCHEMA))
    assert max(len(chunk.lines) for chunk in chunks) <= 20_000
    assert np.concatenate([chunk.lines for chunk in chunks]).tolist() == list(range(2, 50_002))
    assert [chunk.bytes_read for chunk in chunks][-1] == source.size


def test_pieces_of_a_wide_table_have_fewer_rows():
    names = [f"x{at}" for at in range(400)]
    content = "\n".join([",".join(names), *[",".join("1" * 400)] * 2_500]).encode()
    schema = Schema([Feature(name=name, kind="number") for name in names])
    source = TableFile.of_bytes("wide.csv", content)
    sizes = [len(chunk.text) for chunk in read(source, look(source, schema), schema)]
    assert sum(sizes) == 2_500
    assert max(sizes) == 1_000


def test_a_source_is_opened_anew_each_time(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"abc")
    held = memoryview(b"abc")
    for source in (
        TableFile.of_path(path),
        TableFile.of_bytes("x", held),
        TableFile.of_bytes("x", b"abc"),
    ):
        assert source.size == 3
        for _ in range(2):
            with source.open() as stream:
                assert stream.read() == b"abc"


@pytest.mark.slow
def test_a_very_long_cell_is_read_where_there_is_no_limit():
    none = Limits(None, None, None, None)
    found = all_of(f"{HEADER}\n{row(note='x' * 300_000)}\n{row(note='y' * 3_000_000)}", limits=none)
    assert found.text["note"].str.len().tolist() == [300_000, 3_000_000]
    many = ",".join(f"c{n}" for n in range(60_000))
    assert len(seen(f"{HEADER},{many}\n").columns) == 60_010


def test_a_nul_among_broken_quotes_is_a_problem_of_its_row():
    found = all_of("\n".join([HEADER, row(note='"x'), row(note="a\x00"), row()]))
    assert [problem.line for problem in found.problems] == [2]
    assert found.lines == []


def test_a_file_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match=r"cannot be read .* Correct the path"):
            TableFile.of_path(path)


MEASURE = """
import json
import sys
import psutil
from second_opinion.schema import Feature, Schema
from second_opinion.tables import Limits, TableFile, look, read
schema = Schema(map(Feature.model_validate, json.loads(sys.argv[2])))
source = TableFile.of_path(sys.argv[1])
memory, most = psutil.Process(), 0
before = memory.memory_info().rss
for chunk in read(source, look(source, schema), schema, Limits(None, None, None, None)):
    most = max(most, memory.memory_info().rss - before)
print(most)
"""


@pytest.mark.slow
def test_memory_stays_flat_as_the_file_grows(tmp_path):
    features = json.dumps([feature.model_dump(mode="json") for feature in SCHEMA])
    taken = []
    for megabytes in (5, 50):
        path = tmp_path / f"{megabytes}.csv"
        lines = f"{row()}\n" * 4000 + f"{row(age='x')}\n"
        with path.open("w") as file:
            file.write(f"{HEADER}\n")
            for _ in range(megabytes * 1_000_000 // len(lines)):
                file.write(lines)
        measured = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path), features],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        taken.append(int(measured.stdout) / 1e6)
    assert taken[1] < taken[0] + 25
    assert taken[1] < 100
