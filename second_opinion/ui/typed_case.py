"""The case on the Single prediction page: what is typed, and what was predicted of it."""

from __future__ import annotations

import json
import time
from secrets import randbelow
from typing import Any, NamedTuple

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.records.expert import Expert
from second_opinion.records.feature_kinds import Problem
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import same_inputs
from second_opinion.records.verdict import Verdict
from second_opinion.schema import Schema
from second_opinion.ui import browser, click_ids, form, labels, who
from second_opinion.ui.frame import callback, has_problem, header_is_old, notice, say
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


def read(schema: Schema) -> tuple[dict[str, Any], list[Problem], str]:
    """The case as it stands now: its inputs, its problems, and what is wrong with its JSON.

    Reads the widgets, so that a callback sees a field that was left by the very click. ``schema``
    is the one that they were drawn for.
    """
    return _read(st.session_state.get("predict_tab", FORM), schema)


def inputs_now(schema: Schema) -> dict[str, Any] | None:
    """The case as it stands now; None while it cannot be predicted."""
    return predictable(*read(schema))


def predictable(
    inputs: dict[str, Any], problems: list[Problem], fault: str
) -> dict[str, Any] | None:
    """The inputs that were read, or None where something keeps them from being predicted."""
    return None if fault or any(problem.blocking for problem in problems) else inputs


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


@callback("answer")
def predict(visit: Visit, prediction_id: str) -> None:
    """Predict the case as it stands, store it, and only then show it."""
    _answer(visit, prediction_id)


@callback("answer")
def next_case(visit: Visit, prediction_id: str) -> None:
    """Go on with a made-up case that hangs together like the training data, and its answer."""
    # A second click on the same button: the first one has brought the next case already.
    if prediction_id == next_id():
        _make_up(visit)
        _answer(visit, prediction_id)


def _answer(visit: Visit, prediction_id: str) -> None:
    inputs = inputs_now(visit.card.case_schema)
    st.session_state["predict_tried"] = True
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
    return visit.registry.load(card).predict_one(
        inputs,
        asked_by=expert.label,
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


@callback("answer")
def reopen(visit: Visit, prediction_id: str) -> None:
    """Show an earlier prediction again, with its inputs."""
    _open(visit, prediction_id)


@callback("page")
def another(visit: Visit) -> None:
    """Fill in a made-up case that hangs together like the training data."""
    _make_up(visit)


def _make_up(visit: Visit) -> None:
    # Each person gets other examples: fifty experts who judge the same ten cases say less.
    seed = st.session_state.get("predict_seed", randbelow(2**31)) + 1
    case = visit.registry.reference(visit.card).plausible(visit.card.case_schema, seed)
    _start_anew(visit, case)
    st.session_state["predict_seed"] = seed


@callback("page")
def empty(visit: Visit) -> None:
    """Empty every field."""
    _start_anew(visit, dict.fromkeys(visit.card.case_schema.names))


class PastCase(NamedTuple):
    """A prediction that was made here, and what became of it in words."""

    prediction: Prediction
    words: str
    is_judged: bool


def past(visit: Visit) -> list[PastCase]:
    """The last predictions that were made here with this model, the newest first."""
    expert = visit.expert
    if expert is None:
        return []
    name, _ = visit.version
    versions = visit.catalog.versions(name)
    history = [
        (prediction, verdict)
        for prediction, verdict in visit.store.history(
            expert.label, who.cases(), limit=12, by=expert
        )
        if prediction.model == name and prediction.version in versions
    ]
    apart = labels.telling_fields([prediction.inputs for prediction, _ in history])
    return [
        PastCase(prediction, _past_words(visit, prediction, verdict, apart), verdict is not None)
        for prediction, verdict in history
    ]


def _past_words(
    visit: Visit, prediction: Prediction, verdict: Verdict | None, apart: list[str]
) -> str:
    card = visit.card_of(prediction)
    words = labels.history_text(card, prediction, verdict)
    fields = labels.fields_text(card, prediction, apart)
    return f"{words} · {fields}" if fields else words


def before(cases: list[PastCase]) -> str:
    """The id of the case before the one on the page; empty where there is none."""
    ids = [case.prediction.id for case in cases]
    at = ids.index(_shown_id()) + 1 if _shown_id() in ids else 0
    return ids[at] if at < len(ids) else ""


def first_tab() -> str:
    """The tab that a link asks for: `?as=json` opens the editor."""
    return JSON if st.query_params.get("as") == "json" else FORM


def editor() -> None:
    """The same case as JSON, coloured and read while it is typed."""
    with st.container(key=EDITOR):
        browser.json_editor("The case as JSON", _text(), _editor_key())


@callback("page")
def switch(visit: Visit) -> None:
    """Open the other of form and JSON with the case as it stands."""
    # A field that this very click left is not in the remembered case yet.
    left = FORM if st.session_state["predict_tab"] == JSON else JSON
    inputs, _, fault = _read(left, visit.card.case_schema)
    if not fault:
        keep(inputs)
    form.clear()
    _new_text()


def as_json(case: dict[str, Any]) -> str:
    """A case as people edit it: one field a line."""
    return json.dumps(case, indent=2, ensure_ascii=False)


def _editor_key() -> str:
    """A key of its own for each text that is put into the editor: Streamlit keeps what is typed."""
    return f"{EDITOR}_{st.session_state.get('predict_revision', 0)}"


def _text() -> str:
    typed = st.session_state.get(_editor_key(), {}).get("text")
    return as_json(st.session_state["predict_case"]) if typed is None else str(typed)


def _read(tab: str, schema: Schema) -> tuple[dict[str, Any], list[Problem], str]:
    if tab == JSON:
        return _read_json(schema)
    case = form.values(schema) if form.drawn(schema) else st.session_state["predict_case"]
    inputs, problems = schema.read(case)
    return inputs, problems, ""


def _read_json(schema: Schema) -> tuple[dict[str, Any], list[Problem], str]:
    text = _text()
    try:
        case = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"Line {error.lineno}, column {error.colno}"
        return {}, [], f"{place}: {error.msg.lower()}. Correct it there, then go on."
    except ValueError as error:
        return {}, [], str(error)
    except RecursionError:
        return {}, [], "The JSON is nested too deeply; expected one flat object of fields."
    if not isinstance(case, dict):
        return {}, [], 'This is no case; expected one object in braces, like {"age": 35}.'
    inputs, problems = schema.read(case)
    return inputs, problems, ""


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    case = dict(pairs)
    if len(case) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} stands there twice; expected each field once. Remove one.")
    return case


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number; write null where a value is not known.")


def _open(visit: Visit, prediction_id: str) -> None:
    """Show a stored prediction with its inputs, and the model that made it."""
    prediction = visit.store.prediction(prediction_id)
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
    _new_text()


def _show(prediction: Prediction) -> None:
    st.session_state["predict_model"] = (prediction.model, prediction.version)
    st.session_state["predict_shown"] = prediction
    st.session_state["predict_shown_at"] = time.monotonic()
    st.session_state["predict_tried"] = False
    st.query_params["prediction"] = prediction.id


def _forget_what_is_gone(visit: Visit) -> None:
    """After a verdict that was refused: perhaps the database was deleted with its prediction."""
    prediction = current()
    if prediction is None or not has_problem("verdict"):
        return
    if visit.store.prediction(prediction.id) is None:
        st.session_state.pop("predict_shown")
        st.query_params.pop("prediction", None)


def _shown_id() -> str:
    prediction = current()
    return prediction.id if prediction else ""


def _new_text() -> None:
    st.session_state["predict_revision"] = st.session_state.get("predict_revision", 0) + 1
