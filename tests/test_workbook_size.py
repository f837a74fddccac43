"""Workbooks that are small and take much: measured before they are unpacked."""

import io
import zipfile
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbooks import workbook

from second_opinion.errors import UserError
from second_opinion.schema import Schema
from second_opinion.tables import TableFile, look
from second_opinion.tables import workbook_size as size
from second_opinion.tables.xlsb_records import xlsb_spans, xlsb_texts

MB = 1_000_000
WAY_OUT = r"Copy the cases alone into a new sheet and save that, or save it as CSV\."


def file_of(content):
    return TableFile.of_bytes("cases.xlsx", content)


def remade(sheet, texts=(), target="xl/worksheets/sheet1.xml"):
    """A workbook with this sheet, in pieces of its XML, and these texts that cells share."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook([["a"], ["1"]]))) as before,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for part in before.namelist():
            if part != "xl/worksheets/sheet1.xml":
                content = before.read(part)
                after.writestr(part, content.replace(b"worksheets/sheet1.xml", target[3:].encode()))
        if texts:
            items = "".join(f"<si><t>{text}</t></si>" for text in texts)
            after.writestr("xl/sharedStrings.xml", f"<sst>{items}</sst>")
        with after.open(target, "w") as stream:
            stream.write(b"<worksheet><sheetData>")
            for piece in sheet:
                stream.write(piece)
            stream.write(b"</sheetData></worksheet>")
    return packed.getvalue()


FIRST = b'<row r="1"><c r="A1"><v>1</v></c></row>'
WIDE_ROW = b"<row>" + b"<c><v>1</v></c>" * 1000 + b"</row>"
SHARED = b'<row><c t="s"><v>0</v></c></row>'

# Each has a few kilobytes, or some hundreds: its sheet, and the texts that cells share.
BOMBS = {
    "far apart": ([FIRST, b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'], ()),
    "a far column": ([FIRST, b'<row r="9000"><c r="ALL9000"><v>1</v></c></row>'], ()),
    "a cell in another row than it says": (
        [FIRST, b'<row r="2"><c r="ZZ999999"><v>1</v></c></row>'],
        (),
    ),
    "small letters, other quotes": (
        [FIRST, b"<row r='2'><c\tr = 'xfd1048576'><v>1</v></c></row>"],
        (),
    ),
    "with a prefix": ([FIRST, b'<x:row r="2"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>'], ()),
    "no places, empty rows": ([WIDE_ROW * 10, b"<row/>" * 9000, b"<row><c><v>1</v></c></row>"], ()),
    "no places, all full": ([WIDE_ROW] * 8100, ()),
    "one row of places": ([WIDE_ROW, b'<row r="9000"><c r="A9000"><v>1</v></c></row>'], ()),
    "a text many times": ([SHARED * 10_000], ("a" * 30_000,)),
    "a text among others": (
        [SHARED.replace(b'"', b"'").replace(b"0", b"7") * 10_000],
        (*"abcdefg", "a" * 30_000),
    ),
    "a text behind a formula": (
        [b'<row><c t="s"><f>A1</f><v> 0 </v></c></row>' * 10_000],
        ("a" * 30_000,),
    ),
    "a text in another order": (
        [b'<row><c t = "s"><is/><v>0</v></c></row>' * 10_000],
        ("a" * 30_000,),
    ),
}


@pytest.mark.parametrize("kind", BOMBS)
@pytest.mark.parametrize("target", ["xl/worksheets/sheet1.xml", "xl/any/where.bin"])
def test_a_sheet_that_takes_much_is_refused_with_the_way_out(kind, target):
    sheet, texts = BOMBS[kind]
    content = remade(sheet, texts, target)
    assert len(content) < MB
    with pytest.raises(UserError, match=rf"cases\.xlsx .*; expected at most .*{WAY_OUT}"):
        size.check_size(file_of(content))
    (said,) = look(file_of(content), Schema([])).problems
    assert said.startswith("cases.xlsx ")


@pytest.mark.parametrize(
    ("sheet", "texts"),
    [
        ([FIRST], ()),
        # What people leave behind: a format far away, texts that many cells share.
        ([FIRST, b'<row r="1048576"><c r="XFD1048576" s="1"/></row>'], ()),
        ([SHARED * 10_000], ("yes", "a" * 30_000)),
        ([b"<cols>" + b'<col min="1" max="3"/>' * 3000 + b"</cols>", FIRST * 9000], ()),
        ([FIRST * 9000, b"<conditionalFormatting/>" * 3000], ()),
        ([WIDE_ROW] * 5000, ()),
    ],
)
def test_a_sheet_of_usual_size_is_read(sheet, texts):
    size.check_size(file_of(remade(sheet, texts)))


def test_a_workbook_unpacks_to_at_most_200_mb():
    content = remade([b" " * MB] * 201)
    assert len(content) < MB
    with pytest.raises(UserError, match=rf"unpacks to 201 MB; expected at most 200 MB\. {WAY_OUT}"):
        size.check_said(file_of(content))
    size.check_said(file_of(remade([b" " * MB] * 190)))


def test_a_workbook_that_lies_about_its_size_is_refused():
    content = bytearray(remade([b" " * MB] * 230))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = archive.getinfo("xl/worksheets/sheet1.xml")
    true_size = part.file_size.to_bytes(4, "little")
    assert content.count(true_size) >= 1
    lied = bytes(content).replace(true_size, (5000).to_bytes(4, "little"))
    size.check_said(file_of(lied))
    with pytest.raises(UserError, match="unpacks to more than it says, in xl"):
        size.check_size(file_of(lied))


def test_an_archive_of_very_many_parts_is_not_listed():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        for number in range(size.MOST_PARTS):
            archive.writestr(str(number), "")
    assert size.has_many_parts(file_of(packed.getvalue()))
    assert not size.has_many_parts(file_of(workbook([["a"], ["1"]])))
    (said,) = look(file_of(packed.getvalue()), Schema([])).problems
    assert "zip archive, but no workbook; expected a table of cases" in said


# --- .ods and .xlsb

CELL = '<table:table-cell office:value="1"{}><text:p>1</text:p></table:table-cell>'


def ods(*rows):
    packed = io.BytesIO()
    spaces = 'xmlns:office="o" xmlns:table="t" xmlns:text="x"'
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", '<manifest:manifest xmlns:manifest="m"/>')
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="a">{"".join(rows)}</table:table></office:spreadsheet>'
            "</office:body></office:document-content>",
        )
    return packed.getvalue()


def ods_row(cells, times=1):
    return f'<table:table-row table:number-rows-repeated="{times}">{cells}</table:table-row>'


def repeated(times):
    return CELL.format(f' table:number-columns-repeated="{times}"')


def blank(times):
    return f'<table:table-cell table:number-columns-repeated="{times}"/>'


LONG = CELL.replace("<text:p>1", "<text:p>" + "a" * 30_000).format("")


@pytest.mark.parametrize(
    "rows",
    [
        [ods_row(repeated(16_384), 1_048_576)],
        [ods_row(repeated(1), 2), ods_row(blank(16_383) + repeated(1), 600)],
        [ods_row(repeated(1)), ods_row(blank(5), 1_000_000), ods_row(repeated(9))],
        [ods_row(LONG, 10_000)],
        [ods_row(LONG.replace("cell ", 'cell table:number-columns-repeated="8000" ', 1))],
    ],
)
def test_an_ods_that_repeats_its_cells_is_refused(rows):
    content = ods(*rows)
    assert len(content) < MB
    with pytest.raises(UserError, match=rf"cases\.xlsx .*; expected at most .*{WAY_OUT}"):
        size.check_size(file_of(content))


def test_an_ods_as_programs_write_it_is_read():
    """With the rest of the sheet as one empty cell, in rows that are one empty row."""
    end = ods_row(blank(16_384), 1_048_000)
    content = ods(*[ods_row(repeated(3) + blank(16_381))] * 500, end)
    size.check_size(file_of(content))
    assert not look(file_of(content), Schema([])).problems


def record(kind, *numbers):
    body = b"".join(number.to_bytes(4, "little") for number in numbers)
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(body)]) + body


def text_record(text):
    letters = text.encode("utf-16-le")
    body = b"\0" + (len(letters) // 2).to_bytes(4, "little") + letters
    length = len(body)
    return bytes([0x13, length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14]) + body


def xlsb(*records, end=b"\x92\x01\x00", texts=(), before=b""):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.bin", b"")
        if texts:
            begin = b"\x9f\x01\x08" + len(texts).to_bytes(4, "little") * 2
            archive.writestr("xl/sharedStrings.bin", begin + b"".join(map(text_record, texts)))
        sheet = b"\x81\x01\x00" + before + b"\x91\x01\x00" + b"".join(records) + end
        archive.writestr("xl/worksheets/sheet1.bin", sheet)
    return packed.getvalue()


FULL = [record(0, 0, 0, 0), record(2, 0, 0, 7)]


@pytest.mark.parametrize("end", [b"\x92\x01\x00", b""])
@pytest.mark.parametrize(
    "records",
    [
        [*FULL, record(0, 1_048_575, 0), record(5, 16_383, 0, 0, 0)],
        [*FULL, record(0, 9_000, 0, 0, 0, 0), record(2, 999, 0)],
        [*FULL, record(151, *range(31)), record(0, 9_000), record(2, 999, 0)],
    ],
)
def test_an_xlsb_whose_cells_lie_far_apart_is_refused(records, end):
    with pytest.raises(UserError, match=r"columns, counting those that lie between; expected"):
        size.check_size(file_of(xlsb(*records, end=end)))


def test_an_xlsb_of_usual_size_is_read():
    rows = [record(0, row, 0) + record(2, 3, 0, row) for row in range(1, 50_000)]
    size.check_size(file_of(xlsb(*FULL, *rows)))
    far = [record(0, 40_000), record(2, 3, 0)]
    with pytest.raises(UserError, match="1,000,001 rows and 501 columns"):
        size.check_size(file_of(xlsb(*FULL, *rows, *far, record(0, 1_000_000), record(2, 500, 0))))


def xlsb_shown(*texts):
    """The records of a sheet whose rows have one cell each, which shows the text of this number."""
    return [record(0, row, 0) + record(7, 0, 0, text) for row, text in enumerate(texts)]


@given(
    st.lists(st.text(max_size=30) | st.just("Ω" * 900), min_size=1, max_size=6).flatmap(
        lambda texts: st.tuples(
            st.just(texts), st.lists(st.integers(0, len(texts) - 1), max_size=60)
        )
    ),
    st.integers(1, 300),
)
@settings(max_examples=40)
def test_the_measure_of_an_xlsb_is_what_its_cells_hold(drawn, cut):
    texts, shown = drawn
    texts = [text.encode("utf-16-le", "ignore").decode("utf-16-le") for text in texts]
    with zipfile.ZipFile(io.BytesIO(xlsb(*xlsb_shown(*shown), texts=texts))) as archive:
        parts = [archive.read(f"xl/{name}.bin") for name in ("sharedStrings", "worksheets/sheet1")]
    pieces = [[part[at : at + cut] for at in range(0, len(part), cut)] for part in parts]
    lengths = array("q", xlsb_texts(iter(pieces[0])))
    sizes = [len(text.encode("utf-16-le")) for text in texts]
    assert list(lengths) == sizes
    span = list(xlsb_spans(iter(pieces[1]), lengths))[-1]
    assert (span.rows, span.taken) == (len(shown), sum(sizes[text] for text in shown))


LONG_TEXT = "a" * 32_767


@pytest.mark.parametrize(
    ("records", "before"),
    [
        (xlsb_shown(*[1] * 7000), b""),
        # Rows in the longest form of their kind; a beginning of rows inside another record.
        ([b"\x80\x80\x04" + row[2:] for row in xlsb_shown(*[1] * 7000)], b""),
        (xlsb_shown(*[1] * 7000), b"\x93\x01\x07\x91\x01\xff\xff\xff\x7f\0"),
        # The cells that hold their text themselves, and say that it is longer.
        ([record(0, 0, 0), *[record(6, 0, 0, 2**31)] * 3], b""),
    ],
)
def test_an_xlsb_that_shows_a_text_many_times_is_refused(records, before):
    content = xlsb(*records, texts=["yes", LONG_TEXT], before=before)
    assert len(content) < MB
    with pytest.raises(UserError, match=rf"cases\.xlsx repeats its cells .* at most .*{WAY_OUT}"):
        size.check_size(file_of(content))
    size.check_size(file_of(xlsb(*xlsb_shown(*[0] * 7000), texts=["yes", LONG_TEXT])))
