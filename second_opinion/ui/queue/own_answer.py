"""Review queue: an expert's own answer to a case, given before the model's is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.records.plan import QueuedCase
from second_opinion.records.prediction import Prediction
from second_opinion.ui import browser, click_ids, widget_values
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.verdict_details import MOST_BUTTONS
from second_opinion.ui.visit import Visit
from second_opinion.verdicts.blind_answer import locked

# How sure an expert is, as stored: the share of such answers that should turn out right.
SURE = {"A guess": 0.5, "Fairly sure": 0.8, "Certain": 1.0}
FIELDS = ("queue_answer", "queue_sure")
MISSING = "Your answer is missing. Give it, then lock it; Unsure locks that you do not know."
LETTERS = {"l": "queue_lock", "u": "queue_unsure", "s": "queue_skip"}


def begin(visit: Visit, case: QueuedCase) -> None:
    """An empty form, or what this person had begun to answer, on whatever device."""
    draft = visit.store.queue.draft(case, by=visit.signer())
    widget_values.put({key: draft.get(key) for key in FIELDS})
    st.session_state["queue_since"] = time.monotonic()
    click_ids.spend("queue_next_id")


def draw(
    visit: Visit,
    card: ModelCard,
    case: QueuedCase,
    prediction: Prediction,
    *,
    done: Callable[[bool], None],
) -> None:
    """Ask for the answer; ``done`` is told whether it was locked, or left to others."""
    keep = _keep_callback(visit, case)
    _field(card, keep)
    st.segmented_control("How sure are you?", list(SURE), key="queue_sure", on_change=keep)
    lock, unsure = (
        _lock_callback(visit, card, prediction, done, is_unsure=is_unsure)
        for is_unsure in (False, True)
    )
    with st.container(horizontal=True):
        st.button("Lock my answer", key="queue_lock", type="primary", on_click=lock)
        st.button("Unsure", key="queue_unsure", on_click=unsure, help="I cannot tell")
        skip = _skip_callback(visit, case, done)
        st.button("Skip", key="queue_skip", type="tertiary", on_click=skip, help="For others")
    show_problem("queue")
    choices = "queue_answer" if _has_buttons(card) else ""
    browser.keys(LETTERS, choices, "queue_lock", _switch_words(card))


def _switch_words(card: ModelCard) -> str:
    numbers = f"1 to {len(card.class_values)}, " if _has_buttons(card) else ""
    return f"Keys {numbers}L, U, S and N"


def _has_buttons(card: ModelCard) -> bool:
    return card.answer == "class" and len(card.class_values) <= MOST_BUTTONS


def _field(card: ModelCard, keep: Callable[[], None]) -> None:
    if card.answer == "probability":
        label = escape(f"How likely is {card.event}, in %?")
        st.number_input(
            label,
            min_value=0.0,
            max_value=100.0,
            value=None,
            step=1.0,
            key="queue_answer",
            format="%g",
            on_change=keep,
        )
    elif card.task == "regression":
        unit = f" ({card.target.unit})" if card.target.unit else ""
        label = escape(f"What is the right answer?{unit}")
        st.number_input(
            label, value=None, step=1.0, key="queue_answer", format="%g", on_change=keep
        )
    elif _has_buttons(card):
        st.segmented_control(
            "What is the right answer?",
            card.class_values,
            key="queue_answer",
            format_func=lambda value: escape(card.label(value)),
            on_change=keep,
            wrap=True,
        )
    else:
        st.selectbox(
            "What is the right answer?",
            card.class_values,
            index=None,
            key="queue_answer",
            format_func=card.label,
            on_change=keep,
            placeholder="choose",
        )


def _keep_callback(visit: Visit, case: QueuedCase) -> Callable[[], None]:
    @callback("queue")
    def keep() -> None:
        draft = {key: st.session_state.get(key) for key in FIELDS}
        visit.store.queue.keep_draft(case, draft, by=visit.signer())

    return keep


def _lock_callback(
    visit: Visit,
    card: ModelCard,
    prediction: Prediction,
    done: Callable[[bool], None],
    *,
    is_unsure: bool,
) -> Callable[[], None]:
    answer_id = click_ids.upcoming("queue_next_id")

    @callback("queue")
    def lock() -> None:
        person = visit.signer()
        sure = SURE.get(st.session_state.get("queue_sure") or "")
        answer = locked(
            prediction,
            person.label,
            None if is_unsure else _value(card),
            id=answer_id,
            identity_source=person.source,
            expert_key=person.expert_key,
            blind_confidence=sure,
            seconds=round(time.monotonic() - st.session_state["queue_since"], 1),
        )
        visit.store.add_verdict(answer, by=person)
        done(True)

    return lock


def _value(card: ModelCard) -> Any:
    value = st.session_state.get("queue_answer")
    if value is None:
        raise UserError(MISSING)
    return value / 100 if card.answer == "probability" else value


def _skip_callback(
    visit: Visit, case: QueuedCase, done: Callable[[bool], None]
) -> Callable[[], None]:
    @callback("queue")
    def skip() -> None:
        visit.store.queue.skip(case, by=visit.signer())
        done(False)

    return skip
