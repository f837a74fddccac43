"""Other people's tables, read to a right table or a list of problems."""

from collections.abc import Iterator

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.schema import Schema
from second_opinion.tables.csv_reader import read_csv
from second_opinion.tables.excel_reader import read_workbook
from second_opinion.tables.json_reader import read_json
from second_opinion.tables.parquet_reader import read_parquet
from second_opinion.tables.parse_column import typed
from second_opinion.tables.sniff import look
from second_opinion.tables.spreadsheet_csv import read_export, write_export
from second_opinion.tables.table_file import (
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
    "CellFault",
    "Chunk",
    "Decisions",
    "Limits",
    "Look",
    "Offer",
    "TableFile",
    "TableProblem",
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
        return read_csv(source, look, schema, limits, with_row_texts=with_row_texts)
    return _READERS[look.format](source, look, schema, limits)


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
    if limits.max_columns is not None and look.width > limits.max_columns:
        raise UserError(
            f"{source.name} has {plural(look.width, 'column')}; expected at most "
            f"{limits.max_columns}. Leave out those that the model does not need."
        )
