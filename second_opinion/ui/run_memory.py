"""What one run of a page has read, so that it reads it once; the next run begins anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def forget() -> None:
    """Read everything anew from here on: a run, a callback, or a part drawn alone begins."""
    st.session_state["visit_read"] = {}


def once(part: str, read: Callable[[], T]) -> T:
    """What ``read`` gives, read once in this run."""
    before = st.session_state.setdefault("visit_read", {})
    if part not in before:
        before[part] = read()
    value: T = before[part]
    return value
