"""The table that somebody brings with a model: its cells as the product's own reader has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from second_opinion import tables
from second_opinion.errors import UserError
from second_opinion.formatting import closest, joined, plural, quoted
from second_opinion.models.describe.training_column import DECIMAL_COMMA, NUMBER
from second_opinion.schema import Feature, Schema
from second_opinion.tables.column_names import alike_names, read_as, written_otherwise
from second_opinion.tables.csv_top import DELIMITERS
from second_opinion.tables.decoding import byte_order_mark
from second_opinion.tables.pandas_names import pandas_names
from second_opinion.tables.split_rows import csv_lines

# A row of which so many cells are numbers, or stand below it again, has no names of columns.
LIKE_DATA = 0.3
SAMPLE = 500
SHOWN = 5


@dataclass(frozen=True)
class Layout:
    """What a person says of a table that its file cannot.

    ``names`` are those of the columns of a file without a header. ``text`` and ``dates`` name
    columns whose cells are that; ``missing`` are words that stand for a missing value. With
    ``alike_ok``, names that differ from the model's in case, blanks or marks alone are its.
    """

    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""
    sheet: str = ""
    names: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    alike_ok: bool = False


@dataclass(frozen=True)
class TrainingTable:
    """A table of training data as text, before anybody knows which types the training had.

    ``text`` has every column, null for an empty cell, and ``lines`` the line of each row.
    ``has_names`` is False where the first row is data: then the names are ``column 1`` and so on,
    and the target is not among them. ``kinds`` says ``text`` or ``date`` of columns of which a
    person or the file does. ``notes`` are sentences on how the file was read.
    """

    path: Path
    target: str
    layout: Layout
    source: tables.TableFile
    look: tables.Look
    text: pa.Table
    lines: np.ndarray
    has_names: bool = True
    kinds: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path, target: str, layout: Layout) -> TrainingTable:
        """The table at a path; `UserError` when it cannot be read, or lacks the target."""
        table = cls._read(path, target, layout)
        if target in table.text.column_names:
            return table
        if len(table.look.columns) == 1 and (mark := _mark_in(table.look.columns[0])):
            return cls.read(path, target, replace(layout, delimiter=mark))
        if layout.names or not _is_headless(table, target):
            raise UserError(_no_column(path, target, table.text.column_names))
        places = tuple(f"column {at + 1}" for at in range(table.text.num_columns))
        headless = cls._read(path, target, replace(layout, names=places))
        return replace(headless, layout=layout, has_names=False)

    @classmethod
    def _read(cls, path: Path, target: str, layout: Layout) -> TrainingTable:
        source = _opened(path)
        if layout.names:
            source = _with_header(source, layout)
        look, notes = _look(source, target, layout)
        text, lines = _cells(source, look)
        look = _with_decimal(source, look, text, layout)
        if layout.names:
            lines = lines - 1
        kinds = _kinds(source, look, layout)
        return cls(path, target, layout, source, look, text, lines, kinds=kinds, notes=notes)

    @property
    def decisions(self) -> tables.Decisions:
        """How the file is to be read once more, as it was read."""
        look = self.look
        layout = replace(self.layout, encoding=look.encoding, delimiter=look.delimiter)
        return _decisions(replace(layout, sheet=look.sheet), look.first_line)

    @property
    def first_row(self) -> list[str]:
        """The cells of the first row, empty ones as an empty text."""
        return [column[0].as_py() or "" for column in self.text.columns]

    def matched(self, wanted: Sequence[str]) -> TrainingTable:
        """The same with the model's names for columns that differ in case, blanks or marks alone.

        `UserError` where there are such and nobody said that they are meant.
        """
        beside = [name for name in self.text.column_names if name != self.target]
        alike = alike_names(beside, wanted)
        if not alike or self.layout.alike_ok:
            return _renamed(self, alike) if alike else self
        sentence, offer = written_otherwise(alike)
        raise _refused(self.look.refused(sentence, offer))

    def named(self, names: Sequence[str]) -> TrainingTable:
        """The same with names for the columns of a file that has no header."""
        table = self._read(self.path, self.target, replace(self.layout, names=tuple(names)))
        taken = joined([*map(quoted, names[:6]), *_more(len(names) - 6)])
        note = f"{self.path.name} has no header; its columns were taken for {taken}."
        return replace(table, notes=(*table.notes, note))


def _renamed(table: TrainingTable, alike: Mapping[str, str]) -> TrainingTable:
    """The table with those names for these columns."""

    def own(name: str) -> str:
        return alike.get(name, name)

    return replace(
        table,
        text=table.text.rename_columns(list(map(own, table.text.column_names))),
        look=replace(table.look, columns=tuple(map(own, table.look.columns))),
        kinds={own(name): kind for name, kind in table.kinds.items()},
        notes=(*table.notes, read_as(alike)),
    )


def _opened(path: Path) -> tables.TableFile:
    try:
        return tables.TableFile.of_path(path)
    except UserError as error:
        text = str(error).replace("a table of cases", "the training data").removesuffix(".")
        raise UserError(f"{text} behind --data.") from error


def _look(
    source: tables.TableFile, target: str, layout: Layout
) -> tuple[tables.Look, tuple[str, ...]]:
    """What the reader understands of the file, and a sentence on each choice that was made."""
    look = _looked(source, [target, *layout.names], layout)
    if any(offer.kind == "sheet" for offer in look.offers):
        raise _refused(look)
    # Once more with the names of all columns: then none is called missing, or misspelt.
    look = _looked(source, _names_in(look), replace(layout, sheet=look.sheet), look.first_line)
    if look.problems:
        raise _refused(look)
    return look, look.notes


def _refused(look: tables.Look) -> UserError:
    return UserError("\n".join([*look.problems, *look.ways_out]))


def _names_in(look: tables.Look) -> list[str]:
    """The names that pandas gives to the columns that are read."""
    names = pandas_names(look.file_columns)
    return [name for at, name in enumerate(names) if at not in look.left_out]


def _looked(
    source: tables.TableFile, names: Iterable[str], layout: Layout, line: int = 0
) -> tables.Look:
    schema = Schema(_feature(name, "text") for name in dict.fromkeys(names))
    return tables.look(source, schema, _decisions(layout, line))


def _decisions(layout: Layout, line: int) -> tables.Decisions:
    return tables.Decisions(
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        decimal=layout.decimal,
        sheet=layout.sheet,
        line=line,
        absent_ok=True,
        alike_ok=layout.alike_ok,
    )


def _feature(name: str, kind: str) -> Feature:
    return Feature(name=name, kind=kind, missing=True)


def _cells(source: tables.TableFile, look: tables.Look) -> tuple[pa.Table, np.ndarray]:
    """Every column as text, and the line of each row; `UserError` where a row is none."""
    chunks = list(tables.read(source, look, Schema([]), tables.NO_LIMITS))
    problems = [str(problem) for chunk in chunks for problem in chunk.problems]
    if problems:
        more = [f"… and {len(problems) - SHOWN:,} more."] if len(problems) > SHOWN else []
        count = plural(len(problems), "problem")
        raise UserError(
            "\n".join([*problems[:SHOWN], *more, f"{source.name} has {count}. Correct the file."])
        )
    text = pa.concat_tables([chunk.text for chunk in chunks]).combine_chunks()
    if not text.num_rows:
        raise UserError(
            f"{source.name} has a header and no rows; expected the training data below it."
        )
    return text, np.concatenate([chunk.lines for chunk in chunks])


def _with_decimal(
    source: tables.TableFile, look: tables.Look, text: pa.Table, layout: Layout
) -> tables.Look:
    """The look with the decimal sign, which the reader tells from columns of numbers alone."""
    if look.delimiter == ",":
        return look
    few = text.slice(0, SAMPLE)
    kinds = {name: "number" if _is_numeric(few[name]) else "text" for name in text.column_names}
    schema = Schema(_feature(name, kind) for name, kind in kinds.items())
    layout = replace(layout, encoding=look.encoding, delimiter=look.delimiter)
    look = tables.look(source, schema, _decisions(layout, look.first_line))
    if look.problems:
        raise _refused(look)
    return look


def _is_numeric(cells: pa.ChunkedArray) -> bool:
    texts = [cell.strip() for cell in cells.drop_null().to_pylist()]
    numbers = [cell for cell in texts if re.match(f"{NUMBER}|{DECIMAL_COMMA}", cell)]
    return len(numbers) > len(texts) / 2


def _with_header(source: tables.TableFile, layout: Layout) -> tables.TableFile:
    """The CSV file with a line of names before its first row."""
    with source.open() as stream:
        content = stream.read()
    mark, encoding = byte_order_mark(content)
    encoding = encoding or layout.encoding or "utf-8"
    look = _looked(source, [], layout)
    if look.format != "csv":
        raise UserError(f"{source.name} is no CSV file; expected one where names are given apart.")
    if look.columns and len(look.columns) != len(layout.names):
        raise UserError(
            f"{source.name} has {plural(len(look.columns), 'column')}; expected the "
            f"{len(layout.names)} that were named. Give one name for each, in their order."
        )
    delimiter = look.delimiter or ","
    header = csv_lines([layout.names]).decode()
    if delimiter != ",":
        header = delimiter.join(f'"{name}"' for name in layout.names) + "\n"
    return tables.TableFile.of_bytes(
        source.name, mark + header.encode(encoding) + content[len(mark) :]
    )


def _kinds(source: tables.TableFile, look: tables.Look, layout: Layout) -> dict[str, str]:
    """What the person says of columns, and what a typed file does."""
    kinds = {}
    if look.format == "parquet":
        with source.open() as stream:
            fields = list(pq.read_schema(stream))
        for name, column in zip(look.file_columns, fields, strict=True):
            if pa.types.is_temporal(column.type):
                kinds[name] = "date"
            elif not pa.types.is_primitive(column.type):
                kinds[name] = "text"
        kinds.pop("", None)
    kinds |= dict.fromkeys(layout.text, "text") | dict.fromkeys(layout.dates, "date")
    absent = [name for name in kinds if name not in look.columns]
    if absent:
        near = closest(absent[0], look.columns)
        hint = f"Did you mean {quoted(near)}?" if near else "Correct the name."
        raise UserError(f"{source.name} has no column {quoted(absent[0])}. {hint}")
    return kinds


def _mark_in(name: str) -> str:
    """What parts a name that is a whole row of cells; empty where it is one name."""
    return next((mark for mark in DELIMITERS if mark in name), "")


def _is_headless(table: TrainingTable, target: str) -> bool:
    """Whether the first row looks like data: numbers, or cells that stand below it again."""
    names = table.look.columns
    if closest(target, names):
        return False
    few = table.text.slice(0, SAMPLE)
    again = [
        name in set(column.drop_null().to_pylist())
        for name, column in zip(names, few.columns, strict=True)
    ]
    return sum(again) > len(names) / 2 or numbers_in(names) >= LIKE_DATA * len(names)


def numbers_in(cells: Sequence[str]) -> int:
    """How many of the cells are numbers, with a decimal point or comma."""
    return sum(bool(re.match(f"{NUMBER}|{DECIMAL_COMMA}", cell.strip())) for cell in cells)


def _no_column(path: Path, target: str, columns: Sequence[str]) -> str:
    near = closest(target, columns)
    hint = f"Did you mean {quoted(near)}?" if near else "Name one of them with --target."
    names = [*map(quoted, columns[:12]), *_more(len(columns) - 12)]
    return f"{path} has no column {quoted(target)}; it has {joined(names)}. {hint}"


def _more(count: int) -> list[str]:
    return [f"{count} more"] if count > 0 else []
