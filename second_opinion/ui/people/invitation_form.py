"""The form with which an owner invites an expert."""

from __future__ import annotations

import streamlit as st

from second_opinion.records.expert import NAME_LIMIT
from second_opinion.records.invitation import Invitation
from second_opinion.ui import click_ids, distinct_words, frame, widget_values
from second_opinion.ui.frame import callback
from second_opinion.ui.people import made_link, plan_panel
from second_opinion.ui.visit import Visit

FIRST = ""
FIELDS = (
    "people_invite_name",
    "people_invite_email",
    "people_invite_model",
    "people_invite_plan",
)
WHAT_IT_IS = (
    "An expert with a personal link needs no name, no code and no account, on any device. What "
    "they say carries their name, and the mark that it came by a link."
)


def form(visit: Visit) -> None:
    """Ask for a name, and for what the link opens."""
    with st.form("people_invite", border=True):
        st.header("Invite an expert", anchor=False)
        st.text(WHAT_IT_IS)
        with st.grid(3, min_column_width=220, vertical_alignment="bottom"):
            st.text_input("Name", key="people_invite_name", max_chars=NAME_LIMIT)
            st.text_input("E-mail (optional)", key="people_invite_email", max_chars=254)
            options = frame.model_options(visit.catalog)
            if len(options) > 1:
                refs = [FIRST, *options]
                st.selectbox(
                    "Opens the model",
                    refs,
                    key="people_invite_model",
                    format_func=distinct_words.of(
                        refs, lambda ref: options.get(ref, "The one that is shown first")
                    ),
                )
            plans = plan_panel.open_plans(visit)
            if plans:
                ids = [FIRST, *plans]
                st.selectbox(
                    "For the plan",
                    ids,
                    key="people_invite_plan",
                    format_func=distinct_words.of(
                        ids, lambda plan_id: plans[plan_id].name if plan_id else "None"
                    ),
                )
        st.form_submit_button(
            "Make the link",
            key="people_invite_make",
            type="primary",
            on_click=_invite,
            args=(visit, click_ids.upcoming("people_invite_id")),
        )
        frame.show_problem("people_invite")


@callback("people_invite")
def _invite(visit: Visit, invitation_id: str) -> None:
    invitation = Invitation(
        name=str(st.session_state.get("people_invite_name") or ""),
        email=str(st.session_state.get("people_invite_email") or ""),
        model=st.session_state.get("people_invite_model") or None,
        plan_id=st.session_state.get("people_invite_plan") or None,
        id=invitation_id,
    )
    secret = visit.store.invitations.invite(invitation, by=visit.signer())
    made_link.show(invitation.id, secret)
    click_ids.spend("people_invite_id")
    widget_values.put({field: "" for field in FIELDS if field in st.session_state})
