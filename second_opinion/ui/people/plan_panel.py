"""People and records: the experts that a plan names, and those of them without a link."""

from __future__ import annotations

import streamlit as st

from second_opinion.formatting import joined
from second_opinion.records.expert import Expert
from second_opinion.records.invitation import Invitation, InvitationState
from second_opinion.records.plan import Plan
from second_opinion.records.stamp import new_id
from second_opinion.ui import click_ids
from second_opinion.ui.frame import callback, escape
from second_opinion.ui.people import made_link
from second_opinion.ui.run_memory import once
from second_opinion.ui.visit import Visit


def open_plans(visit: Visit) -> dict[str, Plan]:
    """The plans that take answers, by their ids, newest first."""
    plans = once("open plans", lambda: visit.store.plans.open(by=visit.asker))
    return {plan.id: plan for plan in plans}


def in_place(visit: Visit) -> dict[str, Plan]:
    """By the id of each plan the newest one in its place, to which its links lead too."""
    return once("plans in place", lambda: visit.store.plans.in_place(by=visit.asker))


def invited(visit: Visit, plan: Plan, states: list[InvitationState]) -> list[InvitationState]:
    """The invitations that lead to this plan: made for it, or for one whose place it took."""
    leads_to = in_place(visit)
    return [state for state in states if leads_to.get(state.invitation.plan_id or "") == plan]


def missing(plan: Plan, states: list[InvitationState]) -> list[str]:
    """The experts that a plan names by label and that nobody has invited to it."""
    seats = {
        seat
        for state in states
        for seat in plan.seats(state.invitation.expert.label, state.invitation.expert.expert_key)
    }
    return [name for at, name in enumerate(plan.experts) if at not in seats]


def invite_missing(visit: Visit, plan: Plan, states: list[InvitationState]) -> None:
    """Offer a link to each expert that an open plan names, one after the other."""
    names = missing(plan, invited(visit, plan, states))
    if not names:
        return
    with st.container(border=True, key=f"people_plan_{plan.id}"):
        st.text(f"Without a link to {plan.name}: {joined(names)}")
        st.button(
            f"Make the link of {escape(names[0])}",
            key=f"people_plan_invite_{plan.id}",
            on_click=_invite,
            args=(visit, plan, names[0], click_ids.upcoming("people_invite_id")),
        )


@callback("people")
def _invite(visit: Visit, plan: Plan, label: str, invitation_id: str) -> None:
    person = person_of(label)
    invitation = Invitation(
        person.name,
        person.email,
        model=f"{plan.model}/{plan.version}",
        plan_id=plan.id,
        id=invitation_id or new_id(),
    )
    secret = visit.store.invitations.invite(invitation, by=visit.signer())
    made_link.show(invitation.id, secret)
    click_ids.spend("people_invite_id")


def person_of(label: str) -> Expert:
    """Whoever a label names: ``Ada``, or ``Ada <ada@example.org>``."""
    name, has_email, email = label.partition(" <")
    return Expert.declared(name, email.removesuffix(">") if has_email else "")
