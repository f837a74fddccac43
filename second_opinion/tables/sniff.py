"""What a file is, and whether its columns are those that the model takes, from its beginning."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from second_opinion.formatting import closest, joined, quoted
from second_opinion.schema import Schema
from second_opinion.tables.csv_rows import BLANK, scan
from second_opinion.tables.decoding import beginning, byte_order_mark, row_cells
from second_opinion.tables.excel_reader import is_workbook, look_at_workbook
from second_opinion.tables.json_reader import is_json, look_at_json
from second_opinion.tables.pandas_names import named_for
from second_opinion.tables.parquet_reader import look_at_parquet
from second_opinion.tables.personal import personal_columns
from second_opinion.tables.table_file import Look, Offer, TableFile

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# Bytes of which the header and some rows are expected.
BEGINNING = 2**17
# Rows that are looked at to tell the decimal sign, and names of people from other texts.
SAMPLE = 500
# Python also calls some things encodings that are none of tables, such as rot13 and idna.
ENCODINGS = re.compile(
    r"utf-8|utf-16-[lb]e|cp[0-9]+|iso8859-[0-9]+|(mac|koi8)-\w+|gb\w+|big5|shift_jis|euc_\w+"
)
# Text with more NUL than this is no text with a stray NUL but another encoding, or no text at all.
MUCH = 0.05


@dataclass(frozen=True)
class _Header:
    """The first row of a text and some rows below it."""

    columns: tuple[str, ...]
    text: bytes
    line: int
    rows: list[list[str]]
    is_broken: bool = False


def look(source: TableFile, schema: Schema, *, encoding: str = "", delimiter: str = "") -> Look:
    """What is understood of a file before its rows are read.

    Never raises for what is in the file: ``problems`` say it. ``encoding`` and ``delimiter`` are
    choices of the person; `Offer`s name them.
    """
    with source.open() as stream:
        head = stream.read(4096)
    first_look = Look(source.name)
    if not head.strip() and source.size <= len(head):
        return _refused(first_look, "is empty; expected a header and rows. Choose another file.")
    if head.startswith(b"PK") and is_workbook(source):
        return _matched(schema, *look_at_workbook(source, first_look))
    if head.startswith(b"PAR1"):
        return _matched(schema, *look_at_parquet(source, first_look))
    if is_json(head):
        return _matched(schema, *look_at_json(source, first_look))
    kind = foreign_format(head)
    if kind:
        return _refused(
            first_look,
            f"is {kind}; expected a table of cases. Save it as CSV, Excel (.xlsx), JSON or "
            "Parquet.",
        )
    return _look_at_text(source, schema, replace(first_look, format="csv"), encoding, delimiter)


def _matched(schema: Schema, look: Look, rows: Sequence[Sequence[str | None]]) -> Look:
    return look if look.problems else with_columns(look, schema, rows)


def _refused(look: Look, problem: str, *offers: Offer) -> Look:
    problems = (*look.problems, f"{look.name} {problem}")
    return replace(look, problems=problems, offers=(*look.offers, *offers))


def _look_at_text(
    source: TableFile, schema: Schema, look: Look, encoding: str, delimiter: str
) -> Look:
    with source.open() as stream:
        raw = stream.read(2**20)
    look = replace(look, encoding=_encoding(raw, encoding))
    if not look.encoding:
        return _refused(look, f"cannot be read as {quoted(encoding)}; no such encoding is known.")
    refused = _undecodable(raw, look)
    if refused is not None:
        return refused
    text, complete = beginning(source, look.encoding)
    if not text.strip():
        return _refused(look, "has no rows; expected a header and rows. Choose another file.")
    if delimiter and delimiter not in DELIMITERS:
        return _refused(look, f"cannot be split at {quoted(delimiter)}; choose , ; | or a tab.")
    look = replace(look, delimiter=delimiter or ",")
    header = _header(text, look.delimiter, complete)
    better = _better_delimiter(header, schema) if header and not delimiter else ""
    if header is None or (header.is_broken and not better):
        return _refused(
            look,
            "has a first row with broken quotation marks or without an end; expected the names "
            "of the columns. Correct that row.",
        )
    look = replace(look, columns=header.columns, header=header.text, first_line=header.line)
    if better:
        return _other_delimiter(look, better)
    look = with_columns(look, schema, header.rows)
    if complete and not header.rows and not look.problems:
        return _refused(look, "has a header and no rows; expected cases below it. Add them.")
    return replace(look, decimal=_decimal(look, schema, header.rows))


def with_columns(look: Look, schema: Schema, rows: Sequence[Sequence[str | None]]) -> Look:
    """The same look with its columns matched to the schema by their exact names."""
    feature_names = set(schema.names)
    look = replace(look, columns=named_for(look.columns, feature_names))
    unused = tuple(name for name in look.columns if name not in feature_names)
    absent = [name for name in schema.names if name not in look.columns]
    missing = tuple((name, closest(name, unused)) for name in absent)
    problems = [*_names_wrong(look), *_missing_said(look.name, missing, schema)]
    return replace(
        look,
        missing=missing,
        unused=unused,
        personal=personal_columns(look.columns, feature_names, rows),
        problems=(*look.problems, *problems),
    )


def _names_wrong(look: Look) -> Iterable[str]:
    counts = Counter(look.columns)
    twice = [quoted(name) for name, count in counts.items() if count > 1 and name]
    if twice:
        yield (
            f"{look.name} has more than one column {joined(twice)}; expected each name once. "
            "Rename or remove one."
        )
    if counts[""] > 1:
        places = [str(at + 1) for at, name in enumerate(look.columns) if not name]
        yield (
            f"{look.name} has no name for the columns {joined(places)}; expected at most one "
            "without. Name them, or remove them."
        )


def _missing_said(
    file: str, missing: Sequence[tuple[str, str | None]], schema: Schema
) -> Iterable[str]:
    for name, near in missing:
        if near is not None:
            yield (
                f"{quoted(name)} is missing; {file} has {quoted(near)}. Rename that column to "
                f"{quoted(name)} exactly."
            )
    alone = [quoted(name) for name, near in missing if near is None and not schema[name].optional]
    if alone:
        verb = "is" if len(alone) == 1 else "are"
        yield f"{joined(alone)} {verb} missing in {file}; expected a column of that name. Add it."


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
        return _refused(
            look,
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
        return _refused(
            look,
            f"is not text in UTF-8 (line {line}); expected UTF-8. Save it as CSV in UTF-8, or "
            "read it as Windows-1252 if it comes from an older Excel.",
            Offer("encoding", "cp1252", "Read it as Windows-1252"),
        )
    return None


def _likely_utf16(raw: bytes) -> str:
    return "utf-16-le" if raw[1::2].count(0) >= raw[0::2].count(0) else "utf-16-be"


def _header(text: bytes, delimiter: str, complete: bool) -> _Header | None:
    """The first row of a text as names, or None where it does not end."""
    # Some rows at the beginning will do, unless they are blank or one of them is very long.
    if len(text) > BEGINNING:
        header = _header(text[:BEGINNING], delimiter, False)
        if header is not None and header.rows:
            return header
    if complete and not text.endswith(b"\n"):
        text += b"\n"
    records = scan(text, delimiter, final=complete)
    rows = [row for row in range(len(records.cells)) if records.cells[row] != BLANK][: SAMPLE + 1]
    if not rows:
        return None
    cells = [row_cells(text[records.starts[row] : records.ends[row]], delimiter) for row in rows]
    first = rows[0]
    return _Header(
        tuple(cells[0]),
        text[records.starts[first] : records.ends[first]],
        int(records.lines[first]) + 1,
        cells[1:],
        is_broken=len(cells[0]) != records.cells[first] or b"\x00" in text[: records.ends[first]],
    )


def _better_delimiter(header: _Header, schema: Schema) -> str:
    """The delimiter that makes the header fit where commas do not, or an empty text."""
    feature_names = set(schema.names)
    fits = {",": 0 if header.is_broken else len(feature_names & set(header.columns))}
    if fits[","] == len(feature_names):
        return ""
    for mark in list(DELIMITERS)[1:]:
        other = _header(header.text, mark, True)
        usable = other is not None and not other.is_broken
        fits[mark] = len(feature_names & set(other.columns)) if other and usable else 0
    best = max(fits, key=lambda mark: fits[mark])
    return best if fits[best] > fits[","] else ""


def _other_delimiter(look: Look, better: str) -> Look:
    words = DELIMITERS[better]
    return _refused(
        look,
        f"has {words} between its cells; expected commas. Read it with {words}, or save it with "
        "commas.",
        Offer("delimiter", better, f"Read it with {words}"),
    )


def _decimal(look: Look, schema: Schema, rows: Sequence[Sequence[str]]) -> str:
    """A decimal comma, where cells cannot be parted by commas and numbers have one."""
    if look.delimiter not in (";", "\t"):
        return "."
    numeric = {at for at, name in enumerate(look.columns) if _is_numeric(name, schema)}
    cells = [row[at].strip() for row in rows if len(row) == len(look.columns) for at in numeric]
    comma = sum(bool(re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?", cell)) for cell in cells)
    point = sum(bool(re.fullmatch(r"[+-]?\d+\.\d+([eE][+-]?\d+)?", cell)) for cell in cells)
    return "," if comma > point else "."


def _is_numeric(name: str, schema: Schema) -> bool:
    return name in schema.names and schema[name].is_numeric


BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The mark at the beginning, what the file is then, and what to do with it.
_FOREIGN = (
    (b"PK", "an Excel workbook or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"PAR1", "a Parquet table"),
    (b"\x1f\x8b", "a gzip archive"),
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
