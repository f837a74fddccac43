"""Old workbooks: what their cells hold is measured before they are read, whatever they say."""

import subprocess
import sys
from datetime import date
from struct import pack, unpack_from

import olefile
import pytest
import xlwt
from builders import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from old_workbooks import (
    FORMULA,
    SHARED,
    SHEET,
    changed,
    label,
    number,
    of_cells,
    old_workbook,
    record,
    records_of,
    stream_of,
)

from second_opinion.schema import Schema
from second_opinion.tables import TableFile, look
from second_opinion.tables.excel_sheets import sheet_rows, sheets
from second_opinion.tables.xls_container import packed_alone
from second_opinion.tables.xls_records import without_formulas, xls_spans

WAY_OUT = "Copy the cases alone into a new sheet and save that, or save it as CSV."
DAMAGED = "Open it in Excel and save it again as .xlsx, or save it as CSV."
LONG = "a" * 32_767

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(letters, max_size=40) | st.sampled_from([LONG, "é" * 20_000, "Ω" * 9_000])
cells = texts | st.integers(-(2**29), 2**29) | st.booleans() | st.floats(-1e9, 1e9)
rows = st.lists(st.lists(cells, max_size=6), max_size=12)


def file_of(content):
    return TableFile.of_bytes("cases.xls", content)


def problem(content):
    (said,) = look(file_of(content), Schema([])).problems
    return said


def bytes_of(text):
    """As the format has them: one a letter where all are of Latin-1, else UTF-16."""
    try:
        return len(text.encode("latin-1"))
    except UnicodeEncodeError:
        return len(text.encode("utf-16-le"))


@given(st.lists(rows, min_size=1, max_size=3))
@settings(max_examples=60)
def test_the_measure_is_what_the_cells_hold(sheets_of_rows):
    stream = stream_of(old_workbook(*sheets_of_rows))
    span = list(xls_spans(stream))[-1]
    held = [cell for rows in sheets_of_rows for row in rows for cell in row]
    assert span.taken == sum(bytes_of(cell) for cell in held if isinstance(cell, str))


@given(st.lists(st.lists(texts.filter(str.strip), min_size=1, max_size=4), min_size=1, max_size=9))
@settings(max_examples=40)
def test_the_texts_of_an_old_workbook_come_back(rows):
    source = file_of(old_workbook(rows))
    assert sheets(source).visible == ["sheet 0"]
    read = [[c for c in row.cells if c is not None] for row in sheet_rows(source, "sheet 0", "xls")]
    assert read == rows


def test_rich_texts_formulas_and_dates_are_read():
    rich = (("one ", xlwt.easyfont("bold true")), ("twö", xlwt.easyfont("italic true")))
    book = old_workbook(
        [["name", "day", "sum"], [rich, date(2024, 3, 1), 3], [LONG, date(2024, 3, 2), 4.5]]
    )
    found = [row.cells for row in sheet_rows(file_of(book), "sheet 0", "xls")]
    assert found[1:] == [["one twö", "2024-03-01", "3"], [LONG, "2024-03-02", "4.5"]]
    assert list(xls_spans(stream_of(book)))[-1].taken == 10 + 7 + len(LONG)


def test_results_of_formulas_stay_and_formulas_go():
    # Each of these puts 255 spaces before all that is there: as a text 4 MB, made letter by letter.
    spaces = b"\x16" + b"\x19\x40\x00\xff" * 16_000
    result = pack("<HHHdHIH", 0, 1, 0, 42.0, 0, 0, len(spaces)) + spaces
    book = of_cells(number(0, 0), *[record(FORMULA, result)] * 20)
    plain = [inner for kind, inner in records_of(without_formulas(stream_of(book)))]
    assert sum(inner[20:23] == b"\x01\x00\x16" for inner in plain) == 20
    assert [row.cells for row in sheet_rows(file_of(book), "a", "xls")] == [["1", "42"]]


def test_rows_may_stand_in_any_order():
    book = of_cells(number(9, 0), number(3, 1), label(5, 0, b"five"))
    found = {row.line: row.cells for row in sheet_rows(file_of(book), "a", "xls")}
    assert list(found.values()) == [[None, "1"], ["five", None], ["1", None]]
    (*_, span) = xls_spans(stream_of(book))
    assert (span.rows, span.columns, span.taken) == (10, 2, 4)


