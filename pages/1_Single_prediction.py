"""Single prediction: one case in, the model's answer, the expert's verdict."""

import streamlit as st

from second_opinion.ui import (
    case_entry,
    entry_form,
    frame,
    insight_section,
    past_cases,
    sent_answers,
    typed_answer,
    typed_case,
    who,
    widget_values,
)

visit = frame.open_page("Single prediction")


@frame.part()
def single_prediction() -> None:
    if visit.expert is None:
        entry_form.form("Your verdicts carry your name, so that somebody can ask you about them.")
        return
    typed_case.begin(visit)
    with st.container(key="predict_page"):
        left, right = st.columns([3, 2], gap="medium")
        with left, st.container(border=True):
            inputs = case_entry.draw(visit)
        with right, st.container(border=True, key="predict_answer"):
            past = past_cases.of(visit)
            typed_answer.draw(visit, inputs)
            past_cases.way(visit, past)
            sent_answers.way(visit)
            place = insight_section.room(visit)
    past_cases.history(visit, past)
    typed_answer.reasons(visit, inputs, place)
    who.keep("case")
    widget_values.confirm(frame.say_again)


@frame.guarded
def page() -> None:
    frame.header(visit)
    single_prediction()


page()
