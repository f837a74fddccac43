"""Values that are put into widgets from here, and arrive even if a click comes too early.

Streamlit tells the browser of such a value in the one run that puts it there. If a click starts the
next run before the widget is on the screen (its code may still be on its way), the browser never
hears of it and answers with the widget's empty state; a click that was on its way meanwhile brings
the value from before. So the value is put again in each run until the browser has said that the
widgets are there, and has it. Not longer: it would wipe out what is being typed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import streamlit as st

from second_opinion.ui import browser

# For so many seconds a value from before is taken for one that was on its way.
ON_ITS_WAY = 10.0


class Seed(NamedTuple):
    """A value that was put into a widget, when, and what the widget held before."""

    value: Any
    at: float
    before: tuple[Any, ...]

    def is_late(self, value: Any) -> bool:
        """Whether the browser sent this value before it knew of the new one."""
        is_other = not _same(value, self.value)
        on_its_way = time.monotonic() - self.at < ON_ITS_WAY
        return is_other and on_its_way and any(_same(value, old) for old in self.before)


def put(values: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
    """Put values into widgets by their keys, before these are drawn.

    ``before`` is what the widgets held, where that is gone from the session already.
    """
    seeds = dict(_seeds())
    last = (
        {str(key): value for key, value in st.session_state.items()} if before is None else before
    )
    for key, value in values.items():
        old = seeds[key].before if key in seeds else ()
        held = (last[key],) if key in last else ()
        seeds[key] = Seed(value, time.monotonic(), (*old, *held))
        st.session_state[key] = value
    st.session_state["seeds"] = seeds


def again() -> None:
    """Put once more what the browser has not confirmed; values that it sent since stay."""
    # Nobody who never confirmed anything sends late values: there is no browser.
    late = _late() if st.session_state.get("seeds_heard", False) else {}
    for key in _seeds():
        if key in st.session_state:
            st.session_state[key] = late[key].value if key in late else st.session_state[key]


def confirm(heard: Callable[[], None]) -> None:
    """Let the browser say when all widgets with such values are drawn. At the end of a page.

    ``heard`` is called before the run that this starts.
    """
    keys = sorted(key for key in _seeds() if key in st.session_state)

    def settle() -> None:
        st.session_state["seeds_heard"] = True
        st.session_state["seeds"] = _late()
        # Of all others the browser has the value: once more, it would wipe out what is being typed.
        again()
        heard()

    browser.tell_when_drawn(keys, settle)


def _late() -> dict[str, Seed]:
    """Of those whose widget still holds what was on its way."""
    return {
        key: seed
        for key, seed in _seeds().items()
        if key in st.session_state and seed.is_late(st.session_state[key])
    }


def _seeds() -> dict[str, Seed]:
    seeds: dict[str, Seed] = st.session_state.get("seeds", {})
    return seeds


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)
