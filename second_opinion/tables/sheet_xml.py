"""What the XML of an .xlsx sheet tells of its cells beyond their values: errors, formulas of which
no result is stored, and numbers that are shown with zeros before them.

The library that reads the values gives an empty cell for the first two, and 7 for 007. A sheet is
read as a stream, and only if its bytes hold anything of these.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import IO, Any, BinaryIO, Literal, NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

PIECE = 2**18
# Bytes of the end of a piece that are looked at again with the next.
OVERLAP = 16
_ERROR_OR_FORMULA = re.compile(rb"""\bt\s*=\s*["']e["']|<(\w+:)?f[\s>/]""")


class CellMark(NamedTuple):
    """What is known of one cell: the ``error`` that stands there, a ``formula`` without a result,
    or the ``shown`` text of a number."""

    kind: Literal["error", "formula", "shown"]
    text: str


class RowMarks(NamedTuple):
    """The marked cells of one row by their places, from 0; ``line`` counts from 1."""

    line: int
    marks: dict[int, CellMark]


@dataclass(frozen=True)
class _ZeroFormat:
    """A number format such as 000: so many digits, between texts."""

    before: str
    digits: int
    after: str

    def shown(self, number: str) -> str | None:
        try:
            value = float(number)
        except ValueError:
            return None
        if not value.is_integer() or abs(value) >= 1e15:
            return None
        digits = str(abs(int(value))).zfill(self.digits)
        return f"{'-' * (value < 0)}{self.before}{digits}{self.after}"


def row_marks(stream: BinaryIO, sheet: str) -> Iterator[RowMarks]:
    """The rows of a sheet in which a cell is marked, in their order.

    ``zipfile.BadZipFile``, ``KeyError`` or ``ValueError`` for a workbook that is none.
    """
    with zipfile.ZipFile(stream) as archive:
        try:
            book = _xml(archive, "xl/workbook.xml")
            part = _part_of(archive, book, sheet)
            formats = _zero_formats(archive)
            if formats or _has_marks(archive, part):
                yield from _marks(archive, part, formats, stale=_is_stale(book))
        except expat.ExpatError as error:
            raise ValueError(str(error)) from error


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].rpartition(":")[2]


def _xml(archive: zipfile.ZipFile, part: str) -> ElementTree.Element:
    with archive.open(part) as stream:
        builder = ElementTree.TreeBuilder()
        parser = _parser()
        parser.StartElementHandler = builder.start
        parser.EndElementHandler = builder.end
        parser.ParseFile(stream)
        return builder.close()


def _parser() -> expat.XMLParserType:
    def refuse(name: str, *about: Any) -> None:
        raise ValueError(f"it declares a document type {name}")

    parser = expat.ParserCreate(namespace_separator="}")
    # Entities, which a document type may declare, could unpack to any size.
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _all(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if _local(element.tag) == name]


def _part_of(archive: zipfile.ZipFile, book: ElementTree.Element, sheet: str) -> str:
    ids = {
        element.get("name"): next((v for k, v in element.items() if _local(k) == "id"), "")
        for element in _all(book, "sheet")
    }
    parts = {
        element.get("Id"): element.get("Target", "")
        for element in _all(_xml(archive, "xl/_rels/workbook.xml.rels"), "Relationship")
    }
    return normpath(join("/xl", parts[ids[sheet]])).lstrip("/")


def _is_stale(book: ElementTree.Element) -> bool:
    """Whether no spreadsheet has computed the formulas since a program wrote the file."""
    return any(el.get("fullCalcOnLoad") in ("1", "true") for el in _all(book, "calcPr"))


def _zero_formats(archive: zipfile.ZipFile) -> dict[str, _ZeroFormat]:
    """The styles, by their number, that show zeros before a number."""
    if "xl/styles.xml" not in archive.namelist():
        return {}
    styles = _xml(archive, "xl/styles.xml")
    codes = {el.get("numFmtId"): el.get("formatCode", "") for el in _all(styles, "numFmt")}
    formats = {}
    for cell_formats in _all(styles, "cellXfs"):
        for at, style in enumerate(cell_formats):
            zero_format = _zero_format(codes.get(style.get("numFmtId"), ""))
            if zero_format is not None:
                formats[str(at)] = zero_format
    return formats


