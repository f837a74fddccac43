"""What a file is, and whether its columns are those that the model takes, from its beginning."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace

from second_opinion.formatting import quoted
from second_opinion.records.dialect import Dialect
from second_opinion.schema import Schema
from second_opinion.tables.column_names import with_columns
from second_opinion.tables.csv_top import DELIMITERS, TextTop, find_top
from second_opinion.tables.decimal_sign import with_decimal
from second_opinion.tables.decoding import beginning, byte_order_mark
from second_opinion.tables.excel_reader import look_at_workbook
from second_opinion.tables.excel_sheets import workbook_format
from second_opinion.tables.json_reader import is_json, look_at_json
from second_opinion.tables.likely_encodings import likely_encodings
from second_opinion.tables.names_line import placed
from second_opinion.tables.parquet_reader import look_at_parquet
from second_opinion.tables.table_file import (
    NO_LIMITS,
    Decisions,
    Limits,
    Look,
    Offer,
    TableFile,
)

# Python also calls some things encodings that are none of tables, such as rot13 and idna.
ENCODINGS = re.compile(
    r"utf-8|utf-16-[lb]e|cp[0-9]+|iso8859-[0-9]+|(mac|koi8)-\w+|gb\w+|big5|shift_jis|euc_\w+"
)
# Text with more NUL than this is no text with a stray NUL but another encoding, or no text at all.
MUCH = 0.05


def look(
    source: TableFile,
    schema: Schema,
    decisions: Decisions | None = None,
    limits: Limits = NO_LIMITS,
) -> Look:
    """What is understood of a file before its rows are read.

    Never raises for what is in the file: ``problems`` say it, and `Offer`s name what may be decided
    about it. A schema without features takes any columns.
    """
    decisions = decisions or Decisions()
    with source.open() as stream:
        head = stream.read(4096)
    first_look = Look(source.name, limits=limits)
    if not head.strip() and source.size <= len(head):
        return first_look.refused("is empty; expected a header and rows. Choose another file.")
    workbook = workbook_format(source, head)
    if workbook:
        return look_at_workbook(source, replace(first_look, format=workbook), schema, decisions)
    if head.startswith(b"PAR1"):
        return look_at_parquet(source, first_look, schema, decisions)
    if is_json(head):
        return look_at_json(source, first_look, schema, decisions)
    kind = foreign_format(head)
    if kind in _ARCHIVES.values():
        return first_look.refused(
            f"is {kind}; expected a table of cases. Unpack it, and choose the table in it; a CSV "
            "or JSON file may be packed with gzip."
        )
    if kind:
        return first_look.refused(
            f"is {kind}; expected a table of cases. Save it as CSV, Excel (.xlsx), JSON or "
            "Parquet.",
        )
    return _look_at_text(source, schema, first_look, decisions)


def _look_at_text(source: TableFile, schema: Schema, look: Look, decisions: Decisions) -> Look:
    with source.open() as stream:
        raw = stream.read(2**20)
    look = replace(look, encoding=_encoding(raw, decisions.encoding))
    if not look.encoding:
        return look.refused(
            f"cannot be read as {quoted(decisions.encoding)}; no such encoding is known."
        )
    refused = _undecodable(raw, look)
    if refused is not None:
        return refused
    text, complete = beginning(source, look.encoding)
    if not text.strip():
        return look.refused("has no rows; expected a header and rows. Choose another file.")
    delimiter = decisions.delimiter
    if delimiter and delimiter not in DELIMITERS:
        return look.refused(f"cannot be split at {quoted(delimiter)}; choose , ; | or a tab.")
    top = find_top(
        text, schema.file_names, complete=complete, delimiter=delimiter, line=decisions.line
    )
    fault = _top_fault(top)
    if top is None or fault:
        return look.refused(fault)
    dialect = _dialect(raw, text[: top.offset], top.text)
    look = replace(look, delimiter=top.delimiter, header=top.text, dialect=dialect)
    look = with_columns(placed(look, top, decisions), top.cells, top.rows, schema, decisions)
    if look.problems:
        look = replace(look, offers=(*look.offers, *_other_delimiters(top)))
    if complete and not top.rows and not look.problems:
        return look.refused("has a header and no rows; expected cases below it. Add them.")
    look = with_decimal(look, source, schema, top.rows, decisions)
    if top.delimiter == "," or (delimiter and not look.problems):
        return look
    return replace(look, notes=(_reading(look), *look.notes))


def _reading(look: Look) -> str:
    """How the cells were parted, in words."""
    parted = f"Read with {DELIMITERS[look.delimiter]}"
    return (
        f"{parted} and decimal commas."
        if look.decimal[0] == ","
        else f"{parted} between the cells."
    )


def _other_delimiters(top: TextTop) -> list[Offer]:
    """What else may part the cells of a file whose columns do not fit."""
    marks = [m for m in DELIMITERS if m != top.delimiter and (m == "," or m.encode() in top.text)]
    return [Offer("delimiter", mark, f"Not right? Read with {DELIMITERS[mark]}") for mark in marks]


def _dialect(raw: bytes, above: bytes, header: bytes) -> Dialect:
    """How a text is written beside its encoding and delimiter."""
    end = re.search(rb"\r\n|\r|\n", header[-2:])
    return Dialect(
        byte_order_mark=bool(byte_order_mark(raw)[0]),
        line_end=end[0].decode() if end else "\n",
        # Text that the database could not hold is no title that anybody misses.
        above="" if b"\x00" in above else above.decode("utf-8", "ignore"),
    )


def _top_fault(top: TextTop | None) -> str:
    """What is wrong with the line of the names, and what to do."""
    names = "expected the names of the columns"
    if top is None:
        return f"has a first line without an end; {names}. Correct that line."
    if top.delimiter not in DELIMITERS:
        return f"says that {quoted(top.delimiter)} parts its cells; expected , ; | or a tab."
    if top.fault == "nul":
        return f"has a NUL character in line {top.line}; {names} without it. Take it out."
    if top.fault:
        return (
            f"has broken quotation marks in line {top.line}; {names}, each mark doubled and its "
            "cell between quotation marks. Correct that line."
        )
    return ""


def _encoding(raw: bytes, choice: str) -> str:
    """The encoding to read with: the mark at the beginning, else the choice, else UTF-8."""
    mark, marked = byte_order_mark(raw)
    if mark:
        return marked
    if not choice:
        return "utf-8"
    try:
        name = codecs.lookup(choice).name
    except LookupError:
        return ""
    name = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(name, name)
    return name if ENCODINGS.fullmatch(name) else ""


def _undecodable(raw: bytes, look: Look) -> Look | None:
    """The refusal of text that is not in its encoding, with what may be chosen instead."""
    if look.encoding.startswith("utf-16"):
        return None
    if raw.count(0) > MUCH * len(raw):
        return look.refused(
            "holds NUL bytes, as UTF-16 text and programs do; expected text in UTF-8. Save it as "
            "CSV in UTF-8, or read it as UTF-16.",
            Offer("encoding", _likely_utf16(raw), "Read it as UTF-16"),
        )
    if look.encoding != "utf-8":
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw, False)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", raw[: error.start])) + 1
        return look.refused(
            f"is not text in UTF-8 (line {line}); expected UTF-8. Save it as CSV in UTF-8, or "
            "choose the encoding in which its cells read as they should.",
            *likely_encodings(raw),
        )
    return None


def _likely_utf16(raw: bytes) -> str:
    return "utf-16-le" if raw[1::2].count(0) >= raw[0::2].count(0) else "utf-16-be"


BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The mark at the beginning, what the file is then, and what to do with it.
_ARCHIVES = {
    b"PK\x03": "a zip archive, but no workbook",
    b"PK\x05": "an empty zip archive",
    b"BZh91AY": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"7z\xbc\xaf": "a 7z archive",
}
_FOREIGN = (
    *_ARCHIVES.items(),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet table"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x80", "a pickle"),
    (b"<", "a web page or XML"),
    (b"{", "JSON"),
    (b"version https://git-lfs", "a pointer of Git LFS (run `git lfs pull`)"),
)


def foreign_format(head: bytes) -> str:
    """What a file that begins like this is, if it is no CSV: ``a PDF document``; else ``""``."""
    start = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    return next((meaning for mark, meaning in _FOREIGN if start.startswith(mark)), "")
