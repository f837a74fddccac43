"""A table in which a button of each row opens something, such as a case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from second_opinion.errors import UserError
from second_opinion.ui import case_table
from second_opinion.ui.case_table import CasePress, CaseTable

T = TypeVar("T")


def draw(table: CaseTable, refs: Sequence[T], key: str, press: Callable[[T], None]) -> None:
    """The table; ``press`` is called with the one of ``refs`` whose row was pressed.

    ``refs`` has the order of the rows.
    """
    # What the page has under the name later must not change what this table is of.
    by_row = {row.row: ref for row, ref in zip(table.rows, refs, strict=True)}

    def act(pressed: CasePress) -> None:
        if pressed.row not in by_row:
            raise UserError("The table has changed since. Press again.")
        press(by_row[pressed.row])

    case_table.draw(table, key, act)
