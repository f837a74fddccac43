"""A button in each row of a table, such as Open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.ui.frame import callback

T = TypeVar("T")

WORD_WIDTH, SIGN_WIDTH = 62, 42


def column(
    key: str,
    rows: Sequence[T],
    press: Callable[[T], None],
    *,
    help: str | None = None,
    place: str = "page",
    width: int = WORD_WIDTH,
    pinned: bool = True,
) -> Any:
    """The column of a table that holds the buttons; the cells are their words.

    ``press`` is called with the one of ``rows`` whose button was pressed; what goes wrong is shown
    at ``place``, also where the table has no such row any more.
    """
    # What the page has under the name later must not change what this table is of.
    rows = tuple(rows)

    @callback(place)
    def act() -> None:
        click = st.session_state.get(key)
        if not click or not 0 <= click["row"] < len(rows):
            raise UserError("The table has changed since. Press again.")
        press(rows[click["row"]])

    return st.column_config.ButtonColumn(
        "", key=key, type="tertiary", help=help, pinned=pinned, width=width, on_click=act
    )
