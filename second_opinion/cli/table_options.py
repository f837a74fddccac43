"""What a person says of a table of training data on the command line."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from second_opinion.errors import UserError
from second_opinion.models.describe.training_table import Layout

OPTIONS = (
    click.option(
        "--text", multiple=True, metavar="COLUMN", help="Digits that are text, like a postcode."
    ),
    click.option("--date", multiple=True, metavar="COLUMN", help="A column of dates (repeat it)."),
    click.option(
        "--missing", multiple=True, metavar="WORD", help="A word for a missing value (repeat it)."
    ),
    click.option(
        "--names",
        type=click.Path(path_type=Path),
        help="A file with the names of the columns, one a line, for data without a header.",
    ),
    click.option("--delimiter", default="", help="What parts the cells of the data: ; | or tab."),
    click.option("--encoding", default="", help="How the data is encoded, like cp1252."),
    click.option("--decimal", default="", help="The decimal sign of the data: . or ,"),
    click.option("--sheet", default="", help="The sheet of a workbook, if several would do."),
    click.option("--alike-ok", is_flag=True, help="Take names that differ in case or marks alone."),
)


def with_layout(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a table of training data, which the command gets as its ``layout``."""

    @functools.wraps(command)
    def with_one(
        *args: Any,
        text: tuple[str, ...],
        date: tuple[str, ...],
        missing: tuple[str, ...],
        names: Path | None,
        delimiter: str,
        encoding: str,
        decimal: str,
        sheet: str,
        alike_ok: bool,
        **others: Any,
    ) -> Any:
        delimiter = "\t" if delimiter in ("tab", "\\t") else delimiter
        columns = names_in(names) if names else ()
        read_as = (delimiter, encoding, decimal, sheet)
        layout = Layout(*read_as, columns, text, date, missing, alike_ok)
        return command(*args, layout=layout, **others)

    for option in reversed(OPTIONS):
        with_one = option(with_one)
    return with_one


def names_in(path: Path) -> tuple[str, ...]:
    """The names in a file: one a line, with commas between them on one line, or a JSON list."""
    try:
        text = path.read_text("utf-8-sig")
        names = json.loads(text) if text.lstrip().startswith("[") else text.splitlines()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); expected the names of the columns. Correct "
            "the path behind --names."
        ) from error
    except ValueError as error:
        raise UserError(
            f"{path} is neither text in UTF-8 nor a JSON list; expected the names of the columns, "
            "one a line."
        ) from error
    names = [str(name).strip() for name in names if str(name).strip()]
    if len(names) == 1:
        names = [name.strip() for name in names[0].split(",")]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or not all(names):
        what = f"the name {twice!r} twice" if twice else "a column without a name"
        raise UserError(f"{path} has {what}; expected one for each column. Correct it.")
    return tuple(names)
