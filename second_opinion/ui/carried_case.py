"""What the form took over from a JSON text, and what of it waits for an answer."""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from second_opinion.records.feature_kinds import Problem
from second_opinion.schema import Schema
from second_opinion.ui import json_case
from second_opinion.ui.frame import callback
from second_opinion.ui.json_case import CaseReading

SHOWN_LETTERS = 60


class Carried(NamedTuple):
    """What the form took over from a JSON text.

    ``inputs`` were understood. ``waiting`` says by field what was not: each is to be answered, or
    left out, before Predict. A text that is no case has a ``fault``.
    """

    text: str
    inputs: dict[str, Any]
    waiting: dict[str, str]
    fault: str


def current() -> Carried:
    """What stands on the form from JSON; nothing where the form was not reached from there."""
    return st.session_state.get("predict_carried") or Carried("", {}, {}, "")


@callback("case")
def leave_out(field: str) -> None:
    """Go on without what the JSON has for a field."""
    waiting = {name: why for name, why in current().waiting.items() if name != field}
    st.session_state["predict_carried"] = current()._replace(waiting=waiting)


def forget() -> None:
    """Take nothing from JSON: another case is on the page."""
    st.session_state.pop("predict_carried", None)


def begin(text: str, reading: CaseReading, schema: Schema) -> None:
    """Note what was understood of a text, and what was not."""
    waiting = _waiting(text, reading, schema)
    st.session_state["predict_carried"] = Carried(text, reading.inputs, waiting, reading.fault)


def _waiting(text: str, reading: CaseReading, schema: Schema) -> dict[str, str]:
    """What a JSON text says that was not understood, by the field of the form where it belongs."""
    places = json_case.places(text)
    waiting = {}
    for problem in reading.problems:
        if not problem.blocking or problem.field not in places:
            continue
        start, end = places[problem.field].value
        if schema.get(problem.field) is None:
            waiting[str(problem.near or problem.field)] = f"The JSON calls it {problem.field}."
        elif (said := text[start:end]) not in ("null", '""'):
            waiting[problem.field] = f"The JSON says {_shortened(said)}."
    return waiting


def with_waiting(reading: CaseReading, schema: Schema) -> CaseReading:
    """The reading of the form, blocked by what JSON said of a field that is still empty."""
    empty = {problem.field for problem in reading.problems if problem.blocking}
    more = []
    for name in current().waiting:
        feature = schema.get(name)
        if feature is None:
            more.append(Problem(name, "is not a field of this model", "leave it out"))
        elif name not in empty and reading.inputs.get(name) is None:
            more.append(feature.problem("is empty"))
    # In the order of the form: the keyboard goes to the first that is wrong.
    order = {name: at for at, name in enumerate(schema.names)}
    problems = sorted([*reading.problems, *more], key=lambda one: order.get(one.field, len(order)))
    return CaseReading(reading.inputs, problems)


def _shortened(said: str) -> str:
    one_line = " ".join(said.split())
    return one_line if len(one_line) <= SHOWN_LETTERS else f"{one_line[:SHOWN_LETTERS]}…"