def _zero_format(code: str) -> _ZeroFormat | None:
    code = re.sub(r"\[[^\]]*\]|[_*].", "", code.partition(";")[0])
    literal = r'((?:"[^"]*"|\\.|[ \-])*)'
    match = re.fullmatch(rf"{literal}(0{{2,}}){literal}", code)
    if match is None:
        return None
    before, after = (re.sub(r'"([^"]*)"|\\(.)', r"\1\2", part) for part in (match[1], match[3]))
    return _ZeroFormat(before, len(match[2]), after)


def _has_marks(archive: zipfile.ZipFile, part: str) -> bool:
    with archive.open(part) as stream:
        end = b""
        while piece := stream.read(PIECE):
            if _ERROR_OR_FORMULA.search(end + piece):
                return True
            end = piece[-OVERLAP:]
    return False


def _marks(
    archive: zipfile.ZipFile, part: str, formats: dict[str, _ZeroFormat], *, stale: bool
) -> Iterator[RowMarks]:
    reading = _SheetReading(formats, stale)
    with archive.open(part) as stream:
        yield from reading.rows(stream)


@dataclass
class _SheetReading:
    """Where the parser is in a sheet, and what it has found since it was last asked."""

    formats: dict[str, _ZeroFormat]
    stale: bool
    line: int = 0
    column: int = -1
    cell: dict[str, str] = field(default_factory=dict)
    value: list[str] | None = None
    text: str = ""
    has_formula: bool = False
    has_value: bool = False
    marks: dict[int, CellMark] = field(default_factory=dict)
    found: list[RowMarks] = field(default_factory=list)

    def rows(self, stream: IO[bytes]) -> Iterator[RowMarks]:
        parser = _parser()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._letters
        final = False
        while not final:
            piece = stream.read(PIECE)
            final = not piece
            parser.Parse(piece, final)
            yield from self.found
            self.found.clear()

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _local(tag)
        if name == "c":
            self.cell, self.text = attributes, ""
            self.has_formula = self.has_value = False
            self.column = _column(attributes.get("r", "")) if "r" in attributes else self.column + 1
        elif name == "row":
            self.line = int(attributes.get("r", self.line + 1))
            self.column = -1
        elif name == "f":
            self.has_formula = True
        elif name == "v":
            self.has_value, self.value = True, []

    def _letters(self, text: str) -> None:
        if self.value is not None:
            self.value.append(text)

    def _end(self, tag: str) -> None:
        name = _local(tag)
        if name == "v":
            self.text, self.value = "".join(self.value or []), None
        elif name == "c":
            mark = self._mark()
            if mark is not None:
                self.marks[self.column] = mark
        elif name == "row" and self.marks:
            self.found.append(RowMarks(self.line, self.marks))
            self.marks = {}

    def _mark(self) -> CellMark | None:
        kind = self.cell.get("t", "n")
        if kind == "e":
            return CellMark("error", self.text or "#ERROR")
        # An empty text that a formula gave is a result.
        no_result = not self.text and not (kind == "str" and self.has_value)
        # What some programs put in the place of a result that they do not compute.
        if self.has_formula and (no_result or (self.stale and kind == "n" and self.text == "0")):
            return CellMark("formula", "")
        zero_format = self.formats.get(self.cell.get("s", "")) if kind == "n" else None
        shown = zero_format.shown(self.text) if zero_format else None
        return None if shown is None else CellMark("shown", shown)


def _column(reference: str) -> int:
    """The place of a column from 0: 27 for AB12."""
    place = 0
    for letter in reference.upper():
        if not "A" <= letter <= "Z":
            break
        place = place * 26 + ord(letter) - 64
    return place - 1
