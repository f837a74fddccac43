"""One stored case on a page: its inputs in words, and the answer with the panel for a verdict."""

from __future__ import annotations

import json

import streamlit as st

from second_opinion.models.card import ModelCard
from second_opinion.records.prediction import Prediction
from second_opinion.ui import answer, browser, verdicts, who
from second_opinion.ui.drawing import height_for
from second_opinion.ui.visit import Visit


def inputs(card: ModelCard | None, made: Prediction) -> list[tuple[str, str]]:
    """The inputs in words with their units; as they are stored where there is no card for them."""
    schema = card.case_schema if card else None
    found = []
    for name, value in made.inputs.items():
        feature = schema.get(name) if schema else None
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        found.append((feature.label, feature.text(value)) if feature else (name, text))
    return found


def table(card: ModelCard | None, made: Prediction) -> None:
    """The inputs of a case, one below the other."""
    found = inputs(card, made)
    st.dataframe(
        [{"Field": label, "Value": value} for label, value in found],
        hide_index=True,
        height=height_for(len(found), 16),
        alt="The inputs of the case",
    )


def judge(visit: Visit, card: ModelCard, made: Prediction, title: str, key: str) -> None:
    """A case beside the model's answer, with the panel that every page has for a verdict.

    The two parts go by the page's ``key``, ``<key>_case`` and ``<key>_answer``.
    """
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True, key=f"{key}_case"):
        st.header(title, anchor=False)
        table(card, made)
    with right, st.container(border=True, key=f"{key}_answer"):
        st.header("The model says", anchor=False)
        answer.show(card, made)
        if visit.expert is None:
            who.form("Your verdict carries your name.")
            return
        verdicts.panel(visit, card, made)
    browser.reveal(f"{key}_answer", f"{made.id} {st.session_state['verdict_open']}")
