"""Release decision: which plan is open, or that another one is made. A part of the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from second_opinion.records.plan import Plan
from second_opinion.ui import distinct_words, widget_values
from second_opinion.ui.frame import callback
from second_opinion.ui.visit import Visit

NEW = "new"
SECTIONS = {"": "The evidence", NEW: "A new plan"}
KEY = "release_section"


def plans(visit: Visit) -> dict[str, Plan]:
    """The plans by their ids, those of the chosen model first, and of these the newest."""
    listed = visit.store.plans.listed(by=visit.asker)
    name = visit.version[0]
    listed.sort(key=lambda plan: plan.model != name)
    return {plan.id: plan for plan in listed}


def is_new(plans: Mapping[str, Plan]) -> bool:
    """Whether a plan is being made: asked for by the address, or since there is none yet."""
    if not plans:
        return True
    section = NEW if st.query_params.get("section") == NEW else ""
    if st.session_state.get(KEY) != section:
        widget_values.put({KEY: section})
    st.segmented_control(
        "Section",
        list(SECTIONS),
        format_func=lambda one: SECTIONS[one],
        key=KEY,
        required=True,
        label_visibility="collapsed",
        on_change=_go,
    )
    return section == NEW


@callback()
def _go() -> None:
    go(str(st.session_state[KEY]))


def go(section: str, plan_id: str = "") -> None:
    """Let the page open this section, and this plan, next."""
    if section:
        st.query_params["section"] = section
    else:
        st.query_params.pop("section", None)
    if plan_id:
        st.query_params["plan"] = plan_id


def choose(visit: Visit, plans: Mapping[str, Plan]) -> Plan:
    """The plan of the address, the first without one; where there are several, to be chosen."""
    linked = st.query_params.get("plan", "")
    chosen = linked if linked in plans else next(iter(plans))
    if len(plans) > 1:
        if st.session_state.get("release_plan") != chosen:
            widget_values.put({"release_plan": chosen})
        st.selectbox(
            "Plan",
            list(plans),
            key="release_plan",
            format_func=distinct_words.of(plans, lambda one: _name(visit, plans[one])),
            on_change=_open,
        )
    return plans[chosen]


@callback()
def _open() -> None:
    go("", str(st.session_state["release_plan"]))


def _name(visit: Visit, plan: Plan) -> str:
    name = plan.name[0].upper() + plan.name[1:]
    return f"{name} · {visit.clock(plan.created_at)}"
