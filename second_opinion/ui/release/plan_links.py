"""Release decision: the personal links of the experts of a plan, and how far each is."""

from __future__ import annotations

import streamlit as st

from second_opinion.records.plan import Plan
from second_opinion.ui.frame import guarded, show_problem
from second_opinion.ui.people import invitations_section, plan_panel
from second_opinion.ui.visit import Visit

PEOPLE = "pages/9_People_and_records.py"


@guarded
def draw(visit: Visit, plan: Plan) -> None:
    """Who is asked, with a link for each, a text to send, a reminder, and revoking it."""
    if visit.closed_reason("owner"):
        return
    st.header("Experts and links", anchor=False)
    show_problem("people")
    states = visit.store.invitations.listed(by=visit.asker)
    own = plan_panel.invited(visit, plan, states)
    is_open = plan.id in plan_panel.open_plans(visit)
    if is_open:
        plan_panel.invite_missing(visit, plan, states)
    invitations_section.rows(visit, own)
    if is_open and not plan.experts:
        st.text("The plan names nobody: whoever answers counts.")
        st.page_link(
            PEOPLE,
            label="Invite somebody to it",
            icon=":material/link:",
            query_params={"section": "invitations"},
        )
    elif not own and not is_open:
        st.text("Nobody was invited to this plan.")
