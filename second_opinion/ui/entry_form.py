"""How somebody comes in and goes: the form for a name and a code, and the person in the menu."""

from __future__ import annotations

import time

import streamlit as st

from second_opinion.access import code_attempts, roles
from second_opinion.errors import UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import NAME_LIMIT, Expert, Role
from second_opinion.store import Store
from second_opinion.ui import deep_link, personal_link, sign_in, who


def form(purpose: str, title: str = "Your name") -> None:
    """Ask to sign in where there is a login, else for a name and, if one likes, an address."""
    if who.rules_now().is_broken:
        st.text("This app is closed until its secrets file is mended.")
        return
    if who.rules_now().has_login:
        arrived = who.arrival()
        if not who.rules_now().header:
            here = str(st.session_state["frame_page"])
            deep_link.keep(here, was_refused=bool(arrived.refusal))
        sign_in.form(arrived, who.rules_now(), purpose, "Sign in")
        return
    with st.form("who_form", border=True):
        st.header(title, anchor=False)
        st.text(purpose)
        st.text_input("Your name", key="who_name", max_chars=NAME_LIMIT, autocomplete="name")
        st.text_input("E-mail (optional)", key="who_email", autocomplete="email", max_chars=254)
        if _code_helps():
            needed = who.role() is None
            _code_field("Code" if needed else "Code (optional, for reviewers and the owner)")
        st.form_submit_button("Start", key="who_start", type="primary", on_click=_start)
        _show_refusal()


def how_to_come_in() -> str:
    """What somebody needs who may not come in yet, in words."""
    if who.rules_now().header:
        return "Your verdicts carry your name, which the proxy of this app says."
    if who.rules_now().has_login:
        return "Your verdicts carry your name: sign in with your account."
    return "You need the code that you were given."


def menu() -> None:
    """Show who is here, with a way to change it, and keep it in the browser's memory."""
    expert = who.here()
    if expert:
        with st.container(key="who_menu"):
            st.space("small")
            st.text(f"You are {expert.label}")
            if expert.source == "invite":
                st.caption("By your personal link.")
            if who.rules_now().header:
                st.caption("As the proxy of this app says.")
            elif expert.source == "oidc":
                st.button("Sign out", key="who_sign_out", type="tertiary", on_click=sign_in.leave)
            else:
                st.button("Not you?", key="who_change", type="tertiary", on_click=_leave)
            if _code_helps():
                with st.expander("I have a code"), st.form("who_code_form", border=False):
                    _code_field("Code")
                    st.form_submit_button("Enter", key="who_code_enter", on_click=_enter)
                    _show_refusal()
    who.keep("menu")


def _start() -> None:
    try:
        expert = Expert.declared(st.session_state["who_name"], st.session_state["who_email"])
        _use_code(expert)
        if who.role() is None:
            raise UserError("The code is missing. Enter the one that you were given.")
    except UserError as error:
        st.session_state["who_refused"] = str(error)
        return
    st.session_state["who_expert"] = expert
    st.rerun()


def _enter() -> None:
    expert = who.here()
    try:
        if expert:
            _use_code(expert)
    except UserError as error:
        st.session_state["who_refused"] = str(error)


def _use_code(expert: Expert) -> None:
    """Give this session the role of the code in the field; `UserError` for a wrong one."""
    code = str(st.session_state.get("who_code") or "")
    if not code.strip():
        return
    new_role = _role_by(code)
    store = Store.open(who.settings_now().feedback_db)
    if new_role is None:
        # On record without the code: it may be the right one with a slip.
        store.event_log.add(Event("wrong code", expert.label))
        raise UserError("The code is not right. Check it, then enter it again.")
    store.event_log.add(Event("sign-in", expert.label, {"role": new_role, "by": "code"}))
    st.session_state["who_by_code"] = new_role


def _role_by(code: str) -> Role | None:
    """The role that a code gives, or None, once it may be looked at; `UserError` before."""
    line = code_attempts.LINE
    own = line.attempts_of(who.key())
    attempts = own or st.session_state.setdefault("who_attempts", code_attempts.Attempts())
    if wait := attempts.wait():
        raise UserError(f"That is too fast. Wait {wait:.0f} seconds, then enter the code again.")
    turn = None if own else line.turn()
    if turn is not None:
        time.sleep(max(turn - time.monotonic(), 0))
    new_role = roles.given_by(code, who.settings_now())
    if new_role is None:
        attempts.failed()
        if own:
            line.failed()
        return None
    if turn is not None:
        line.take_back(turn)
    line.trust(who.key())
    return new_role


def _code_helps() -> bool:
    """Whether there is a code that would let this session do more."""
    if who.rules_now().has_login:
        return False
    settings, now = who.settings_now(), who.role()
    higher = roles.ROLES if now is None else roles.ROLES[roles.rank(now) + 1 :]
    return any(roles.code_for(one, settings) for one in higher)


def _code_field(label: str) -> None:
    st.text_input(label, key="who_code", type="password", max_chars=200, autocomplete="off")
    st.caption("A code opens the door and proves no name: yours stays what you typed.")


def _show_refusal() -> None:
    refused = st.session_state.pop("who_refused", "")
    if refused:
        st.error(refused, icon=":material/error:")


def _leave() -> None:
    # The next person at this screen finds neither the case nor what was typed.
    st.session_state.clear()
    st.query_params.clear()
    st.session_state["who_expert"] = None
    st.session_state["who_cases"] = []
    st.session_state["who_batches"] = []
    st.session_state["who_linked"] = []
    personal_link.remember("")
    st.session_state["who_left"] = True
