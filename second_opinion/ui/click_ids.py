"""Ids of what a click will store, made before it: a second click or the browser's retry has the
same one, and stores nothing more."""

from __future__ import annotations

import streamlit as st

from second_opinion.records.stamp import new_id
from second_opinion.ui import who


def upcoming(key: str) -> str:
    """The id under which the next click stores: the same until it is spent."""
    click_id: str = st.session_state.setdefault(key, new_id(who.key()))
    return click_id


def spend(key: str) -> None:
    """Let the next click have another id: this one is stored, or was for something else."""
    st.session_state.pop(key, None)
