"""CSV text, block by block: rows that are no rows are cut out, the others are parsed by Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.schema import Schema
from second_opinion.tables.csv_rows import BLANK, CR, Offsets, Records, scan
from second_opinion.tables.decoding import blocks, row_cells
from second_opinion.tables.split_rows import rows_allowed, rows_at_once, split, without_columns
from second_opinion.tables.table_file import MEGABYTE, Chunk, Limits, Look, TableFile, TableProblem

# Where a cell may be of any length, a row that goes on for longer is an unclosed quote.
LONGEST_ROW = 16 * MEGABYTE
BYTE_ORDER_MARK = "\ufeff".encode()
ENCODING_NAMES = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}
MANY_COLUMNS = 100


def read_csv(
    source: TableFile, look: Look, schema: Schema, limits: Limits, *, with_row_texts: bool = False
) -> Iterator[Chunk]:
    """The rows of a CSV file, about a megabyte at a time."""
    as_written = with_row_texts and look.delimiter == "," and not look.left_out
    reader = _Reader(look, schema, limits, as_written, look.first_line)
    # A column has its costs for each block, whatever the number of rows.
    times = 2 if look.width > MANY_COLUMNS else 1
    rest, above = b"", look.offset
    for text, bytes_read, final in blocks(source, look.encoding, times):
        block, above = rest + text[above:], max(above - len(text), 0)
        if final and block and not block.endswith(b"\n"):
            block += b"\n"
            reader.line_end_added = True
        if not block:
            continue
        measured = limits.max_cell is not None
        records = scan(block, look.delimiter, final=final, measured=measured)
        rest = block[records.used :]
        reader.check_length(records, len(rest))
        yield from reader.chunks(block, records, bytes_read)
        reader.line += records.used_lines


@dataclass
class _Reader:
    """One reading of one file: how far it is."""

    look: Look
    schema: Schema
    limits: Limits
    with_row_texts: bool
    line: int
    rows: int = 0
    beyond_header: bool = False
    line_end_added: bool = False
    bad: dict[int, TableProblem] = field(default_factory=dict)

    def chunks(self, block: bytes, records: Records, bytes_read: int) -> Iterator[Chunk]:
        """The rows of one block, some thousands at a time."""
        rows = np.flatnonzero(records.cells != BLANK)
        if not self.beyond_header and len(rows):
            self.beyond_header = True
            rows = rows[1:]
        self.rows = rows_allowed(self.rows + len(rows), self.limits)
        self.bad = self._bad_rows(block, records, rows)
        most = rows_at_once(self.look.width)
        for first in range(0, len(rows), most):
            yield self._chunk(block, records, rows[first : first + most], bytes_read)

    def check_length(self, records: Records, rest: int) -> None:
        """`UserError` for a cell over the limit, or a row that does not end."""
        longest = self.limits.max_cell
        if longest is not None and records.longest > longest:
            raise UserError(
                f"{self.look.name} has a cell of {records.longest:,} bytes between line "
                f"{self.line} and line {self.line + records.used_lines}; expected at most "
                f"{longest:,}. Shorten it, or leave that column out."
            )
        most = LONGEST_ROW if longest is None else longest * (self.look.width + 1)
        if rest > max(most, MEGABYTE):
            raise UserError(
                f"{self.look.name} has a row from line {self.line + records.used_lines} on that "
                f"does not end within {rest:,} bytes; expected a shorter one. Close the quotation "
                "mark that is open there."
            )

    def _bad_rows(self, block: bytes, records: Records, rows: Offsets) -> dict[int, TableProblem]:
        """What is wrong with rows as rows, before any cell is read."""
        expected = self.look.width
        bad: dict[int, TableProblem] = {}
        misshapen = rows[records.cells[rows] != expected].tolist()
        if misshapen:
            # Before there is a sentence for each.
            first = self._misshapen(records, misshapen[0])
            self.limits.check_problems(self.look.name, len(misshapen), first)
        for row in misshapen:
            bad[row] = self._misshapen(records, row)
        if b"\x00" in block:
            at = np.flatnonzero(np.frombuffer(block, np.uint8) == 0)
            for row in np.unique(np.searchsorted(records.ends, at, side="right")).tolist():
                if row < len(records.ends) and row not in bad:
                    self._note(bad, row, self._unstorable(block, records, row))
        for row in _not_utf8(block, records):
            if row not in bad:
                self._note(bad, row, self._undecodable(records, row))
        return bad

    def _note(self, bad: dict[int, TableProblem], row: int, problem: TableProblem) -> None:
        bad[row] = problem
        self.limits.check_problems(self.look.name, len(bad), problem)

    def _misshapen(self, records: Records, row: int) -> TableProblem:
        line = self.line + int(records.lines[row])
        if row in records.faults:
            last = row + 1 < len(records.lines)
            end = int(records.lines[row + 1]) if last else records.used_lines
            return TableProblem(line, "", *_quote_fault(records.faults[row], line, self.line + end))
        count = int(records.cells[row])
        cells = plural(count, "cell")
        expected = f"expected {self.look.width}, as the header has"
        return TableProblem(line, "", f"the row has {cells}", expected)

    def _unstorable(self, block: bytes, records: Records, row: int) -> TableProblem:
        cells = row_cells(block[records.starts[row] : records.ends[row]], self.look.delimiter)
        at = next((at for at, cell in enumerate(cells) if "\x00" in cell), self.look.width)
        column = self.look.file_columns[at] if at < self.look.width else ""
        line = self.line + int(records.lines[row])
        return TableProblem(line, column, "has a NUL character", "expected text without it")

    def _undecodable(self, records: Records, row: int) -> TableProblem:
        line = self.line + int(records.lines[row])
        encoding = ENCODING_NAMES.get(self.look.encoding, self.look.encoding)
        return TableProblem(
            line, "", f"the row is not text in {encoding}", "expected it saved in one encoding"
        )

    def _chunk(self, block: bytes, records: Records, rows: Offsets, bytes_read: int) -> Chunk:
        misshapen = np.array([row in self.bad for row in rows.tolist()]) if self.bad else None
        good = rows if misshapen is None else rows[~misshapen]
        lines = self.line + records.lines[good]
        text = self._parsed(b"".join(_pieces(block, records, good)), len(good))
        text, nameless = without_columns(text, self.look)
        chunk = split(text, lines, self.schema, self.look.decimal, nameless)
        problems = chunk.problems
        if misshapen is not None:
            problems = [*(self.bad[row] for row in rows[misshapen].tolist()), *problems]
        rejected = self._rejected(block, records, rows, problems) if problems else b""
        if problems:
            good = good[np.isin(lines, chunk.lines)]
        return replace(
            chunk,
            problems=sorted(problems, key=lambda problem: problem.line),
            rejected=rejected,
            bytes_read=bytes_read,
            row_texts=_as_written(block, records, good) if self.with_row_texts else None,
        )

    def _rejected(
        self, block: bytes, records: Records, rows: Offsets, problems: list[TableProblem]
    ) -> bytes:
        named = {problem.line for problem in problems}
        bad_rows = rows[np.isin(self.line + records.lines[rows], list(named))]
        rejected = b"".join(_pieces(block, records, bad_rows))
        if self.line_end_added and rejected and records.ends[bad_rows[-1]] == len(block):
            rejected = rejected[:-1]
        return rejected

    def _parsed(self, text: bytes, rows: int) -> pa.Table:
        # In Arrow's reader every column needs a name of its own.
        names = [f"c{at}" for at in range(self.look.width)]
        kinds = dict.fromkeys(names, pa.string())
        if not rows:
            return pa.schema(list(kinds.items())).empty_table()
        if text.startswith(BYTE_ORDER_MARK):
            # Arrow takes one away wherever it begins to read; this one is part of the first cell.
            text = BYTE_ORDER_MARK + text
        table = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(text) + 1
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.look.delimiter, newlines_in_values=b'"' in text
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=kinds,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
                check_utf8=False,
            ),
        )
        if table.num_rows != rows:
            raise AssertionError(f"{plural(rows, 'row')} found and {table.num_rows} parsed")
        return table


def _pieces(block: bytes, records: Records, rows: Offsets) -> Iterator[bytes]:
    """The bytes of some rows, in as few pieces as they allow."""
    if not len(rows):
        return
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    for run in np.split(rows, breaks):
        yield block[records.starts[run[0]] : records.ends[run[-1]]]


def _as_written(block: bytes, records: Records, rows: Offsets) -> pa.Array | None:
    """Rows without their line ends, as they stand: what is quoted there stays quoted."""
    if BYTE_ORDER_MARK in block:
        return None
    letters = np.frombuffer(block, np.uint8)
    starts, ends = records.starts[rows], records.ends[rows] - 1
    if b"\r" in block:
        ends -= letters[np.maximum(ends - 1, 0)] == CR
    # Every second text is what stands between two rows.
    offsets = np.empty(2 * len(rows), np.int32)
    offsets[::2], offsets[1::2] = starts, ends
    texts = pa.StringArray.from_buffers(
        max(len(offsets) - 1, 0), pa.py_buffer(offsets), pa.py_buffer(block)
    )
    return texts.take(pa.array(np.arange(0, len(offsets), 2, dtype=np.int32)))


def _not_utf8(block: bytes, records: Records) -> Iterator[int]:
    try:
        str(memoryview(block)[: records.used], "utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return
    beyond_ascii = np.flatnonzero(np.frombuffer(block, np.uint8)[: records.used] >= 128)
    rows = np.unique(np.searchsorted(records.ends, beyond_ascii, side="right"))
    for row in rows.tolist():
        try:
            block[records.starts[row] : records.ends[row]].decode("utf-8")
        except UnicodeDecodeError:
            yield row


def _quote_fault(kind: str, line: int, end: int) -> tuple[str, str]:
    lines = "" if end - line < 2 else f" (as far as line {end - 1} nothing can be told apart)"
    if kind == "stray":
        return (
            f"the row has a quotation mark inside a cell{lines}",
            "expected the mark doubled and the whole cell between quotation marks",
        )
    if kind == "after":
        return (
            f"the row has text after a closing quotation mark{lines}",
            "expected the mark doubled if it is part of the text, and each one closed",
        )
    return (
        f"the row opens a quotation mark that is not closed before the end of the file{lines}",
        "expected it closed in the same cell",
    )
