"""Who is here: a name that survives page changes and a reload, kept in the person's browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.records import NAME_LIMIT, Expert
from second_opinion.ui import browser

# The browser remembers which cases were asked for in it: a typed name proves nothing, so the name
# alone must not open somebody else's cases.
MOST_CASES = 24

PROXY_HEADERS = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host")


def here() -> Expert | None:
    """The person of this session, from this session or from the browser's memory."""
    if "who_expert" not in st.session_state:
        memory = browser.remembered()
        st.session_state["who_expert"] = _recalled(memory)
        st.session_state["who_cases"] = [str(i) for i in _list(memory.get("cases"))]
    expert: Expert | None = st.session_state["who_expert"]
    return replace(expert, role="owner") if expert and is_local() else expert


def is_local() -> bool:
    """Whether this browser runs on the machine of the app: one machine, one person, all rights.

    A proxy on the same machine forwards other people's requests, and says so in a header.
    """
    forwarded = any(header in st.context.headers for header in PROXY_HEADERS)
    # Streamlit gives no address for this machine's own.
    return st.context.ip_address is None and not forwarded


def cases() -> list[str]:
    """Ids of the predictions made in this browser, newest first."""
    here()
    return list(st.session_state["who_cases"])


def add_case(prediction_id: str) -> None:
    """Note that a prediction was asked for in this browser."""
    known = [known for known in cases() if known != prediction_id]
    st.session_state["who_cases"] = [prediction_id, *known][:MOST_CASES]


def form(purpose: str) -> None:
    """Ask for a name and, if the person likes, an e-mail address."""
    with st.form("who_form", border=True):
        st.header("Who are you?", anchor=False)
        st.text(purpose)
        st.text_input("Your name", key="who_name", max_chars=NAME_LIMIT, autocomplete="name")
        st.text_input("E-mail (optional)", key="who_email", autocomplete="email", max_chars=254)
        st.form_submit_button("Start", key="who_start", type="primary", on_click=_start)
        refused = st.session_state.pop("who_refused", "")
        if refused:
            st.error(refused, icon=":material/error:")


def menu() -> None:
    """Show who is here, with a way to change it, and keep it in the browser's memory."""
    expert = here()
    if expert:
        with st.container(key="who_menu"):
            st.space("small")
            st.text(f"You are {expert.label}")
            st.button("Not you?", key="who_change", type="tertiary", on_click=_leave)
    keep("menu")


def keep(place: str) -> None:
    """Write the name and the cases of this session into the browser's memory."""
    expert = here()
    if expert:
        memory = {"name": expert.name, "email": expert.email, "cases": cases()}
        browser.remember(memory, place)
    elif st.session_state.get("who_left"):
        browser.remember(None, place)


def _start() -> None:
    try:
        expert = Expert.declared(st.session_state["who_name"], st.session_state["who_email"])
    except UserError as error:
        st.session_state["who_refused"] = str(error)
        return
    st.session_state["who_expert"] = expert
    st.rerun()


def _leave() -> None:
    # The next person at this screen finds neither the case nor what was typed.
    st.session_state.clear()
    st.query_params.clear()
    st.session_state["who_expert"] = None
    st.session_state["who_cases"] = []
    st.session_state["who_left"] = True


def _recalled(memory: dict[str, Any]) -> Expert | None:
    try:
        return Expert.declared(str(memory.get("name", "")), str(memory.get("email", "")))
    except UserError:
        return None


def _list(value: object) -> list[Any]:
    return value[:MOST_CASES] if isinstance(value, list) else []
