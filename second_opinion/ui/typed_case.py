"""The case on the Single prediction page: what is typed, and what was predicted of it."""

from __future__ import annotations

import time
from secrets import randbelow
from typing import Any

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.evidence import queued_case
from second_opinion.models.card import ModelCard
from second_opinion.records.expert import Expert
from second_opinion.records.feature_kinds import Problem
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import same_inputs
from second_opinion.schema import Schema
from second_opinion.ui import browser, carried_case, click_ids, form, json_case, who
from second_opinion.ui.frame import callback, has_problem, header_is_old, notice, say
from second_opinion.ui.json_case import CaseReading
from second_opinion.ui.visit import Visit

FORM, JSON = "Form", "JSON"
EDITOR = "predict_json"


def begin(visit: Visit) -> None:
    """Make sure that there is a case of this model: a linked one, the one before, or a typical.

    `UserError` before anything is typed, if the database or the model cannot be used.
    """
    visit.store  # noqa: B018 - opened here, so that a fault shows before the form
    for warning in dict.fromkeys(warning for model in visit.models() for warning in model.warnings):
        notice(warning)
    linked = st.query_params.get("prediction")
    if linked and linked != _shown_id():
        st.query_params.pop("prediction", None)
        try:
            _open(visit, linked)
        except UserError as error:
            # Said once; the page goes on with another case.
            say("page", str(error))
    # The menu and the line above stand outside of the part that a click draws again.
    if "frame_model" in st.session_state or header_is_old(visit):
        st.rerun()
    if not _answers_here(visit, st.session_state.get("predict_model")):
        _start_anew(visit, visit.card.case_schema.typical)
    _forget_what_is_gone(visit)
    if shown_id := _shown_id():
        st.query_params["prediction"] = shown_id


def read(schema: Schema) -> CaseReading:
    """The case as it stands now, with its problems, or what is wrong with its JSON.

    Reads the widgets, so that a callback sees a field that was left by the very click. ``schema``
    is the one that they were drawn for.
    """
    return _read(tab(), schema)


def tab() -> str:
    """Which of form and JSON is open."""
    return str(st.session_state.get("predict_tab", FORM))


def inputs_now(schema: Schema) -> dict[str, Any] | None:
    """The case as it stands now; None while it cannot be predicted."""
    return predictable(read(schema))


def predictable(reading: CaseReading) -> dict[str, Any] | None:
    """The inputs that were read, or None where something keeps them from being predicted."""
    blocked = reading.fault or any(problem.blocking for problem in reading.problems)
    return None if blocked else reading.inputs


def keep(inputs: dict[str, Any]) -> None:
    """Remember the case beside its widgets, which forget it when they are not drawn."""
    st.session_state["predict_case"] = inputs


def current() -> Prediction | None:
    """The prediction on the page, or None before the first. It is stored, and never changes."""
    prediction: Prediction | None = st.session_state.get("predict_shown")
    return prediction


def next_id() -> str:
    """The id of the next prediction, made before the click so that two clicks make one."""
    return click_ids.upcoming("predict_next_id")


@callback("case")
def predict(visit: Visit, prediction_id: str) -> None:
    """Predict the case as it stands, store it, and only then show it."""
    _answer(visit, prediction_id)


@callback("next")
def next_case(visit: Visit, prediction_id: str) -> None:
    """Go on with a made-up case that hangs together like the training data, and its answer."""
    # A second click on the same button: the first one has brought the next case already.
    if prediction_id == next_id():
        _make_up(visit)
        _answer(visit, prediction_id)


def _answer(visit: Visit, prediction_id: str) -> None:
    inputs = inputs_now(visit.card.case_schema)
    # A token of each press: the keyboard goes to the first field that is wrong.
    st.session_state["predict_tried"] = str(time.monotonic())
    expert = visit.expert
    if inputs is None or expert is None:
        return
    prediction = current()
    if prediction is None or not same_inputs(prediction.inputs, inputs):
        prediction = _predict(visit, inputs, expert, prediction_id)
        who.add_case(prediction.id)
    # The same answer once more changes nothing, unless the database was replaced meanwhile.
    visit.store.add_prediction(prediction)
    _show(prediction)
    click_ids.spend("predict_next_id")
    st.session_state["predict_focus"] = prediction.id


def _predict(
    visit: Visit, inputs: dict[str, Any], expert: Expert, prediction_id: str
) -> Prediction:
    """The answer of the version that is drawn by the id."""
    catalog, (name, _) = visit.catalog, visit.version
    card = catalog.card(f"{name}/{catalog.arm(visit.ref, prediction_id)}")
    if card is not visit.card:
        # The form is that of the first version; a folder edited by hand may share cases with one
        # that takes other fields.
        inputs = _taken_by(card, inputs)
    queued_case.check(visit.store, card, inputs, by=expert)
    return visit.registry.load(card).predict_one(
        inputs,
        asked_by=expert.label,
        expert_key=expert.expert_key,
        source="form",
        id=prediction_id,
        alias=catalog.alias(visit.ref),
    )


def _taken_by(card: ModelCard, inputs: dict[str, Any]) -> dict[str, Any]:
    """The case as a version takes it; `UserError` where it cannot."""
    inputs, problems = card.case_schema.read(inputs)
    if blocking := [str(problem) for problem in problems if problem.blocking]:
        raise UserError(f"{card.ref} cannot take this case: {blocking[0]}.")
    return inputs


@callback("history")
def reopen(visit: Visit, prediction_id: str) -> None:
    """Show an earlier prediction again, with its inputs."""
    _open(visit, prediction_id)


@callback("way")
def go_back(visit: Visit, prediction_id: str) -> None:
    """Show the prediction before the one on the page."""
    _open(visit, prediction_id)


