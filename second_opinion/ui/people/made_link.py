"""The secret of a link that was just made: on the page until it is put away, and nowhere else."""

from __future__ import annotations

import streamlit as st


def show(invitation_id: str, secret: str) -> None:
    """Let this link stand on the page, in the place of an earlier one."""
    st.session_state["people_secret"] = (invitation_id, secret)
    st.session_state.pop("people_reminded", None)


def secret_of(invitation_id: str) -> str:
    """The secret of the link that was just made for this invitation; empty for any other."""
    made_for, secret = st.session_state.get("people_secret", ("", ""))
    return secret if made_for == invitation_id else ""


def put_away() -> None:
    """Show it no more."""
    st.session_state.pop("people_secret", None)
