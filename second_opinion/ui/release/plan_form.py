"""Release decision: the form of a plan, what is foreseen of it, and freezing it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.evidence import plan_of_batch
from second_opinion.evidence.planned_study import study_of
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.records.plan import Plan
from second_opinion.statistics import planner
from second_opinion.ui import click_ids
from second_opinion.ui.frame import callback, show_problem
from second_opinion.ui.release import (
    agreement_default,
    chosen_plan,
    known_choice,
    plan_fields,
    plan_outlook,
)
from second_opinion.ui.visit import Visit

FIRST = (
    "No plan yet. A plan says what is to be shown of a model, on which cases, and whose answers "
    "count. It is frozen before the first answer, so that nobody can choose it to suit them."
)
NO_BATCH = (
    "No file is scored yet. Score one whose rows are like the cases that the model is for; its "
    "rows are the cases of the plan."
)
FREEZING = (
    "A frozen plan is never edited. Another one that differs in its target alone keeps the "
    "answers; with any other change they start anew."
)
MOST_BATCHES = 200


def draw(visit: Visit, plans: Mapping[str, Plan]) -> None:
    """The form, filled from the card, or from the plan of which it is to be a new version."""
    if not plans:
        st.text(FIRST)
    batches = _batches(visit)
    if not batches:
        st.text(NO_BATCH)
        st.page_link("pages/2_Batch_upload.py", label="Score a file", icon=":material/table_rows:")
        return
    with st.container(border=True, key="plan_form"):
        st.header("What is to be shown", anchor=False)
        batch = plan_fields.batch(visit, batches)
        card = visit.catalog.card(batch.ref)
        plan_fields.begin(card, batch)
        agreement_default.fill(visit, card)
        plan_fields.draw(card)
    with st.container(border=True, key="plan_people"):
        st.header("Who answers", anchor=False)
        plan_fields.people()
        agreement_default.say()
        known_choice.draw(visit, card, batch, batches)
        plan_outlook.draw(visit, card, batch)
    _freeze_button(visit, card, batch, batches)


def _batches(visit: Visit) -> dict[str, Batch]:
    listed = visit.store.batches.listed(limit=MOST_BATCHES, by=visit.asker)
    name = visit.version[0]
    listed.sort(key=lambda one: one.model != name)
    return {
        one.id: one for one in listed if one.state == "done" and one.rows_done > one.rows_failed
    }


def _freeze_button(
    visit: Visit, card: ModelCard, batch: Batch, batches: Mapping[str, Batch]
) -> None:
    if reason := visit.closed_reason("owner"):
        st.text(f"You may draft a plan. Freezing it: {reason}")
        return
    st.text(FREEZING)
    st.button(
        "Freeze this plan",
        key="plan_freeze",
        type="primary",
        icon=":material/lock:",
        on_click=_freeze,
        args=(visit, card, batch, batches, click_ids.upcoming("plan_next_id")),
    )
    show_problem("plan")


@callback("plan")
def _freeze(
    visit: Visit, card: ModelCard, batch: Batch, batches: Mapping[str, Batch], plan_id: str
) -> None:
    person, terms = visit.signer(), plan_fields.terms(card)
    drafted, draws = plan_of_batch.plan_of(visit.store, card, batch, terms, by=person, id=plan_id)
    effort = plan_fields.effort(terms)
    study = study_of(visit.store, drafted, draws, batch, effort)
    for refusal in planner.refusals(study):
        raise UserError(refusal)
    known = known_choice.chosen_answers(visit, card, batch, batches)
    frozen = visit.store.plans.freeze(drafted, draws, known, by=person)
    click_ids.spend("plan_next_id")
    plan_fields.forget()
    known_choice.forget()
    chosen_plan.go("", frozen.id)
    st.toast(f"Frozen: {plural(frozen.cases, 'case')} drawn.", icon=":material/lock:")
