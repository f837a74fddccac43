"""Signing in at a provider: who came back from there, what is shown before, and the way out."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import streamlit as st

from second_opinion.access.access_rules import DEFAULT, AccessRules
from second_opinion.access.signed_in import SignedIn
from second_opinion.errors import StorageError, UserError
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.settings import Settings
from second_opinion.store import Store
from second_opinion.ui import proxy_request
from second_opinion.ui.escaping import escape

# A page that is open stays so for a working day, whatever the token says: typing is not cut short.
LONGEST_SECONDS = 12 * 3600.0


class Arrival(NamedTuple):
    """Who signed in; nobody, and why, where the sign-in is not taken."""

    person: Expert | None
    refusal: str = ""


NOBODY = Arrival(None)


def arrival(rules: AccessRules, settings: Settings) -> Arrival:
    """Who is signed in in this session, looked at anew where the token is another one."""
    try:
        claims = proxy_request.claims(rules.header) if rules.header else _claims()
    except UserError as error:
        return _refused("header", str(error), settings)
    if not claims:
        st.session_state.pop("who_signed_in", None)
        return NOBODY
    mark = repr((sorted(claims.items(), key=str), rules))
    before = st.session_state.get("who_signed_in")
    try:
        if not before or before[0] != mark or _is_anothers(before[2], claims, rules, settings):
            before = mark, time.time(), _arrival(claims, rules, settings)
            st.session_state["who_signed_in"] = before
    except StorageError as error:
        # A database that cannot be used proves nothing, and ends nothing.
        return Arrival(None, str(error))
    _, since, arrived = before
    if time.time() - since > LONGEST_SECONDS:
        return Arrival(None, OPEN_TOO_LONG if rules.header else OVER)
    return arrived


# Each names somebody who was here before: by a sign-in, a typed name or a personal link.
OF_SOMEBODY = ("who_signed_key", "who_expert", "who_link")
# What the run has noted before it looks at who is here.
OF_THE_RUN = ("who_settings", "who_rules", "frame_page")
OPEN_TOO_LONG = "This page was open for too long. Load it again."
OVER = "Your sign-in is over. Sign in again."


def form(arrived: Arrival, rules: AccessRules, purpose: str, title: str) -> None:
    """Offer to sign in, with what spoke against it if somebody has."""
    with st.container(border=True, key="who_sign_in"):
        st.header(title, anchor=False)
        st.text(purpose)
        if arrived.refusal:
            st.error(escape(arrived.refusal), icon=":material/error:")
        with st.container(horizontal=True):
            # At a proxy nobody signs in from here.
            for provider in () if rules.header else rules.providers:
                st.button(
                    "Sign in" if provider == DEFAULT else f"Sign in with {escape(provider)}",
                    key=f"who_sign_in_{provider}",
                    type="primary",
                    on_click=st.login,
                    args=() if provider == DEFAULT else (provider,),
                )
            if arrived.refusal and not rules.header and _claims():
                st.button("Sign out", key="who_sign_out", on_click=leave)


def leave() -> None:
    """Sign out, here and at the provider where it lets itself be told."""
    # A part of the page may be drawn once more before the browser has left for the provider.
    _forget_all(*OF_THE_RUN)
    st.logout()


def _forget_all(*kept: str) -> None:
    """Leave nothing of the person who was here to the next one."""
    for key in list(st.session_state):
        if key not in kept:
            del st.session_state[key]
    st.query_params.clear()


def _claims() -> dict[str, Any]:
    """What the provider said, as Streamlit's signed cookie keeps it; empty without a sign-in."""
    claims = dict(st.user.to_dict())
    return claims if claims.get("is_logged_in") is True else {}


def _arrival(claims: dict[str, Any], rules: AccessRules, settings: Settings) -> Arrival:
    try:
        signed_in = SignedIn.of(claims, rules)
    except UserError as error:
        return _refused("header" if rules.header else "oidc", str(error), settings)
    person = signed_in.expert(rules)
    store = Store.open(settings.feedback_db)
    refusal = _refusal(signed_in, person, rules, store)
    by = "header" if rules.header else "oidc"
    if refusal:
        store.sign_ins.refuse(by, refusal, person, signed_in.provider)
        return Arrival(None, refusal)
    last = st.session_state.get("who_signed_key")
    if last != person.expert_key and any(map(st.session_state.get, OF_SOMEBODY)):
        _forget_all(*OF_THE_RUN)
    if last != person.expert_key:
        details = {"by": by, "provider": signed_in.provider, "role": person.role}
        store.event_log.add(Event("sign-in", person.label, details))
        st.session_state["who_signed_key"] = person.expert_key
    return Arrival(person)


def _is_anothers(
    arrived: Arrival, claims: dict[str, Any], rules: AccessRules, settings: Settings
) -> bool:
    """Whether the address of who came in was freed since, and another account holds it now."""
    person = arrived.person
    if person is None or not person.email:
        return False
    signed_in = SignedIn.of(claims, rules)
    holder = Store.open(settings.feedback_db).sign_ins.current_holder(
        signed_in.provider, only_its_own=signed_in.is_trusted(rules), by=person
    )
    return holder not in (None, person.expert_key)


def _refused(way: str, reason: str, settings: Settings) -> Arrival:
    """Nobody, on record once a visit: a page looks again in each run."""
    if st.session_state.get("who_refused_sign_in") != reason:
        st.session_state["who_refused_sign_in"] = reason
        Store.open(settings.feedback_db).sign_ins.refuse(way, reason)
    return Arrival(None, reason)


def _refusal(signed_in: SignedIn, person: Expert, rules: AccessRules, store: Store) -> str:
    if signed_in.provider not in rules.providers:
        return "The provider of your sign-in is not one of this app any more. Sign in again."
    if signed_in.ends is not None and signed_in.ends <= time.time():
        return OVER
    if not person.email:
        return ""
    is_trusted = signed_in.is_trusted(rules)
    holder = store.sign_ins.holder(signed_in.provider, only_its_own=is_trusted, by=person)
    if holder == person.expert_key:
        return ""
    return (
        f"{person.email} signed in here before with another account, and an address is one "
        "account's alone. Sign in with that one, or ask the person who runs this app."
    )
