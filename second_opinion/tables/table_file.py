"""What passes between a file of cases and those who read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import BinaryIO, Literal, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.records.dialect import UNKNOWN, Dialect
from second_opinion.tables import gzip_text

TableFormat = Literal["csv", "json", "jsonl", "xlsx", "xlsb", "xls", "ods", "parquet"]
MEGABYTE = 1_000_000
MOST_COLUMNS = 5_000


@dataclass(frozen=True)
class TableFile:
    """A file that can be read more than once and is never copied whole.

    ``name`` is for messages only. ``open`` gives a fresh stream at the beginning of the file,
    ``size`` is in bytes. Of a text that gzip packed they are those of the text.
    """

    name: str
    open: Callable[[], BinaryIO]
    size: int

    @classmethod
    def of_path(cls, path: str | Path) -> TableFile:
        """A file on the disk; `UserError` when it cannot be opened, or is packed and damaged."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
        except OSError as error:
            raise UserError(
                f"{path} cannot be read ({error.strerror}); expected a table of cases. Correct "
                "the path."
            ) from error
        return cls(path.name, lambda: path.open("rb"), size)._unpacked(None)

    @classmethod
    def of_bytes(cls, name: str, content: bytes | memoryview) -> TableFile:
        """Bytes that are held already, such as an upload; they are looked at where they lie.

        `UserError` for a packed text that is damaged, or unpacks to more than 200 MB.
        """
        buffer = pa.py_buffer(content)
        held = cls(name, lambda: cast(BinaryIO, pa.BufferReader(buffer)), buffer.size)
        return held._unpacked(Limits.max_unpacked)

    def _unpacked(self, most: int | None) -> TableFile:
        if not gzip_text.is_packed(self.open):
            return self
        return TableFile(self.name, *gzip_text.unpacked(self.name, self.open, most))


@dataclass(frozen=True)
class Limits:
    """How large a table may be; None is no limit.

    ``max_cell`` is in bytes of one cell; after ``max_problems`` cells or rows with something wrong
    in them no more is read. ``max_unpacked`` is in bytes, and in cells, of a packed table that is
    read piece by piece.
    """

    max_bytes: int | None = 50 * MEGABYTE
    max_rows: int | None = None
    max_columns: int | None = MOST_COLUMNS
    max_cell: int | None = 32_000
    max_problems: int | None = 100_000
    max_unpacked: int | None = 200 * MEGABYTE

    def too_wide(self, columns: int) -> str:
        """What is wrong with so many columns; empty if nothing."""
        if self.max_columns is None or columns <= self.max_columns:
            return ""
        return (
            f"has {plural(columns, 'column')}; expected at most {self.max_columns:,}. Leave out "
            "those that the model does not need."
        )

    def check_problems(self, name: str, count: int, first: TableProblem) -> None:
        """`UserError` where a file has more problems than are listed; ``first`` is one of them."""
        if self.max_problems is not None and count > self.max_problems:
            raise UserError(
                f"{name} has more than {plural(self.max_problems, 'problem')} and was not read "
                f"further. The first: {first} Expected most rows to be readable: correct what they "
                "have in common, such as what parts their cells, then choose the file again."
            )


NO_LIMITS = Limits(None, None, None, None, None, None)


@dataclass(frozen=True)
class TableProblem:
    """One thing that is wrong with one cell, or with a whole row where ``column`` is empty.

    ``line`` is the line of the file, from 1; for JSON the number of the case, for Excel the row
    of the sheet, for Parquet the row.
    """

    line: int
    column: str
    found: str
    expected: str

    def __str__(self) -> str:
        end = "" if self.expected.endswith(("?", ".")) else "."
        subject = f"{self.column} {self.found}" if self.column else self.found
        return f"Line {self.line}: {subject}; {self.expected}{end}"

    @property
    def cells(self) -> dict[str, str]:
        """The problem as a row of a table, whose header says what is found and what expected."""
        return {
            "line": str(self.line),
            "column": self.column,
            "found": self.found.removeprefix("is "),
            "expected": self.expected.removeprefix("expected "),
        }


@dataclass(frozen=True)
class CellFault:
    """One cell that cannot be read; ``row`` counts from 0 within the table at hand."""

    row: int
    column: str
    found: str
    expected: str

    def at(self, line: int) -> TableProblem:
        """The same as a problem of the file."""
        return TableProblem(line, self.column, self.found, self.expected)


