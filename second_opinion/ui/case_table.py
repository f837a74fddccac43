"""Rows of cases with buttons in them, and the facts of one case: a table that keys and screen
readers can use, and that is cards on a phone.

A column of buttons in Streamlit's own table is drawn on a canvas and ignores Enter (decision 40).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict

import streamlit as st

from second_opinion.ui.browser import ASSETS
from second_opinion.ui.frame import callback, problem, take_problem

NOTHING = "—"


class MarkedCell(TypedDict, total=False):
    """A cell that is more than its text: with an https address, or a picture's."""

    text: str
    href: str
    picture: str


Cell = str | MarkedCell
ColumnKind = Literal["row", "verdict", "flags", "answer", "own", "field"]


@dataclass(frozen=True)
class CaseColumn:
    """A column: its name with the unit of its numbers, and what it is.

    ``row``, ``verdict`` and ``flags`` have no cells of their own: they come from the row.
    """

    name: str
    kind: ColumnKind
    number: bool = False


@dataclass(frozen=True)
class CaseRow:
    """A row: its number, what one said of it, the words of its flags, and its cells.

    ``said`` is the name of a button, or empty; ``more`` what is said beyond that. A row with a
    ``name`` is opened and read out by that, in place of its number.
    """

    row: int
    cells: Sequence[Cell]
    said: str = ""
    more: str = ""
    flags: Sequence[str] = ()
    name: str = ""


@dataclass(frozen=True)
class CaseButton:
    """A button in each row: a sign, and the label that is read out with the row's number."""

    name: str
    label: str
    sign: str


@dataclass(frozen=True)
class CasePress:
    """The button that was pressed, and in which row."""

    row: int
    name: str


@dataclass(frozen=True)
class CaseTable:
    """A page of rows. ``page`` tells one page from another, ``current`` is the row that is open,
    ``opens`` what the button of a row does that has its number."""

    label: str
    columns: Sequence[CaseColumn]
    rows: Sequence[CaseRow]
    buttons: Sequence[CaseButton] = ()
    page: str = ""
    current: int | None = None
    opens: str = "Open the case"


_component = st.components.v2.component(
    "second_opinion_cases",
    html='<div class="place"></div>',
    css=(ASSETS / "case_table.css").read_text("utf-8"),
    js=(ASSETS / "case_table.js").read_text("utf-8"),
)


def draw(table: CaseTable, key: str, press: Callable[[CasePress], None]) -> None:
    """The table; ``press`` hears of a button, the row's number under the name ``open``.

    What goes wrong there is shown below the row that was pressed, or above a table without it.
    """

    @callback(key)
    def act() -> None:
        pressed = st.session_state[key].get("pressed")
        if pressed:
            st.session_state[f"{key}_pressed"] = row = int(pressed["row"])
            press(CasePress(row, str(pressed["name"])))

    fault, pressed = take_problem(key), st.session_state.get(f"{key}_pressed")
    is_here = any(row.row == pressed for row in table.rows)
    if fault and not is_here:
        problem(fault)
    at = {"fault": fault, "fault_row": pressed} if fault and is_here else {}
    words = {"you": "Your verdict"}
    _component(key=key, data=asdict(table) | words | at, on_pressed_change=act)


def facts(label: str, pairs: Sequence[tuple[str, Cell]], key: str) -> None:
    """What is known of one case, by name."""
    listed: list[dict[str, Any]] = [{"name": name, "cell": cell} for name, cell in pairs]
    _component(key=key, data={"label": label, "facts": listed}, on_pressed_change=lambda: None)
