"""What an answer is held against, and why the model gives it: beside an answer that is shown.

Both lean people towards the model's answer. Never draw them before a person who is to answer first
has done so.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.models.insight.answer_context import context_of, place_of
from second_opinion.models.insight.insight import Absence, Insight, insight_of
from second_opinion.models.insight.what_if import Effect, WhatIf
from second_opinion.records.prediction import Prediction
from second_opinion.ui import insight_words
from second_opinion.ui.frame import callback, escape, notice, show_problem
from second_opinion.ui.visit import Visit

ON_TOP = 3
WAITED = "insight_waited"


def context(visit: Visit, card: ModelCard, prediction: Prediction) -> None:
    """The training answers beside a number, the base rate beside a risk."""
    known = context_of(visit.registry, card)
    if card.task == "regression" and (place := place_of(prediction.value, known.answers)):
        st.progress(place.middle, escape(insight_words.place_text(card, place)))
    risk = card.probability(prediction.probabilities)
    if card.answer == "probability" and risk is not None:
        _text(insight_words.base_rate_text(known, risk))


def _text(sentence: str) -> None:
    if sentence:
        st.text(sentence)


def room(visit: Visit) -> Any:
    """The place for the reasons, empty until everything else of the page stands there."""
    return st.empty() if visit.settings.shows_reasons else None


def reasons(
    visit: Visit, card: ModelCard, prediction: Prediction, place: Any, *, is_old: bool = False
) -> None:
    """Why the model gives an answer, into its place. Call it last: it asks the model again.

    Those of an answer that ``is_old`` pale with it.
    """
    if place is None:
        return
    wait = st.session_state.get(WAITED) == prediction.id
    insight = insight_of(visit.registry, card, prediction, wait=wait)
    with place.container(key="insight_is_old" if is_old else "insight"):
        st.header("Why this answer", anchor=False)
        if isinstance(insight, Absence):
            st.text(insight.reason)
            return
        if insight.novelty and insight.novelty.is_unlike:
            notice(insight_words.novelty_text(card, insight.novelty, prediction, insight.origin))
        if isinstance(insight.reasons, Absence):
            _absence(insight.reasons, prediction)
        else:
            _what_if(visit, card, prediction, insight, insight.reasons)


def _absence(absence: Absence, prediction: Prediction) -> None:
    st.text(insight_words.slow_text(absence))
    if absence.seconds:
        st.button(
            insight_words.wait_label(absence),
            key="insight_wait",
            on_click=_wait,
            args=(prediction.id,),
        )
        show_problem("insight")


@callback("insight")
def _wait(prediction_id: str) -> None:
    st.session_state[WAITED] = prediction_id


def _what_if(
    visit: Visit, card: ModelCard, prediction: Prediction, insight: Insight, reasons: WhatIf
) -> None:
    effects = [effect for effect in reasons.effects if abs(effect.size) > 1e-9]
    if not effects:
        st.text(insight_words.NO_EFFECT)
    largest = abs(effects[0].size) if effects else 1.0
    for effect in effects[:ON_TOP]:
        _bar(card, prediction, effect, largest)
    if effects:
        st.caption(escape(insight_words.caption(insight)))
    if len(effects) > ON_TOP:
        with st.expander(f"All {plural(len(reasons.effects), 'field')}", key="insight_all"):
            _table(card, prediction, reasons.effects)
    known = context_of(visit.registry, card)
    if card.task == "regression" and known.usual_error is None:
        return
    if reasons.change is None:
        st.text(insight_words.NO_CHANGE)
        return
    change = insight_words.change_text(card, reasons.change, prediction)
    st.text(f"{insight_words.change_label(card, known)}: {change}")


def _bar(card: ModelCard, prediction: Prediction, effect: Effect, largest: float) -> None:
    sign = "▲" if effect.size > 0 else "▼"
    field = insight_words.field_text(effect.feature, effect.value)
    text = f"{sign} {field} · {insight_words.effect_text(card, prediction, effect)}"
    st.progress(min(abs(effect.size) / largest, 1.0), escape(text))


def _table(card: ModelCard, prediction: Prediction, effects: tuple[Effect, ...]) -> None:
    # Of markdown: a frame of pandas would be made in each run, also while it is folded.
    rows = [
        (
            effect.feature.label,
            effect.feature.text(effect.value),
            insight_words.effect_text(card, prediction, effect),
        )
        for effect in effects
    ]
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    st.markdown("\n".join(["| Field | Value | Effect |", "| --- | --- | --- |", *lines]))


def _cell(text: str) -> str:
    """A text that stays within one cell of markdown."""
    return escape(" ".join(text.split()))
