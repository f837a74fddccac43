"""Release decision: what was frozen, a new version of it, and closing it."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from second_opinion.evidence import decision
from second_opinion.formatting import joined, number_text, plural, share_text
from second_opinion.records.plan import Plan
from second_opinion.ui.frame import callback, escape, guarded, show_problem
from second_opinion.ui.release import chosen_plan, plan_fields, plan_reading
from second_opinion.ui.visit import Visit

CLOSING = (
    "A closed plan takes no more answers, and keeps the bound that it has reached, whatever that "
    "is: a study that stops early still says something true. It cannot be opened again."
)
VERSION = (
    "A frozen plan is not edited. A new version of it takes its place: with another target alone "
    "it keeps the answers, with any other change they start anew."
)


@guarded
def draw(visit: Visit, plan: Plan) -> None:
    """The frozen terms, and what can still be done with the plan."""
    frozen = f"Plan (frozen {visit.clock(plan.created_at)} by {plan.frozen_by})"
    with st.expander(escape(frozen), key="release_terms"):
        for label, text in _facts(visit, plan):
            st.caption(escape(label))
            st.text(text)
        st.text(VERSION)
        st.button("Make a new version", key="plan_version", on_click=_version, args=(plan,))
    is_closed = plan_reading.closing(visit, plan) is not None
    if is_closed or visit.closed_reason("owner"):
        return
    with st.expander("Close this plan", key="release_closing"):
        st.text(CLOSING)
        st.button(
            "Close it for good",
            key="plan_close",
            icon=":material/lock:",
            on_click=_close,
            args=(visit, plan),
        )
        show_problem("closing")


def _facts(visit: Visit, plan: Plan) -> Iterator[tuple[str, str]]:
    batch = plan_reading.batch(visit, plan)
    yield "Cases", f"{batch.name if batch else plan.batch_id}, {plural(plan.cases, 'case')} drawn"
    expected = "" if plan.expected is None else f", expected {share_text(plan.expected)}"
    yield "Target", f"right in at least {share_text(plan.target)}{expected}"
    yield "Chance to release wrongly", share_text(plan.alpha)
    if plan.tolerance is not None:
        yield "May be off by", number_text(plan.tolerance)
    design, mode = plan_fields.DESIGNS[plan.design], plan_fields.MODES[plan.mode]
    yield "How cases are asked", f"{design}; {mode[0].lower()}{mode[1:]}"
    yield (
        "Answers",
        f"{plural(plan.answers, 'answer')} to each case, {share_text(plan.twice)} of the cases "
        "once more",
    )
    yield "Experts", joined(list(plan.experts)) or "whoever answers"
    if plan.known:
        yield "Known answers, to check who answers", f"{plural(plan.known, 'case')} of another file"
    yield "Order of the draws", f"seed {plan.seed}, from the hashes of model and pool"
    yield "Model file", plan.model_sha256
    yield "What the card says that changes answers", plan.answers_sha256
    yield "Pool", plan.pool_sha256
    yield "Plan", plan.id


@callback("page")
def _version(plan: Plan) -> None:
    plan_fields.begin_from(plan)
    chosen_plan.go(chosen_plan.NEW)


@callback("closing")
def _close(visit: Visit, plan: Plan) -> None:
    decision.close(visit.store, plan, by=visit.signer())
