"""Who is here: a name that survives page changes and a reload, kept in the person's browser.

A code that was entered gives its role to this session alone: it is never kept in the browser.
"""

from __future__ import annotations

import re
from dataclasses import replace
from secrets import token_hex
from typing import Any

import streamlit as st

from second_opinion.access import local_browser, roles
from second_opinion.access.access_rules import AccessRules
from second_opinion.errors import UserError
from second_opinion.records.expert import Expert, IdentitySource, Role
from second_opinion.records.invitation import Invitation
from second_opinion.settings import Settings
from second_opinion.ui import (
    browser,
    deep_link,
    personal_link,
    proxy_request,
    secrets_file,
    sign_in,
    uploads,
)
from second_opinion.ui.run_memory import once

# The browser remembers which cases were asked for in it: a typed name proves nothing, so the name
# alone must not open somebody else's cases.
MOST_CASES = 24
MOST_BATCHES = 12


def arrive(settings: Settings, rules: AccessRules) -> bool:
    """Note the settings and rules of this run; whether this browser may come in at all."""
    _note(settings, rules)
    # First: where it is another person, nothing of the one before is left.
    signed_in = arrival()
    _recall()
    if signed_in.person:
        personal_link.remember("")
    if reason := _why_no_link():
        personal_link.put_away(reason)
    elif personal_link.take_up(settings):
        # Whoever typed a name here before is somebody else.
        st.session_state["who_expert"] = None
    may_come_in = role() is not None
    uploads.arrived(admitted=may_come_in, settings=settings)
    st.session_state["who_rights"] = _rights()
    return may_come_in


def has_changed(settings: Settings, rules: AccessRules) -> bool:
    """Whether who is here is another one, or may do or see something else, than when the whole
    page was drawn."""
    _note(settings, rules)
    return st.session_state.get("who_rights") != _rights()


def check_same_person(settings: Settings, rules: AccessRules) -> None:
    """Raise `UserError` where somebody else signed in since the page was drawn."""
    _note(settings, rules)
    before = st.session_state.get("who_signed_key")
    if arrival().person and before not in (None, st.session_state["who_signed_key"]):
        raise UserError("Somebody else signed in here since. Nothing was saved: begin again.")


def _rights() -> tuple[str, Role, frozenset[str]] | None:
    may_act_as = role()
    if may_act_as is None:
        return None
    person = here() or nobody()
    return person.expert_key, may_act_as, person.hidden_models


def here() -> Expert | None:
    """The person of this session: signed in, or from this session or the browser's memory."""
    _recall()
    signed_in = arrival().person
    if signed_in:
        return replace(
            signed_in,
            browser_secret=key(),
            hidden_models=signed_in.hidden_models | proxy_request.closed_models(settings_now()),
        )
    invitation = _invitation()
    if rules_now().has_login and not invitation:
        return None
    expert: Expert | None = invitation.expert if invitation else st.session_state["who_expert"]
    may_act_as = role()
    if expert is None or may_act_as is None:
        return None
    by_code = st.session_state.get("who_by_code") and not invitation
    source: IdentitySource = "code" if by_code else expert.source
    return replace(
        expert,
        role=may_act_as,
        source=source,
        browser_secret=key(),
        hidden_models=_hidden_models(),
    )


def nobody() -> Expert:
    """Who is here before a name is given: with what this session may do, and no name.

    `UserError` where it may not come in any more.
    """
    may_act_as = role()
    if may_act_as is None:
        raise UserError("You are not in any more. Load the page again, and come in as before.")
    hidden = _hidden_models() | proxy_request.closed_models(settings_now())
    return Expert("Somebody without a name", role=may_act_as, hidden_models=hidden)


def key() -> str:
    """The secret of this browser, by which it proves what was made in it."""
    _recall()
    secret: str = st.session_state.setdefault("who_key", token_hex(16))
    return secret


def role() -> Role | None:
    """What this session may do, by sign-in, code, link or machine; None if it may not come in."""
    settings, rules = settings_now(), rules_now()
    if rules.is_broken:
        return None
    signed_in = arrival().person
    if signed_in:
        return signed_in.role
    if _invitation():
        by_code = None if rules.has_login else st.session_state.get("who_by_code")
        return roles.higher(by_code, "expert")
    if rules.has_login:
        return None
    alone = roles.without_code(local=is_local(), settings=settings)
    return roles.higher(st.session_state.get("who_by_code"), alone)


def closed_reason(needed: Role) -> str:
    """Why what is for ``needed`` is closed to this session, and what opens it; empty if open."""
    return roles.closed_reason(needed, role(), settings_now(), has_login=rules_now().has_login)


def is_local() -> bool:
    """Whether this browser runs on the machine of the app, as far as its request proves it."""
    # Streamlit gives no address for this machine's own, and for no request at all.
    return local_browser.is_local(st.context.ip_address, proxy_request.headers())


def cases() -> list[str]:
    """Ids of the predictions made in this browser, newest first."""
    _recall()
    return list(st.session_state["who_cases"])