@given(st.integers(0, 40_000) | st.sampled_from([4095, 4096, 7_000_000, 16_000_000]))
@settings(max_examples=30)
def test_a_stream_that_is_packed_alone_is_the_same(size):
    stream = bytes(range(256)) * (size // 256 + 1)
    stream = stream[:size]
    with olefile.OleFileIO(packed_alone(stream), raise_defects=olefile.DEFECT_POTENTIAL) as packed:
        read = packed.openstream("Workbook").read()
    assert read == stream.ljust(4096, b"\0")


TOO_MUCH = {
    "a text many times": lambda: old_workbook([[LONG] * 100] * 100),
    "on many sheets": lambda: old_workbook(*[[[LONG] * 100] * 10] * 9),
    "a wide text": lambda: old_workbook([["Ω" * 32_767] * 100] * 40),
    "a far cell": lambda: of_cells(number(0, 0), number(65_535, 65_535)),
    "a far column of a row": lambda: of_cells(
        number(0, 0), record(0xBD, pack("<HHHIH", 60_000, 300, 0, 0, 300))
    ),
    "labels that say more than they have": lambda: of_cells(
        *[label(at, 0, b"a", said=65_535) for at in range(4000)]
    ),
    "results of formulas that say more": lambda: of_cells(
        *[number(at, 0) + record(0x207, pack("<HB", 65_535, 0) + b"ab") for at in range(4000)]
    ),
    "many wide sheets": lambda: old_workbook(*[[[1] * 250, *[[]] * 8000, [1]]] * 5),
}


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_an_old_workbook_that_takes_much_is_refused_with_the_way_out(kind):
    said = problem(TOO_MUCH[kind]())
    assert "expected at most" in said
    assert said.endswith(WAY_OUT)


def loop_in_its_chains(content):
    # All chains go through the table of sectors: each sector is followed by itself.
    (table,) = unpack_from("<I", content, 76)
    at = 512 * (table + 1)
    return content[:at] + pack("<128I", *range(128)) + content[at + 512 :]


def with_number(content, at, value):
    return content[:at] + pack("<I", value) + content[at + 4 :]


def same_place(kind, inner):
    return record(SHEET, pack("<I", 9_000_000) + inner[4:]) if kind == SHEET else None


def many_texts(number):
    def change(kind, inner):
        return record(SHARED, inner[:4] + pack("<I", number)) if kind == SHARED else None

    return change


BOOK = old_workbook([["age", "name"], [1, "é"], [2, "b" * 9_000]], [["other"], [1]])
DAMAGES = {
    "a head alone": lambda: BOOK[:8],
    "cut off in its header": lambda: BOOK[:300],
    "cut off": lambda: BOOK[: len(BOOK) // 2],
    "chains in a circle": lambda: loop_in_its_chains(BOOK),
    "a table of 4 GB": lambda: with_number(BOOK, 44, 0xFFFFFFF0),
    "a small table of 4 GB": lambda: with_number(BOOK, 64, 0xFFFFFFF0),
    "a directory far behind its end": lambda: with_number(BOOK, 48, 0x7FFFFFF0),
    "sectors of another size": lambda: BOOK[:30] + b"\x1f\x00" + BOOK[32:],
    "a Word document": lambda: BOOK.replace(
        "Workbook".encode("utf-16-le"), "WordDocu".encode("utf-16-le")
    ),
    "a sheet behind its end": lambda: changed(BOOK, same_place),
    "no texts where it says many": lambda: changed(BOOK, many_texts(2_000_000_000)),
    "a negative count of texts": lambda: changed(BOOK, many_texts(0xFFFFFFFF)),
    "an extent of all": lambda: of_cells(record(0x200, pack("<IIHHH", 0, 2**32 - 1, 0, 65535, 0))),
    "an extent backwards": lambda: of_cells(record(0x200, pack("<IIHHH", 9, 3, 0, 2, 0))),
    "a record behind its end": lambda: packed_alone(pack("<HH", 0x809, 60_000)),
    "a formula without its end": lambda: of_cells(
        number(0, 0), record(FORMULA, pack("<HHHdHI", 0, 1, 0, 42.0, 0, 0))
    ),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_old_workbook_is_refused_with_the_way_out(kind):
    said = problem(DAMAGES[kind]())
    assert said.startswith("cases.xls is a workbook that cannot be read (")
    assert said.endswith(DAMAGED)


@pytest.mark.slow
def test_a_workbook_of_nothing_but_empty_records_is_refused():
    said = problem(of_cells(bytes(4 * 4_000_001)))
    assert said.startswith("cases.xls is a workbook that cannot be read (it has more than 4,000,00")


def encrypted():
    begin = 4 + int.from_bytes(stream_of(BOOK)[2:4], "little")
    stream = stream_of(BOOK)
    return packed_alone(stream[:begin] + record(0x2F, b"\1" + bytes(53)) + stream[begin:])


def encrypted_package():
    """A new workbook with a password, which lies in a container of the old kind."""
    content = bytearray(packed_alone(b""))
    at = content.index("Workbook".encode("utf-16-le"))
    name = "EncryptedPackage".encode("utf-16-le")
    content[at : at + 66] = name.ljust(64, b"\0") + pack("<H", len(name) + 2)
    return bytes(content)


@pytest.mark.parametrize("kind", [encrypted, encrypted_package])
def test_a_workbook_with_a_password_is_called_by_name(kind):
    assert problem(kind()).startswith("cases.xls is protected by a password; expected a workbook")


MEASURED = """
import resource, sys
from second_opinion.schema import Schema
from second_opinion.tables import TableFile, look

source = TableFile.of_path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(*look(source, Schema([])).problems)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_a_megabyte_that_holds_two_gigabytes_is_refused_in_little_memory(tmp_path):
    path = tmp_path / "cases.xls"
    path.write_bytes(old_workbook([[LONG] * 10] * 7000))
    command = [sys.executable, "-c", MEASURED, path]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said, megabytes = ran.stdout.splitlines()
    assert said.endswith(WAY_OUT)
    assert int(megabytes) < 100
