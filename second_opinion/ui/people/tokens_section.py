"""People and records: the tokens of programs, made, listed and revoked."""

from __future__ import annotations

import streamlit as st

from second_opinion.access import api_tokens
from second_opinion.errors import UserError
from second_opinion.records.api_token_move import ApiTokenMove
from second_opinion.records.expert import NAME_LIMIT
from second_opinion.ui.frame import callback, escape, notice, show_problem
from second_opinion.ui.visit import Visit

MAY = {
    "expert": "predict and give verdicts",
    "reviewer": "also fetch every verdict",
}
ABOUT = (
    "A program calls the API with a token: predictions, verdicts, and, where you say so, what "
    "everybody said. docs/api.md has every call."
)
NOT_AGAIN = "Copy it now: only its hash is kept, so it cannot be shown again."


def tokens(visit: Visit) -> None:
    """The tokens in use, and a form to make another."""
    st.text(ABOUT)
    _form(visit)
    show_problem("people")
    _new()
    made = visit.store.made_tokens.listed(by=visit.asker)
    if not made:
        st.text("No token was made here yet.")
    for one in made:
        with st.container(border=True, key=f"people_token_{one.token_id}"):
            _token(visit, one)
    _of_settings(visit)


def _form(visit: Visit) -> None:
    with st.form("people_token_form", border=True, clear_on_submit=True):
        st.text_input("Name of the program", key="people_token_name", max_chars=NAME_LIMIT)
        st.radio("It may", list(MAY), format_func=MAY.__getitem__, key="people_token_role")
        st.form_submit_button("Make a token", on_click=_make, args=(visit,))


@callback("people")
def _make(visit: Visit) -> None:
    name, role = st.session_state["people_token_name"], st.session_state["people_token_role"]
    if not name.strip():
        raise UserError("The name is empty. Type the name that the program's answers carry.")
    secret = visit.store.made_tokens.make(name, role, by=visit.signer())
    st.session_state["people_token_secret"] = name.strip(), secret


def _new() -> None:
    """The token that was just made: in this run alone."""
    name, secret = st.session_state.pop("people_token_secret", ("", ""))
    if secret:
        with st.container(border=True, key="people_token_new"):
            st.text(f"The token of {name}:")
            st.code(secret, language=None)
            notice(NOT_AGAIN)


def _token(visit: Visit, one: ApiTokenMove) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch", gap="xxsmall"):
            st.text(one.name)
            made = f"made {visit.clock(one.created_at)} by {one.moved_by}"
            st.caption(escape(f"may {MAY[one.role]}; {made}"))
        st.button(
            "Revoke", key=f"people_revoke_{one.token_id}", on_click=_revoke, args=(visit, one)
        )


@callback("people")
def _revoke(visit: Visit, one: ApiTokenMove) -> None:
    visit.store.made_tokens.revoke(one.token_id, by=visit.signer())


def _of_settings(visit: Visit) -> None:
    names = [token.name for token in api_tokens.of_settings(visit.settings)]
    if names:
        st.text(f"Set by API_TOKENS, and revoked there: {', '.join(names)}.")
