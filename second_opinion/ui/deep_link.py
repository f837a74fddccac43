"""The page and query that somebody came by, kept in the browser while they sign in elsewhere.

A provider sends everybody back to the first page: what the link named would be lost.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import streamlit as st

from second_opinion.ui import browser, personal_link

KEY = "link"
FIRST = "Home"
# Who comes back later than this wants something else; a cookie has no room for more letters.
LONGEST_SECONDS, MOST_LETTERS = 3600.0, 1000


class DeepLink(NamedTuple):
    """A page by its title, its query, and since when, in seconds since 1970.

    Who ``was_refused`` stands on the first page again, and still wants what the link named.
    """

    page: str
    query: dict[str, str]
    at: float
    was_refused: bool


def keep(page: str, *, was_refused: bool) -> None:
    """Keep what the address names, through a sign-in that leads away."""
    memory, query = browser.remembered(), query_now()
    before = _read(memory)
    link = DeepLink(page, query, time.time(), was_refused)
    if before and (was_refused or before.was_refused) and page == FIRST and not query:
        link = before._replace(was_refused=was_refused)
    if sum(map(len, [*link.query, *link.query.values()])) <= MOST_LETTERS:
        browser.remember(memory | {KEY: link}, "sign_in")


def take_up(page: str) -> DeepLink | None:
    """What was kept, once, where the first page is open and its address names nothing."""
    if page != FIRST or query_now() or st.session_state.get("deep_link_taken"):
        return None
    st.session_state["deep_link_taken"] = True
    return _read(browser.remembered())


def query_now() -> dict[str, str]:
    """What the address names beside a personal link."""
    names = [name for name in st.query_params if name != personal_link.PARAMETER]
    return {name: st.query_params[name] for name in names}


def _read(memory: dict[str, Any]) -> DeepLink | None:
    """What was kept; None where it is nothing, too old, or of another form."""
    try:
        page, query, at, was_refused = memory[KEY]
        link = DeepLink(str(page), dict(query), float(at), bool(was_refused))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    is_text = all(isinstance(one, str) for pair in link.query.items() for one in pair)
    is_new = 0 <= time.time() - link.at <= LONGEST_SECONDS
    return link if is_text and is_new and personal_link.PARAMETER not in link.query else None
