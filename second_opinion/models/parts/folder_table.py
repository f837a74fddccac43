"""A table in somebody's folder, looked at by the reader of files: its names and first cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc

from second_opinion import tables
from second_opinion.errors import UserError
from second_opinion.models.describe.training_table import LIKE_DATA, numbers_in
from second_opinion.models.parts.part import Part
from second_opinion.schema import Feature, Schema
from second_opinion.tables.names_line import fit

ROWS_READ = 2000


def table_part(path: Path, names: Iterable[str]) -> Part:
    """What a table is; ``names`` are those of the model's inputs, as far as the folder has them.

    They tell the line of the names from titles above it, and a header from a row of data.
    """
    names = [name for name in dict.fromkeys(names) if name]
    schema = Schema(Feature(name=name, kind="text", missing=True) for name in names)
    part = Part(path, "table", path.suffix[1:].casefold())
    try:
        source = tables.TableFile.of_path(path)
        look = tables.look(source, schema)
        encoding = next((o.value for o in look.offers if o.kind == "encoding"), "")
        if encoding:
            look = tables.look(source, schema, tables.Decisions(encoding=str(encoding)))
    except UserError as error:
        return replace(part, note=f" that cannot be read ({error})")
    if not look.columns:
        return part
    # What the model's columns lack is said once the table is chosen.
    look = replace(look, problems=())
    if not any(fit(look.columns, names)) and _is_data(look.columns):
        return replace(part, note=" without a header, its first line is data")
    look = _with_decimal(source, look)
    return replace(part, kind=look.format, names=look.columns, look=look)


def _with_decimal(source: tables.TableFile, look: tables.Look) -> tables.Look:
    """The look with the decimal sign, which columns of numbers alone tell."""
    if look.format != "csv" or look.delimiter == ",":
        return look
    columns = zip(look.columns, zip(*look.first_rows, strict=True), strict=False)
    numeric = [n for n, some in columns if n and numbers_in([c or "" for c in some]) == len(some)]
    schema = Schema(Feature(name=name, kind="number", missing=True) for name in numeric)
    read_so = tables.Decisions(look.encoding, look.delimiter, line=look.first_line)
    return replace(look, decimal=tables.look(source, schema, read_so).decimal)


def _is_data(cells: Sequence[str]) -> bool:
    return numbers_in(cells) >= LIKE_DATA * len(cells)


def cells(table: Part, names: Sequence[str], rows: int | None = ROWS_READ) -> dict[str, set[str]]:
    """The distinct cells in the first rows (None: in all) of some columns of a table."""
    distinct: dict[str, set[str]] = {name: set() for name in names}
    if table.look is None:
        return distinct
    source, count = tables.TableFile.of_path(table.path), 0
    for chunk in tables.read(source, table.look, Schema([]), tables.NO_LIMITS):
        text = chunk.text if rows is None else chunk.text.slice(0, rows - count)
        for name in {*names} & {*text.column_names}:
            some = pc.unique(pc.utf8_trim_whitespace(text[name])).to_pylist()
            distinct[name] |= {cell for cell in some if cell}
        count += text.num_rows
        if count == rows:
            break
    return distinct