def add_case(prediction_id: str) -> None:
    """Note that a prediction was asked for in this browser."""
    others = [case for case in cases() if case != prediction_id]
    st.session_state["who_cases"] = [prediction_id, *others][:MOST_CASES]


def batches() -> list[str]:
    """Ids of the batches that were asked for in this browser, newest first."""
    _recall()
    return list(st.session_state.get("who_batches", ()))


def add_batch(batch_id: str) -> None:
    """Note that a batch was asked for in this browser."""
    others = [batch for batch in batches() if batch != batch_id]
    st.session_state["who_batches"] = [batch_id, *others][:MOST_BATCHES]


def linked_batches() -> list[str]:
    """Ids of the batches that were opened here by a link, newest first: others asked for them."""
    _recall()
    return list(st.session_state.get("who_linked", ()))


def add_linked_batch(batch_id: str) -> None:
    """Note that a batch was opened here by its link. It gives no right to it."""
    others = [batch for batch in linked_batches() if batch != batch_id]
    st.session_state["who_linked"] = [batch_id, *others][:MOST_BATCHES]


def keep(place: str) -> None:
    """Write the name and the cases of this session into the browser's memory."""
    expert = here()
    # Who signed in is known on every device, and the next person at this screen is another one.
    if expert and expert.source == "oidc":
        memory = browser.remembered()
        passed = [memory.pop(name, None) for name in (personal_link.PARAMETER, deep_link.KEY)]
        if place == "menu" and any(passed):
            browser.remember(memory, place)
        return
    if expert:
        memory = {"name": expert.name, "email": expert.email, "cases": cases()}
        memory["key"] = key()
        if personal_link.secret():
            # Without a name: a link that is revoked leaves nobody behind.
            memory |= {"name": "", "email": "", personal_link.PARAMETER: personal_link.secret()}
        if batches():
            memory["batches"] = batches()
        if linked_batches():
            memory["linked"] = linked_batches()
        browser.remember(memory, place)
    elif st.session_state.get("who_left"):
        browser.remember(None, place)


def _note(settings: Settings, rules: AccessRules) -> None:
    st.session_state["who_settings"] = settings
    st.session_state["who_rules"] = rules


def settings_now() -> Settings:
    """The settings that this run goes by."""
    settings: Settings | None = st.session_state.get("who_settings")
    return settings or secrets_file.read().settings


def rules_now() -> AccessRules:
    """Who may come in and use what, as this run goes by."""
    rules: AccessRules | None = st.session_state.get("who_rules")
    return rules or secrets_file.read().rules


def arrival() -> sign_in.Arrival:
    """Who signed in; nobody, without a refusal, where nobody has, or there is no login."""
    if not rules_now().has_login:
        return sign_in.NOBODY
    return once("arrival", lambda: sign_in.arrival(rules_now(), settings_now()))


def _invitation() -> Invitation | None:
    """The personal link of who is here, where none of `_why_no_link` is so."""
    return None if _why_no_link() else personal_link.holder(settings_now())


def _why_no_link() -> str:
    """Why a personal link opens nothing in this session, and what to do; empty where it may."""
    if rules_now().is_broken:
        return (
            "This app is closed, and the personal link was not opened. Open it again once the "
            "secrets file of this app is mended."
        )
    if rules_now().header:
        return "A personal link opens nothing here: the proxy of this app says who you are."
    if arrival() != sign_in.NOBODY:
        return (
            "You are signed in, and the personal link was not opened. Sign out, then open it again."
        )
    return ""


def owns_machine() -> bool:
    """Whether this browser is its owner's, by the machine it runs on."""
    alone = roles.without_code(local=is_local(), settings=settings_now())
    return not rules_now().has_login and alone == "owner"


def _hidden_models() -> frozenset[str]:
    """The models that nobody uses who has only given a name, but on the machine of the app."""
    if not rules_now().models or owns_machine():
        return frozenset()
    return rules_now().hidden_from(frozenset())


def _recall() -> None:
    """Take up what the browser remembers, once a session."""
    if "who_expert" not in st.session_state:
        memory = browser.remembered()
        st.session_state["who_expert"] = _recalled(memory)
        personal_link.remember(memory.get(personal_link.PARAMETER))
        st.session_state["who_cases"] = [str(i) for i in _list(memory.get("cases"))]
        if re.fullmatch("[0-9a-f]{32}", str(memory.get("key"))):
            st.session_state["who_key"] = str(memory["key"])
        st.session_state["who_batches"] = [str(i) for i in _list(memory.get("batches"))]
        st.session_state["who_linked"] = [str(i) for i in _list(memory.get("linked"))]


def _recalled(memory: dict[str, Any]) -> Expert | None:
    try:
        return Expert.declared(str(memory.get("name", "")), str(memory.get("email", "")))
    except UserError:
        return None


def _list(value: object) -> list[Any]:
    return value[:MOST_CASES] if isinstance(value, list) else []
