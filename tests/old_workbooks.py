"""Workbooks of the format before 2007, and what of them may be damaged."""

import io
from struct import pack

import xlwt

from second_opinion.tables.table_file import TableFile
from second_opinion.tables.xls_container import packed_alone, xls_stream

# The kinds of records that the tests change.
END, FORMULA, SHEET, SHARED, LABEL, EXTENT, NUMBER = 0x0A, 0x06, 0x85, 0xFC, 0x204, 0x200, 0x203


def old_workbook(*sheets):
    """An .xls with these sheets, rows of cells each: what xlwt takes, or pieces of rich text."""
    book = xlwt.Workbook()
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for number, rows in enumerate(sheets):
        sheet = book.add_sheet(f"sheet {number}")
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, tuple):
                    sheet.write_rich_text(at, column, cell)
                elif hasattr(cell, "year"):
                    sheet.write(at, column, cell, day)
                else:
                    sheet.write(at, column, cell)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def stream_of(content):
    return xls_stream(TableFile.of_bytes("cases.xls", content))


def record(kind, content=b""):
    return pack("<HH", kind, len(content)) + content


def records_of(stream):
    """The kinds and contents of all records."""
    at, records = 0, []
    while at + 4 <= len(stream):
        kind, length = (int.from_bytes(stream[at + n : at + n + 2], "little") for n in (0, 2))
        records.append((kind, stream[at + 4 : at + 4 + length]))
        at += 4 + length
    return records


def changed(content, change):
    """The workbook with other records: ``change`` takes the kind and content of each."""
    stream = b"".join(
        change(kind, inner) or record(kind, inner) for kind, inner in records_of(stream_of(content))
    )
    return packed_alone(stream)


def of_cells(*cells, texts=b""):
    """An .xls of one sheet with these records, and the content of the list of its texts."""
    begin = pack("<HHIII", 0x600, 5, 0, 0, 0)
    name = pack("<IBBBB", 0, 0, 0, 1, 0) + b"a"
    globals_ = record(0x809, begin) + (record(SHARED, texts) if texts else b"")
    place = len(globals_) + 4 + len(name) + 4
    name = pack("<I", place) + name[4:]
    sheet = record(0x809, begin) + b"".join(cells) + record(END)
    return packed_alone(globals_ + record(SHEET, name) + record(END) + sheet)


def number(row, column):
    return record(NUMBER, pack("<HHHd", row, column, 0, 1.0))


def label(row, column, letters, *, said=None):
    said = len(letters) if said is None else said
    return record(LABEL, pack("<HHHHB", row, column, 0, said, 0) + letters)
