"""Review queue: which plan a person answers, and what is asked of them."""

from __future__ import annotations

import streamlit as st

from second_opinion.models.card import ModelCard
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.ui import distinct_words, planned_model
from second_opinion.ui.frame import escape, notice
from second_opinion.ui.visit import Visit

NONE = (
    "No case waits for your answer. When the owner of this app plans a release, you are asked "
    "here, one case at a time."
)
NOT_ASKED = (
    "The link that brought you here is for a plan that is closed, or that asks other people. "
    "Ask whoever sent it for a new one."
)
BOTH = (
    "Some cases are asked of two people. Who runs this app sees what you answered, with your name."
)
HOW = {
    "blind": (
        "Answer each case as you would without a model, then lock your answer. Only then you see "
        f"what the model says. You may still change your mind: the first answer is kept. {BOTH} "
        "About one case in twenty comes to you again, to see how steady answers are."
    ),
    "open": f"You see the model's answer, and say whether it is right. {BOTH}",
}

KNOWN = " The right answer to some cases is known: they show how often we are right, unmarked."


def draw(visit: Visit, person: Expert) -> Plan | None:
    """The plan that is answered, the one of the link first; None where none asks this person."""
    plans = {plan.id: plan for plan in visit.store.queue.plans(by=person)}
    linked = _linked(visit, person)
    if linked and linked not in plans:
        notice(NOT_ASKED)
    if not plans:
        st.text(NONE)
        return None
    if st.session_state.get("queue_plan") not in plans:
        st.session_state["queue_plan"] = linked if linked in plans else next(iter(plans))
    if len(plans) > 1:
        st.selectbox(
            "What you answer",
            list(plans),
            key="queue_plan",
            format_func=distinct_words.of(plans, lambda one: _words(visit, plans[one])),
        )
    plan = plans[st.session_state["queue_plan"]]
    st.query_params["plan"] = plan.id
    return plan


def _linked(visit: Visit, person: Expert) -> str:
    """The plan of the address, or the one that has taken its place; empty without one."""
    linked = str(st.query_params.get("plan", ""))
    plan = visit.store.queue.plan_of_link(linked, by=person) if linked else None
    return plan.id if plan else linked


def about(visit: Visit, plan: Plan, card: ModelCard) -> None:
    """What the cases are about, and how to answer them."""
    st.caption(escape(_words(visit, plan)))
    if card.target.description:
        st.text(card.target.description)
    with st.expander("How to answer", key="queue_instructions"):
        st.text(HOW[plan.mode] + (KNOWN if plan.known else ""))


def _words(visit: Visit, plan: Plan) -> str:
    batch = visit.store.batches.find(plan.batch_id, by=visit.asker)
    model = planned_model.words(visit, plan) or plan.name
    return f"{model} · {batch.name if batch else 'its cases'}"
