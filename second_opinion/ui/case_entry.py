"""The case of Single prediction as it is entered: as form or as JSON, with the buttons below."""

from __future__ import annotations

from typing import Any

import streamlit as st

from second_opinion.ui import case_problems, form, typed_case
from second_opinion.ui.frame import show_problem
from second_opinion.ui.visit import Visit


def draw(visit: Visit) -> dict[str, Any] | None:
    """The fields with what is wrong in them; the case, or None while it cannot be predicted."""
    _tabs(visit)
    schema = visit.card.case_schema
    reading = typed_case.read(schema)
    if not reading.fault:
        typed_case.keep(reading.inputs)
    if typed_case.tab() == typed_case.JSON:
        typed_case.editor(reading)
        case_problems.of_json(visit, reading)
    else:
        faults = case_problems.at_fields(reading, schema)
        form.draw(schema, st.session_state["predict_case"], faults)
        case_problems.of_form(reading, schema)
    _buttons(visit)
    show_problem("case")
    return typed_case.predictable(reading)


def _tabs(visit: Visit) -> None:
    st.segmented_control(
        "Enter the case as",
        [typed_case.FORM, typed_case.JSON],
        default=typed_case.first_tab(),
        required=True,
        key="predict_tab",
        on_change=typed_case.switch,
        args=(visit,),
        label_visibility="collapsed",
    )
    show_problem("tab")


def _buttons(visit: Visit) -> None:
    with st.container(horizontal=True):
        st.button(
            "Predict",
            key="predict_submit",
            type="primary",
            on_click=typed_case.predict,
            args=(visit, typed_case.next_id()),
        )
        st.button(
            "Another example", key="predict_another", on_click=typed_case.another, args=(visit,)
        )
        st.button(
            "Clear", key="predict_clear", type="tertiary", on_click=typed_case.empty, args=(visit,)
        )