@dataclass(frozen=True)
class Decisions:
    """What a person decided about how a file is read; empty where it is to be found out.

    ``decimal`` is ``.`` or ``,``: the other one may then stand between thousands. ``line`` is where
    the names of the columns stand, from 1. With ``absent_ok``, columns that may be missing may be
    absent altogether; with ``alike_ok``, names that differ from the model's in case, blanks or
    marks alone are its.
    """

    encoding: str = ""
    delimiter: str = ""
    decimal: str = ""
    sheet: str = ""
    line: int = 0
    absent_ok: bool = False
    alike_ok: bool = False


@dataclass(frozen=True)
class Offer:
    """A choice that the person may make: `Decisions` with ``value`` as the field ``kind``."""

    kind: Literal["encoding", "delimiter", "decimal", "sheet", "line", "absent_ok", "alike_ok"]
    value: str | int | bool
    text: str

    @property
    def option(self) -> str:
        """The same on a command line; empty for what a command takes to be so and says."""
        if self.kind == "line":
            return ""
        option = f"--{self.kind.replace('_', '-')}"
        value = "tab" if self.value == "\t" else str(self.value)
        return option if self.value is True else f"{option} {quote(value)}"


@dataclass(frozen=True)
class Look:
    """What was understood of a file before its rows are read; readers and stored batches go by it.

    ``missing`` pairs each feature that the file lacks with the column that may be meant.
    ``unused`` are columns that the model does not take: they are carried along. ``personal`` are
    those that look like names or record numbers of people. ``columns`` all have names of their own;
    ``renamed`` pairs those that the file writes otherwise with the name that they got;
    ``left_out`` are the positions in the file, from 0, of those that are not read. ``decimal`` is
    the decimal sign, and behind it the one between thousands if there may be one. ``header`` is the
    line of the names of a CSV file as it stands there (in UTF-8), ``first_line`` its number and
    ``offset`` the bytes of text before it; ``sheet`` is the one that is read of a workbook.
    ``dialect`` is how it was written beyond that. ``first_rows`` are some rows below the names.
    ``limits`` are those under which it was looked at.

    ``problems`` are sentences that forbid reading on; each says what to do. ``notes`` say what was
    taken to be so. ``offers`` are the ways out of problems, or, where there are none, what a person
    should confirm.
    """

    name: str
    format: TableFormat = "csv"
    encoding: str = ""
    delimiter: str = ""
    decimal: str = "."
    sheet: str = ""
    columns: tuple[str, ...] = ()
    left_out: tuple[int, ...] = ()
    missing: tuple[tuple[str, str | None], ...] = ()
    unused: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = ()
    header: bytes = b""
    first_line: int = 1
    offset: int = 0
    dialect: Dialect = UNKNOWN
    first_rows: tuple[tuple[str | None, ...], ...] = ()
    limits: Limits = NO_LIMITS

    @property
    def width(self) -> int:
        """How many columns the file has, with those that are not read."""
        return len(self.columns) + len(self.left_out)

    @property
    def file_columns(self) -> list[str]:
        """The columns by their places in the file; those that are left out have no name."""
        names, left_out = iter(self.columns), set(self.left_out)
        return ["" if at in left_out else next(names) for at in range(self.width)]

    def refused(self, problem: str, *offers: Offer) -> Look:
        """The same with one more sentence, after the file's name, that forbids to read on."""
        problems = (*self.problems, f"{self.name} {problem}")
        return replace(self, problems=problems, offers=(*self.offers, *offers))

    @property
    def ways_out(self) -> list[str]:
        """The offers as sentences for a command line."""
        return [f"{offer.text}: add {offer.option}" for offer in self.offers if offer.option]

    def noted(self, note: str, *offers: Offer) -> Look:
        """The same with one more sentence on what was taken to be so."""
        return replace(self, notes=(*self.notes, note), offers=(*self.offers, *offers))


@dataclass(frozen=True)
class Chunk:
    """Some rows of a table, good and bad apart.

    ``text`` holds the good rows: every column of the file as text in its order, null for an empty
    cell and "" for an empty text in quotes. ``lines`` are their lines in the file. ``cases`` are
    their features as `Schema.frame` gives them. ``problems`` are all problems of the bad rows, and
    ``rejected`` those rows as they stand in the file (in UTF-8 where that has another encoding, as
    CSV lines where it is no CSV). ``bytes_read`` counts from its beginning. ``row_texts`` has the
    good rows as one text each, to which commas and further cells may be added as they are; None
    where that is not known.
    """

    text: pa.Table
    lines: np.ndarray
    cases: pd.DataFrame
    problems: list[TableProblem] = field(default_factory=list)
    rejected: bytes = b""
    bytes_read: int = 0
    row_texts: pa.Array | None = None
