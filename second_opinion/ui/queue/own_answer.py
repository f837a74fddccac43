"""Review queue: an expert's own answer to a case, given before the model's is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.models.card import ModelCard
from second_opinion.records.plan import Plan, QueuedCase
from second_opinion.records.prediction import Prediction
from second_opinion.ui import browser, click_ids, distinct_words, widget_values
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.verdict_details import MOST_BUTTONS
from second_opinion.ui.visit import Visit
from second_opinion.verdicts.blind_answer import locked

# How sure an expert is, as stored: the share of such answers that should turn out right.
SURE = {"A guess": 0.5, "Fairly sure": 0.8, "Certain": 1.0}
FIELDS = ("queue_answer", "queue_answer_to", "queue_sure")
RANGE = "Give both ends of how likely you find it, the lower one first, then lock your answer."
MISSING = "Your answer is missing. Give it, then lock it; Unsure locks that you do not know."
LETTERS = {"l": "queue_lock", "u": "queue_unsure", "s": "queue_skip"}


def begin(visit: Visit, case: QueuedCase) -> None:
    """An empty form, or what this person had begun to answer, on whatever device."""
    # The draft of a case that comes again would tell that it does, and what was said.
    draft = {} if case.is_repeat else visit.store.queue.draft(case, by=visit.signer())
    widget_values.put({key: draft.get(key) for key in FIELDS})
    st.session_state["queue_since"] = time.monotonic()
    click_ids.spend("queue_next_id")


class AnswerForm:
    """The form for one case; ``done`` is told whether its answer was locked, or left to others."""

    def __init__(
        self,
        visit: Visit,
        card: ModelCard,
        plan: Plan,
        case: QueuedCase,
        prediction: Prediction,
        done: Callable[[bool], None],
    ) -> None:
        self.visit, self.card, self.plan = visit, card, plan
        self.case, self.prediction, self.done = case, prediction, done

    def draw(self) -> None:
        """Ask for the answer, and how sure the expert is of it."""
        keep = self._keep()
        _field(self.card, keep)
        st.segmented_control("How sure are you?", list(SURE), key="queue_sure", on_change=keep)
        with st.container(horizontal=True):
            lock, unsure = self._lock(is_unsure=False), self._lock(is_unsure=True)
            st.button("Lock my answer", key="queue_lock", type="primary", on_click=lock)
            st.button("Unsure", key="queue_unsure", on_click=unsure, help="I cannot tell")
            skip = self._skip()
            st.button("Skip", key="queue_skip", type="tertiary", on_click=skip, help="For others")
        show_problem("queue")
        choices = "queue_answer" if _has_buttons(self.card) else ""
        browser.keys(LETTERS, choices, "queue_lock", _switch_words(self.card))

    def _keep(self) -> Callable[[], None]:
        @callback("queue")
        def keep() -> None:
            draft = {key: st.session_state.get(key) for key in FIELDS}
            self.visit.store.queue.keep_draft(self.case, draft, by=self.visit.signer())

        return keep

    def _lock(self, *, is_unsure: bool) -> Callable[[], None]:
        answer_id = click_ids.upcoming("queue_next_id")

        @callback("queue")
        def lock() -> None:
            person = self.visit.signer()
            answer = locked(
                self.prediction,
                person.label,
                None if is_unsure else _value(self.card),
                tolerance=self.plan.tolerance,
                risk=self.card.probability(self.prediction.probabilities),
                id=answer_id,
                identity_source=person.source,
                expert_key=person.expert_key,
                blind_confidence=SURE.get(st.session_state.get("queue_sure") or ""),
                seconds=round(time.monotonic() - st.session_state["queue_since"], 1),
            )
            self.visit.store.queue.lock(self.case, answer, by=person)
            self.done(True)

        return lock

    def _skip(self) -> Callable[[], None]:
        @callback("queue")
        def skip() -> None:
            self.visit.store.queue.skip(self.case, by=self.visit.signer())
            self.done(False)

        return skip


def _switch_words(card: ModelCard) -> str:
    numbers = f"1 to {len(card.class_values)}, " if _has_buttons(card) else ""
    return f"Keys {numbers}L, U, S and N"


def _has_buttons(card: ModelCard) -> bool:
    return card.answer == "class" and len(card.class_values) <= MOST_BUTTONS


def _field(card: ModelCard, keep: Callable[[], None]) -> None:
    if card.answer == "probability":
        st.text(f"How likely is {card.event}? Somewhere from … to …")
        with st.container(horizontal=True):
            for label, key in (("From (%)", "queue_answer"), ("to (%)", "queue_answer_to")):
                st.number_input(
                    label,
                    min_value=0.0,
                    max_value=100.0,
                    value=None,
                    step=5.0,
                    key=key,
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
        text_of = distinct_words.of(card.class_values, card.label)
        st.segmented_control(
            "What is the right answer?",
            card.class_values,
            key="queue_answer",
            format_func=lambda value: escape(text_of(value)),
            on_change=keep,
            wrap=True,
        )
    else:
        st.selectbox(
            "What is the right answer?",
            card.class_values,
            index=None,
            key="queue_answer",
            format_func=distinct_words.of(card.class_values, card.label),
            on_change=keep,
            placeholder="choose",
        )


def _value(card: ModelCard) -> Any:
    value = st.session_state.get("queue_answer")
    if value is None:
        raise UserError(MISSING)
    return _range(value) if card.answer == "probability" else value


def _range(low: float) -> list[float]:
    high = st.session_state.get("queue_answer_to")
    if high is None or low > high:
        raise UserError(RANGE)
    return [low / 100, high / 100]
