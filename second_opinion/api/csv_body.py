"""The cases of a body in CSV, read as a file of cases is read on a page."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from io import BytesIO
from typing import Any

from second_opinion.api.json_body import MOST_BYTES
from second_opinion.api.prediction_routes import check_count
from second_opinion.api.problem_json import CallError, Fault, unreadable
from second_opinion.errors import UserError
from second_opinion.records.value import plain
from second_opinion.schema import Schema
from second_opinion.tables import Chunk, Decisions, Limits, TableFile, TableProblem, look, read
from second_opinion.tables.gzip_text import is_packed

NAME = "The CSV"
# What clients of MLflow write, and what its server reads: pandas' own CSV.
WRITTEN = Decisions(delimiter=",", decimal=".", line=1, absent_ok=True)


def csv_cases(content: bytes, schema: Schema) -> list[dict[str, Any]]:
    """The cases by name: commas, decimal points, a first line of names, other columns left out.

    What a cell means is what its feature in the card says, as in a file that is uploaded. A
    `CallError` that names row and column of what cannot be read; no more rows are read than one
    call may bring.
    """
    try:
        chunks = _chunks(content, schema)
    except UserError as error:
        raise CallError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
    if faults := _faults(chunks):
        raise unreadable(faults)
    return [case for chunk in chunks for case in _cases(chunk, schema)]


def _chunks(content: bytes, schema: Schema) -> list[Chunk]:
    # As it is: `TableFile.of_bytes` would unpack what may be large.
    file = TableFile(NAME, lambda: BytesIO(content), len(content))
    if is_packed(file.open):
        raise UserError(f"{NAME} is packed with gzip; expected the text itself. Unpack it first.")
    limits = Limits(max_bytes=MOST_BYTES)
    seen = look(file, schema, WRITTEN, limits)
    if not seen.problems and seen.format != "csv":
        raise UserError(f"{NAME} is {seen.format}; expected text with commas. Send it as that.")
    chunks, rows = [], 0
    for chunk in read(file, seen, schema, limits):
        chunks.append(chunk)
        rows += len(_lines(chunk))
        check_count(rows, "at least ")
    return chunks


def _lines(chunk: Chunk) -> set[int]:
    return {*chunk.lines.tolist(), *(problem.line for problem in chunk.problems)}


def _faults(chunks: Sequence[Chunk]) -> list[Fault]:
    """What is wrong, by the row: a cell may go over several lines."""
    problems = [problem for chunk in chunks for problem in chunk.problems]
    if not problems:
        return []
    lines = sorted(line for chunk in chunks for line in _lines(chunk))
    rows = {line: row for row, line in enumerate(lines, 1)}
    return [_fault(problem, rows[problem.line]) for problem in problems]


def _fault(problem: TableProblem, row: int) -> Fault:
    cells = problem.cells
    return Fault(
        row=row,
        field=problem.column or "The row",
        found=cells["found"].removeprefix("the row has "),
        expected=cells["expected"],
    )


def _cases(chunk: Chunk, schema: Schema) -> list[dict[str, Any]]:
    columns = {name: [plain(value) for value in chunk.cases[name]] for name in schema.names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
