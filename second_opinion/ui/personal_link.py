"""A personal link: opened once, then remembered by the browser, and asked about at each run.

So a link that is revoked while its person is at work opens nothing from the next click on.
"""

from __future__ import annotations

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.records.invitation import Invitation
from second_opinion.settings import Settings
from second_opinion.store import Store
from second_opinion.store.invitations import LinkError
from second_opinion.ui.run_memory import once

PARAMETER = "invite"


def take_up(settings: Settings) -> bool:
    """Open the link of the address, if it has one, and take it out of the address bar.

    Whether somebody came by it now. A refused one is said by `refusal`.
    """
    secret = st.query_params.get(PARAMETER)
    if secret is None:
        return False
    del st.query_params[PARAMETER]
    try:
        invitation = Store.open(settings.feedback_db).invitations.arrive(secret)
    except UserError as error:
        _refuse(str(error))
        return False
    st.session_state["who_link"] = secret
    st.session_state.pop("who_link_refused", None)
    if invitation.model:
        st.session_state["frame_model"] = invitation.model
    if invitation.plan_id:
        st.session_state["who_link_plan"] = invitation.plan_id
    return True


def put_away(reason: str) -> None:
    """Take the link of the address, if it has one, out of the address bar unopened, and say why."""
    if PARAMETER in st.query_params:
        del st.query_params[PARAMETER]
        _refuse(reason)


def plan_to_open() -> str:
    """The plan of a link that was just opened, once; empty for none."""
    return str(st.session_state.pop("who_link_plan", ""))


def secret() -> str:
    """What this session came by, to be remembered; empty where it came by no link."""
    return str(st.session_state.get("who_link") or "")


def remember(secret: object) -> None:
    """Take up what the browser remembers of a link."""
    st.session_state["who_link"] = secret if isinstance(secret, str) else ""


def holder(settings: Settings) -> Invitation | None:
    """Whose link this session came by, while it opens; None without one."""
    return once("link", lambda: _holder(settings)) if secret() else None


def _holder(settings: Settings) -> Invitation | None:
    try:
        return Store.open(settings.feedback_db).invitations.holder(secret())
    except LinkError as error:
        st.session_state["who_link"] = ""
        _refuse(str(error))
    except UserError as error:
        # A database that cannot be used proves nothing, and ends nothing.
        _refuse(str(error))
    return None


def refusal(page: str) -> str:
    """Why a link opens nothing, for as long as the page is open on which that was met."""
    refused = st.session_state.get("who_link_refused")
    if not refused:
        return ""
    message, where = refused
    if where and where != page:
        st.session_state.pop("who_link_refused")
        return ""
    st.session_state["who_link_refused"] = (message, page)
    return str(message)


def has_ended() -> bool:
    """Whether a link was refused that no page has said yet: the whole page is to be drawn."""
    refused = st.session_state.get("who_link_refused")
    return bool(refused and not refused[1])


def _refuse(message: str) -> None:
    st.session_state["who_link_refused"] = (message, "")
