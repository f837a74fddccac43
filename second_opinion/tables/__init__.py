"""Other people's tables, read to a right table or a list of problems."""

from collections.abc import Iterator

from second_opinion.errors import UserError
from second_opinion.schema import Schema
from second_opinion.tables.csv_reader import read_csv
from second_opinion.tables.excel_reader import read_workbook
from second_opinion.tables.json_reader import read_json
from second_opinion.tables.parquet_reader import read_parquet
from second_opinion.tables.parse_column import cell_numbers, typed
from second_opinion.tables.sniff import look
from second_opinion.tables.spreadsheet_csv import read_export, write_export
from second_opinion.tables.table_file import (
    NO_LIMITS,
    CellFault,
    Chunk,
    Decisions,
    Limits,
    Look,
    Offer,
    TableFile,
    TableProblem,
)

__all__ = [
    "NO_LIMITS",
    "CellFault",
    "Chunk",
    "Decisions",
    "Limits",
    "Look",
    "Offer",
    "TableFile",
    "TableProblem",
    "cell_numbers",
    "look",
    "read",
    "read_export",
    "typed",
    "write_export",
]


def read(
    source: TableFile,
    look: Look,
    schema: Schema,
    limits: Limits | None = None,
    *,
    with_row_texts: bool = False,
) -> Iterator[Chunk]:
    """The rows of a file that was looked at, about a megabyte at a time.

    Bad rows are problems of their chunk. With ``with_row_texts``, the rows of a CSV file also come
    as they would be written, where that is known. `UserError` for a file that `look` forbids to
    read, and for one that is over the limits.
    """
    limits = limits or Limits()
    _check(source, look, limits)
    if look.format == "csv":
        chunks = read_csv(source, look, schema, limits, with_row_texts=with_row_texts)
    else:
        chunks = _READERS[look.format](source, look, schema, limits)
    return _until_too_many(chunks, source.name, limits)


def _until_too_many(chunks: Iterator[Chunk], name: str, limits: Limits) -> Iterator[Chunk]:
    """The chunks, as long as their problems together are few enough."""
    count, first = 0, None
    for chunk in chunks:
        count += len(chunk.problems)
        first = first or next(iter(chunk.problems), None)
        if first:
            limits.check_problems(name, count, first)
        yield chunk


_READERS = {
    "json": read_json,
    "jsonl": read_json,
    "xlsx": read_workbook,
    "xlsb": read_workbook,
    "xls": read_workbook,
    "ods": read_workbook,
    "parquet": read_parquet,
}


def _check(source: TableFile, look: Look, limits: Limits) -> None:
    if look.problems:
        raise UserError(look.problems[0])
    if limits.max_bytes is not None and source.size > limits.max_bytes:
        raise UserError(
            f"{source.name} is {source.size / 1e6:,.1f} MB; expected at most "
            f"{limits.max_bytes / 1e6:,.0f} MB. Split it, or use the command line."
        )
    if refused := limits.too_wide(look.width):
        raise UserError(f"{source.name} {refused}")
