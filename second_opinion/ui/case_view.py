"""One stored case on a page: its inputs in words, and the answer with the panel for a verdict."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from second_opinion.formatting import percent
from second_opinion.models.card import ModelCard
from second_opinion.records.prediction import Prediction
from second_opinion.ui import (
    browser,
    entry_form,
    fact_list,
    frame,
    insight_section,
    labels,
    verdict_panel,
)
from second_opinion.ui.drawing import height_for
from second_opinion.ui.labels import input_texts
from second_opinion.ui.visit import Visit

# The part with the model's answer: a status region, where the keyboard goes.
SPOKEN = "model_answer"


def table(card: ModelCard | None, prediction: Prediction) -> None:
    """The inputs of a case, one below the other."""
    texts = input_texts(card, prediction)
    st.dataframe(
        [{"Field": label, "Value": value} for label, value in texts],
        hide_index=True,
        height=height_for(len(texts), 16),
        alt="The inputs of the case",
    )


def judge(
    visit: Visit,
    card: ModelCard,
    prediction: Prediction,
    title: str,
    key: str,
    next_case: Callable[[], None] | None = None,
) -> None:
    """A case beside the model's answer, with the panel that every page has for a verdict.

    The two parts go by the page's ``key``, ``<key>_case`` and ``<key>_answer``. ``next_case`` opens
    another one.
    """
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True, key=f"{key}_case"):
        st.header(title, anchor=False)
        fact_list.draw(visit, prediction)
        table(card, prediction)
    with right, st.container(border=True, key=f"{key}_answer"):
        st.header("The model says", anchor=False)
        with st.container(key=SPOKEN):
            answer(visit, card, prediction)
        browser.speak(SPOKEN, prediction.id)
        if visit.expert is None:
            entry_form.form("Your verdict carries your name.")
            return
        verdict_panel.panel(visit, card, prediction, next_case=next_case)
        room = insight_section.room(visit)
    browser.reveal(f"{key}_answer", f"{prediction.id} {st.session_state['verdict_open']}")
    insight_section.reasons(visit, card, prediction, room)


def answer(visit: Visit, card: ModelCard, prediction: Prediction) -> None:
    """The answer, how sure the model is, and what is unusual about the case."""
    st.subheader(frame.escape(labels.headline(card, prediction)), anchor=False)
    if certainty := labels.certainty(card, prediction):
        st.text(certainty)
    limit = visit.alone_from(card, prediction.model_sha256)
    if limit is not None:
        st.text(labels.alone_text(prediction.confidence, limit))
    for label, probability in labels.few_bars(card, prediction):
        st.progress(probability, f"{frame.escape(label)} · {percent(probability)}")
    insight_section.context(visit, card, prediction)
    for flag in prediction.flags:
        frame.notice(labels.flag_text(card, flag, dict(prediction.inputs)))
