"""Single prediction: one case in, the model's answer, the expert's verdict."""

from functools import partial
from typing import Any

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.ui import (
    browser,
    case_problems,
    case_view,
    form,
    frame,
    insight_section,
    judging_way,
    past_cases,
    typed_case,
    verdict_panel,
    who,
    widget_values,
)

visit = frame.open_page("Single prediction")


@frame.part()
def single_prediction() -> None:
    if visit.expert is None:
        who.form("Your verdicts carry your name, so that somebody can ask you about them.")
        return
    typed_case.begin(visit)
    with st.container(key="predict_page"):
        left, right = st.columns([3, 2], gap="medium")
        with left, st.container(border=True):
            inputs = the_case()
        with right, st.container(border=True, key="predict_answer"):
            past = past_cases.of(visit)
            the_answer(inputs)
            the_way(past)
            room = insight_section.room(visit)
    last_cases(past)
    why(room)
    who.keep("case")
    widget_values.confirm(frame.say_again)


def the_case() -> dict[str, Any] | None:
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
    frame.show_problem("tab")
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
    buttons()
    frame.show_problem("case")
    return typed_case.predictable(reading)


def buttons() -> None:
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


def the_answer(inputs: dict[str, Any] | None) -> None:
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
        frame.show_problem("verdict")
        frame.show_problem("next")
        return
    card, schema = visit.card_of(prediction), visit.card.case_schema
    verdict_panel.panel(
        visit,
        card,
        prediction,
        inputs,
        lambda: typed_case.inputs_now(schema),
        partial(typed_case.next_case, visit, typed_case.next_id()),
    )
    frame.show_problem("next")
    browser.reveal("predict_answer", f"{token} {st.session_state['verdict_open']}")


def why(room: Any) -> None:
    if prediction := typed_case.current():
        insight_section.reasons(visit, visit.card_of(prediction), prediction, room)


def the_way(past: list[past_cases.PastCase]) -> None:
    """How many of the last cases are judged, and the way back to the one before this one."""
    before = past_cases.before(past, typed_case.current())
    back = partial(typed_case.go_back, visit, before) if before else None
    judged, total = sum(case.is_judged for case in past), len(past)
    words = f"{judged} of your last {plural(total, 'case')} judged"
    judging_way.draw(judged, total if total > 1 else 0, words, back=back)
    frame.show_problem("way")


def last_cases(past: list[past_cases.PastCase]) -> None:
    open_case = typed_case.current()
    if not past:
        return
    st.header("Your last cases", anchor=False)
    with st.container(horizontal=True, key="predict_history"):
        for prediction, label, _ in past:
            here = open_case is not None and prediction.id == open_case.id
            st.button(
                f"{visit.clock(prediction.created_at)} {frame.escape(label)}",
                key=f"predict_open_{prediction.id}",
                type="secondary" if here else "tertiary",
                on_click=typed_case.reopen,
                args=(visit, prediction.id),
            )
    frame.show_problem("history")


@frame.guarded
def page() -> None:
    frame.header(visit)
    single_prediction()


page()
