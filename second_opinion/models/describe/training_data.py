"""The training data that somebody brings in a CSV file."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from second_opinion.errors import UserError
from second_opinion.formatting import closest, joined, quoted
from second_opinion.tables.sniff import foreign_format

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TrainingData:
    """Cases and their known outcomes. ``left_out`` counts the rows that had no outcome."""

    X: pd.DataFrame
    y: pd.Series[Any]
    left_out: int


def read_training_csv(path: Path, target: str) -> TrainingData:
    """The rows of a CSV file that have a value in the target column.

    `UserError` when there is no such file, column or row, or the file is no CSV in UTF-8.
    """
    table = _table(path)
    if target not in table.columns:
        raise UserError(_no_column(path, target, [str(name) for name in table.columns]))
    if table.empty:
        raise UserError(f"{path} has a header and no rows; expected the training data below it.")
    rows = table[table[target].notna()]
    if rows.empty:
        raise UserError(
            f"{path} has no value in {quoted(target)} in any row; expected the known outcomes. "
            "Name another column with --target, or fill it."
        )
    return TrainingData(
        rows.drop(columns=target), _without_holes(rows[target]), len(table) - len(rows)
    )


def _no_column(path: Path, target: str, columns: list[str]) -> str:
    if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
        return (
            f"{path} has one column, {quoted(columns[0])}; expected cells with a comma between "
            "them. Save it as CSV with commas."
        )
    near = closest(target, columns)
    hint = f"Did you mean {quoted(near)}?" if near else "Name one of them with --target."
    names = [quoted(name) for name in columns[:12]]
    more = [f"{len(columns) - 12} more"] if len(columns) > 12 else []
    return f"{path} has no column {quoted(target)}; it has {joined([*names, *more])}. {hint}"


def _without_holes(column: pd.Series[Any]) -> pd.Series[Any]:
    """The outcomes in the type that they would have had if no row had lacked one."""
    column = column.infer_objects()
    whole = column.dtype.kind == "f" and bool((column == column.round()).all())
    return column.astype("int64") if whole else column


def _table(path: Path) -> pd.DataFrame:
    """The file as pandas reads it, which is how nearly every model's training read it."""
    import pandas as pd

    try:
        _refuse_strangers(path)
        with warnings.catch_warnings():
            # A row with a cell too many would shift or drop cells with no more than a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(path, index_col=False, low_memory=False, compression=None)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); expected the training data as a CSV file. "
            "Correct the path behind --data."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not text in UTF-8 (byte {error.start}); expected a CSV file. Save it again "
            "as CSV in UTF-8."
        ) from error
    except pd.errors.EmptyDataError as error:
        raise UserError(
            f"{path} is empty; expected a CSV file with a header and the training data."
        ) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise UserError(
            f"{path} is not a regular CSV file ({reason}); expected as many cells in each row as "
            "in the header. Correct that row."
        ) from error
    return table


def _refuse_strangers(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
    meaning = foreign_format(head)
    if meaning:
        raise UserError(f"{path} is {meaning}; expected a CSV file. Save the table as CSV.")
    if b"\x00" in head:
        raise UserError(
            f"{path} holds NUL bytes; expected CSV text in UTF-8. Save it as CSV in UTF-8."
        )