@callback("case")
def another(visit: Visit) -> None:
    """Fill in a made-up case that hangs together like the training data."""
    _make_up(visit)


def _make_up(visit: Visit) -> None:
    # Each person gets other examples: fifty experts who judge the same ten cases say less.
    seed = st.session_state.get("predict_seed", randbelow(2**31)) + 1
    case = visit.registry.reference(visit.card).plausible(visit.card.case_schema, seed)
    _start_anew(visit, case)
    st.session_state["predict_seed"] = seed


@callback("case")
def empty(visit: Visit) -> None:
    """Empty every field."""
    _start_anew(visit, dict.fromkeys(visit.card.case_schema.names))


def first_tab() -> str:
    """The tab that a link asks for: `?as=json` opens the editor."""
    return JSON if st.query_params.get("as") == "json" else FORM


def editor(reading: CaseReading) -> None:
    """The same case as JSON, coloured and read while it is typed; lines with problems marked."""
    lines = {line_of(problem) for problem in reading.problems if problem.blocking}
    marked = sorted({*lines, reading.fault_line} - {0})
    with st.container(key=EDITOR):
        browser.json_editor("The case as JSON", _text(), _editor_key(), marked)


def line_of(problem: Problem) -> int:
    """The line of the JSON that a problem is in; 0 where it is in none."""
    place = json_case.places(_text()).get(problem.field)
    return place.line if place else 0


@callback("case")
def mend(visit: Visit, problem: Problem) -> None:
    """Put what was likely meant into the JSON."""
    text = json_case.mended(_text(), problem, visit.card.case_schema)
    _new_text()
    st.session_state["predict_text"] = text


@callback("tab")
def switch(visit: Visit) -> None:
    """Open the other of form and JSON with the case as it stands."""
    # A field that this very click left is not in the remembered case yet.
    left = FORM if tab() == JSON else JSON
    schema = visit.card.case_schema
    reading, text, before = _read(left, schema), _text(), carried_case.current()
    if not reading.fault:
        keep(reading.inputs)
    form.clear()
    _new_text()
    carried_case.forget()
    if left == JSON:
        carried_case.begin(text, reading, schema)
        st.session_state["predict_tried"] = ""
    elif before.waiting and same_inputs(before.inputs, reading.inputs):
        # Nothing was answered, so what was typed stands there again, with what is wrong with it.
        st.session_state["predict_text"] = before.text


def _open(visit: Visit, prediction_id: str) -> None:
    """Show a stored prediction with its inputs, and the model that made it."""
    prediction = visit.store.prediction(prediction_id, by=visit.asker)
    if prediction is None:
        raise UserError(
            "This link names a case that is not in the feedback database. Check that the link is "
            "whole, or predict the case again."
        )
    made_by = (prediction.model, prediction.version)
    if not _answers_here(visit, made_by):
        # The menu takes it up on the next run, before its widget is drawn.
        visit.catalog.resolve("/".join(made_by))
        st.session_state["frame_model"] = "/".join(made_by)
    _show(prediction)
    _put(visit.card_of(prediction).case_schema, dict(prediction.inputs))


def _answers_here(visit: Visit, made_by: tuple[str, str] | None) -> bool:
    """Whether this version is the chosen one, or one of those that share its new cases."""
    name, _ = visit.version
    return made_by is not None and made_by[0] == name and made_by[1] in visit.arms


def _start_anew(visit: Visit, case: dict[str, Any]) -> None:
    for name in ("predict_shown", "predict_tried", "predict_focus"):
        st.session_state.pop(name, None)
    st.query_params.pop("prediction", None)
    st.session_state["predict_model"] = visit.version
    _put(visit.card.case_schema, case)


def _put(schema: Schema, case: dict[str, Any]) -> None:
    """Put a case on the page, as form and as JSON."""
    st.session_state["predict_case"] = dict(case)
    form.fill(schema, case)
    carried_case.forget()
    _new_text()


def _show(prediction: Prediction) -> None:
    st.session_state["predict_model"] = (prediction.model, prediction.version)
    st.session_state["predict_shown"] = prediction
    st.session_state["predict_shown_at"] = time.monotonic()
    st.session_state["predict_tried"] = ""
    st.query_params["prediction"] = prediction.id


def _forget_what_is_gone(visit: Visit) -> None:
    """After a verdict that was refused: perhaps the database was deleted with its prediction."""
    prediction = current()
    if prediction is None or not has_problem("verdict"):
        return
    if visit.store.prediction(prediction.id, by=visit.asker) is None:
        st.session_state.pop("predict_shown")
        st.query_params.pop("prediction", None)


def _shown_id() -> str:
    prediction = current()
    return prediction.id if prediction else ""


def _new_text() -> None:
    st.session_state["predict_revision"] = st.session_state.get("predict_revision", 0) + 1
    st.session_state.pop("predict_text", None)


def _editor_key() -> str:
    """A key of its own for each text that is put into the editor: Streamlit keeps what is typed."""
    return f"{EDITOR}_{st.session_state.get('predict_revision', 0)}"


def _text() -> str:
    """The JSON as it was typed, or was put there, or as the case is written."""
    typed = st.session_state.get(_editor_key(), {}).get("text")
    if typed is not None:
        return str(typed)
    put: str | None = st.session_state.get("predict_text")
    return json_case.written(st.session_state["predict_case"]) if put is None else put


def _read(which: str, schema: Schema) -> CaseReading:
    if which == JSON:
        return json_case.read(_text(), schema)
    case = form.values(schema) if form.drawn(schema) else st.session_state["predict_case"]
    return carried_case.with_waiting(CaseReading(*schema.read(case)), schema)
