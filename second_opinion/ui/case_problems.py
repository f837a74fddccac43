"""What is wrong with the case on Single prediction: at its field, and beside Predict."""

from __future__ import annotations

import streamlit as st

from second_opinion.formatting import joined, plural
from second_opinion.records.feature_kinds import Problem
from second_opinion.schema import Schema
from second_opinion.ui import browser, carried_case, form, typed_case
from second_opinion.ui.frame import escape, notice, problem
from second_opinion.ui.json_case import CaseReading
from second_opinion.ui.visit import Visit

# So many problems are said in full beside Predict; of more, the fields are named.
SAID_IN_FULL = 3


def at_fields(reading: CaseReading, schema: Schema) -> dict[str, str]:
    """What is wrong, by the field where it is said: once Predict was pressed, or JSON says so."""
    carried = carried_case.current()
    return {
        one.field: _text(schema, one)
        for one in _blocking(reading)
        if _is_tried() or one.field in carried.waiting
    }


def of_form(reading: CaseReading, schema: Schema) -> None:
    """What keeps the form from being predicted, beside the button; the first field is opened."""
    carried, blocking = carried_case.current(), _blocking(reading)
    if carried.fault:
        notice(f"The JSON could not be read, so this is the case before it. {carried.fault}")
    for one in blocking:
        _offer_to_leave_out(schema, one)
    if not _is_tried():
        return
    if blocking:
        problem(_summary(schema, blocking))
        fields = [one.field for one in blocking if schema.get(one.field)]
        if fields:
            key = form.widget_key(schema[fields[0]])
            browser.focus(key, st.session_state["predict_tried"], "form")
    elif reading.problems:
        notice("\n".join(form.problem_text(schema, one) for one in reading.problems))


def of_json(visit: Visit, reading: CaseReading) -> None:
    """What is wrong with the JSON, each with its line, and a click for what was likely meant."""
    schema, blocking = visit.card.case_schema, _blocking(reading)
    if reading.fault:
        problem(reading.fault)
    elif blocking:
        problem("\n".join(_with_line(one) for one in blocking))
        with st.container(horizontal=True):
            for at, one in enumerate(one for one in blocking if one.near is not None):
                st.button(
                    f"Did you mean {escape(_near_text(schema, one))}?",
                    key=f"predict_mend_{at}",
                    on_click=typed_case.mend,
                    args=(visit, one),
                )
    elif reading.problems:
        notice("\n".join(str(one) for one in reading.problems))


def _is_tried() -> bool:
    return bool(st.session_state.get("predict_tried"))


def _blocking(reading: CaseReading) -> list[Problem]:
    return [one for one in reading.problems if one.blocking]


def _text(schema: Schema, one: Problem) -> str:
    why = carried_case.current().waiting.get(one.field, "")
    return f"{form.problem_text(schema, one)}. {why}".strip()


def _summary(schema: Schema, blocking: list[Problem]) -> str:
    if len(blocking) <= SAID_IN_FULL:
        return "\n".join(_text(schema, one) for one in blocking)
    names = [feature.label for one in blocking if (feature := schema.get(one.field))]
    return f"{plural(len(blocking), 'field')} wait for an answer: {joined(names)}."


def _offer_to_leave_out(schema: Schema, one: Problem) -> None:
    """A way on from what JSON has for a field that may be empty, or that the model lacks."""
    feature = schema.get(one.field)
    if one.field not in carried_case.current().waiting or (feature and not feature.optional):
        return
    words = f"Leave {feature.label} empty" if feature else f"Leave {one.field} out"
    st.button(
        escape(words),
        key=f"predict_leave_{one.field}",
        on_click=carried_case.leave_out,
        args=(one.field,),
    )


def _with_line(one: Problem) -> str:
    line = typed_case.line_of(one)
    return f"Line {line}: {one}" if line else str(one)


def _near_text(schema: Schema, one: Problem) -> str:
    feature = schema.get(one.field)
    if feature:
        return feature.text(one.near)
    meant = schema.get(str(one.near))
    return meant.label if meant else str(one.near)
