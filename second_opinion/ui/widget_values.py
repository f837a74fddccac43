"""Values that are put into widgets from here, and arrive even if a click comes too early.

Streamlit tells the browser of such a value in the one run that puts it there. If a click starts the
next run before the widget is on the screen (its code may still be on its way), the browser never
hears of it and answers with the widget's empty state. So the value is put again in each run until
the browser has said that the widgets are there. Not longer: it would wipe out what is being typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from second_opinion.ui import browser


def put(values: Mapping[str, Any]) -> None:
    """Put values into widgets by their keys, before these are drawn."""
    for key, value in values.items():
        st.session_state[key] = value
    st.session_state["seeds"] = sorted({*st.session_state.get("seeds", ()), *values})


def again() -> None:
    """Put once more what the browser has not confirmed; values that it sent stay as they are."""
    for key in st.session_state.get("seeds", ()):
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def confirm(heard: Callable[[], None]) -> None:
    """Let the browser say when all widgets with such values are drawn. At the end of a page.

    ``heard`` is called before the run that this starts.
    """
    keys = [key for key in st.session_state.get("seeds", ()) if key in st.session_state]

    def settle() -> None:
        st.session_state["seeds"] = []
        heard()

    browser.tell_when_drawn(keys, settle)
