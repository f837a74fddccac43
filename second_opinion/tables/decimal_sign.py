"""Whether numbers have a decimal point or a comma; where a file cannot tell, that is a question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pyarrow.compute as pc

from second_opinion.errors import UserError
from second_opinion.schema import Schema
from second_opinion.tables.csv_reader import read_csv
from second_opinion.tables.csv_top import SAMPLE
from second_opinion.tables.decoding import blocks
from second_opinion.tables.table_file import Decisions, Look, Offer, TableFile

# Beside these, a number may have a comma and stand in one cell.
WITH_COMMA = (";", "\t")
# A sign before exactly three digits may part thousands; nobody writes 0.125 for 125.
_GROUPS = r"[+-]?[1-9][0-9]{{0,2}}(\{sign}[0-9]{{3}})+(\{other}[0-9]+)?"
_GROUPED = {
    sign: re.compile(_GROUPS.format(sign=sign, other=other))
    for sign, other in ((".", ","), (",", "."))
}
_DECIMAL = {sign: re.compile(rf"[+-]?[0-9]+\{sign}[0-9]+([eE][+-]?[0-9]+)?") for sign in (".", ",")}
_SIGNED = r"^[ \t]*[+-]?[0-9]+[.,][0-9]"
_NAMES = {".": "point", ",": "comma"}


def with_decimal(
    look: Look,
    source: TableFile,
    schema: Schema,
    rows: Sequence[Sequence[str]],
    decisions: Decisions,
) -> Look:
    """The same look with the decimal sign of its numbers, or with the question which it is."""
    sign = decisions.decimal
    if sign and sign not in _NAMES:
        return look.refused("cannot be read with that decimal sign; choose a point or a comma.")
    if sign:
        return replace(look, decimal=sign + _other(sign))
    if look.delimiter not in WITH_COMMA:
        return look
    numeric = [name for name in look.columns if name in schema.names and schema[name].is_numeric]
    cells = _cells(look, rows, numeric) or _later_cells(source, look, numeric)
    return _decided(look, cells)


def _decided(look: Look, cells: list[str]) -> Look:
    groups = {s: [c for c in cells if _GROUPED[s].fullmatch(c)] for s in _NAMES}
    decimals = {
        s: [c for c in cells if _DECIMAL[s].fullmatch(c) and c not in groups[s]] for s in _NAMES
    }
    point, comma = len(decimals["."]), len(decimals[","])
    if groups["."] and not point:
        return _asked(look, ".", groups["."], sure=bool(comma))
    if groups[","] and not comma and not point:
        return _asked(look, ",", groups[","])
    return replace(look, decimal="," if comma > point else ".")


def _asked(look: Look, sign: str, cells: list[str], *, sure: bool = False) -> Look:
    """The question what a sign before three digits is; ``sure`` if it cannot be the decimal one."""
    example = next((cell for cell in cells if _other(sign) not in cell), cells[0])
    name, whole = _NAMES[sign], example.replace(sign, "").replace(_other(sign), ".")
    offers = [Offer("decimal", _other(sign), f"The {name} parts thousands: {example} is {whole}")]
    if not sure and example.count(sign) == 1 and _other(sign) not in example:
        value = float(example.replace(sign, "."))
        offers.append(Offer("decimal", sign, f"It is the decimal {name}: {example} is {value:g}"))
    return look.refused(
        f"has numbers like {example}, where each {name} stands before three digits; expected to "
        "know what it means. Say which.",
        *offers,
    )


def _other(sign: str) -> str:
    return "," if sign == "." else "."


def _cells(look: Look, rows: Sequence[Sequence[str]], numeric: list[str]) -> list[str]:
    """The numbers with a sign in them among some rows."""
    places = [look.file_columns.index(name) for name in numeric]
    cells = (row[at].strip() for row in rows if len(row) == look.width for at in places)
    return [cell for cell in cells if re.match(_SIGNED, cell)]


def _later_cells(source: TableFile, look: Look, numeric: list[str]) -> list[str]:
    """The first such numbers further down; most files without any are told from their bytes."""
    if look.problems or not _has_signs(source, look):
        return []
    try:
        return next(_signed_cells(source, look, numeric), [])
    except UserError:
        # Whoever reads the file will be told.
        return []


def _has_signs(source: TableFile, look: Look) -> bool:
    texts: Iterable[bytes] = (text for text, _, _ in blocks(source, look.encoding))
    return any(re.search(rb"[0-9][.,][0-9]", text) for text in texts)


def _signed_cells(source: TableFile, look: Look, numeric: list[str]) -> Iterator[list[str]]:
    limits = replace(look.limits, max_bytes=None, max_cell=None)
    for chunk in read_csv(source, look, Schema([]), limits):
        cells: list[str] = []
        for name in numeric:
            column = chunk.text[name]
            signed = column.filter(pc.match_substring_regex(column, _SIGNED))
            cells += [cell.strip() for cell in signed.slice(0, SAMPLE).to_pylist()]
        if cells:
            yield cells
