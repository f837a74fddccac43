"""Answers that programs gave elsewhere and sent here: which of them a person has still to judge."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.models.card_flags import GIVEN_ELSEWHERE
from second_opinion.records.expert import Expert
from second_opinion.store.single_predictions import SentAnswer
from second_opinion.ui import typed_case
from second_opinion.ui.frame import escape
from second_opinion.ui.visit import Visit

CASE_PAGE = "pages/1_Single_prediction.py"


class SentAnswers(NamedTuple):
    """Those of one model, the oldest first."""

    model: str
    title: str
    answers: list[SentAnswer]

    @property
    def judged(self) -> int:
        """How many this person has judged."""
        return sum(answer.is_judged for answer in self.answers)

    def next_after(self, shown: str = "") -> str:
        """The id of the oldest that waits, but for the one on the page; empty where none does."""
        waiting = (one.id for one in self.answers if not one.is_judged and one.id != shown)
        return next(waiting, "")


def of(visit: Visit, expert: Expert) -> list[SentAnswers]:
    """The answers of each model that this person may use, where there are some."""
    titles: dict[str, str] = {}
    for entry in visit.catalog.entries():
        titles.setdefault(entry.name, entry.card.title if entry.card else entry.name)
    each = (_of_model(visit, expert, name, title) for name, title in titles.items())
    return [one for one in each if one.answers]


def _of_model(visit: Visit, expert: Expert, name: str, title: str) -> SentAnswers:
    versions = visit.catalog.versions(name)
    sent = visit.store.singles.sent(name, by=expert)
    return SentAnswers(name, title, [answer for answer in sent if answer.version in versions])


def draw(one: SentAnswers) -> None:
    """How many are judged, and the way to the next."""
    with st.container(border=True, key=f"home_sent_{one.model}"):
        st.text(f"Answers of {one.title} that programs sent here")
        st.progress(one.judged / len(one.answers), _words(one))
        st.page_link(
            CASE_PAGE,
            label=f"Judge the next answer of {escape(one.title)}",
            icon=":material/arrow_forward:",
            query_params={"prediction": one.next_after()},
        )


def way(visit: Visit) -> None:
    """The way from such an answer to the next one that waits; nothing on any other case."""
    shown = typed_case.current()
    if shown is None or visit.expert is None or GIVEN_ELSEWHERE not in shown.flags:
        return
    one = _of_model(visit, visit.expert, shown.model, "")
    st.caption(_words(one))
    if waiting := one.next_after(shown.id):
        st.button(
            "Judge the next answer that a program sent",
            key="predict_next_sent",
            icon=":material/arrow_forward:",
            on_click=partial(typed_case.reopen, visit, waiting),
        )


def _words(one: SentAnswers) -> str:
    return (
        f"{one.judged:,} of {plural(len(one.answers), 'answer')} that programs sent judged by you"
    )
