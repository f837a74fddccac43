"""A button that hands out a file: made at the click, and without drawing the page again."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Literal

import streamlit as st

CSV = "text/csv"


def draw(
    label: str,
    data: Callable[[], bytes | BinaryIO],
    file_name: str,
    *,
    key: str,
    mime: str = CSV,
    help: str | None = None,
    type: Literal["primary", "secondary"] = "secondary",
) -> None:
    """A download of what ``data`` makes when the button is pressed, on a thread of its own."""
    st.download_button(
        label,
        data=data,
        file_name=file_name,
        mime=mime,
        on_click="ignore",
        key=key,
        icon=":material/download:",
        help=help,
        type=type,
    )
