"""The way through cases that are judged one after the other: how far it is, back, and out."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from second_opinion.formatting import plural

# `?row=next` opens the first row that still waits.
NEXT = "next"


def draw(
    judged: int,
    total: int,
    words: str,
    *,
    back: Callable[[], None] | None = None,
    out: Callable[[], None] | None = None,
) -> None:
    """How many of all cases a person has judged, in words and as a bar, with the ways from here.

    ``back`` opens the case before this one, ``out`` leaves the case; None where there is no such
    way. No bar is drawn of no cases.
    """
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        if total:
            with st.container(key="judge_progress", width="stretch"):
                st.progress(judged / total, words)
        if back:
            st.button("Back to the one before", key="judge_back", type="tertiary", on_click=back)
        if out:
            st.button("Close the case", key="judge_out", type="tertiary", on_click=out)


def row_words(judged: int, total: int) -> str:
    """``12 of 50 rows judged by you``."""
    return f"{judged:,} of {plural(total, 'row')} judged by you"
