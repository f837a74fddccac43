"""The answer to the case that is entered, with the panel for a verdict, and why it was given."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from second_opinion.ui import browser, case_view, insight_section, typed_case, verdict_panel
from second_opinion.ui.frame import show_problem
from second_opinion.ui.visit import Visit

Inputs = dict[str, Any] | None


def draw(visit: Visit, inputs: Inputs) -> None:
    """What the model says, pale where the case on the page is another one, and what one says."""
    st.header("The model says", anchor=False)
    prediction = typed_case.current()
    token = st.session_state.get("predict_focus", "")
    with st.container(key=case_view.SPOKEN):
        if prediction is None:
            st.text("No answer yet. Fill in the case, then press Predict.")
        else:
            is_old = verdict_panel.differs(prediction, inputs)
            with st.container(key="answer_is_old" if is_old else "answer_is_current"):
                case_view.answer(visit, visit.card_of(prediction), prediction)
    browser.speak(case_view.SPOKEN, token)
    if prediction is None:
        show_problem("verdict")
    else:
        schema = visit.card.case_schema
        verdict_panel.panel(
            visit,
            visit.card_of(prediction),
            prediction,
            inputs,
            lambda: typed_case.inputs_now(schema),
            partial(typed_case.next_case, visit, typed_case.next_id()),
        )
        browser.reveal("predict_answer", f"{token} {st.session_state['verdict_open']}")
    show_problem("next")


def reasons(visit: Visit, inputs: Inputs, place: Any) -> None:
    """Why the model gives that answer, into its place; they pale with it."""
    if prediction := typed_case.current():
        is_old = verdict_panel.differs(prediction, inputs)
        card = visit.card_of(prediction)
        insight_section.reasons(visit, card, prediction, place, is_old=is_old)
