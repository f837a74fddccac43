"""The last cases of a person on Single prediction: in words that tell them apart, and reopened."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.records.prediction import Prediction
from second_opinion.records.verdict import Verdict
from second_opinion.ui import judging_way, labels, typed_case, who
from second_opinion.ui.frame import escape, show_problem
from second_opinion.ui.visit import Visit


class PastCase(NamedTuple):
    """A prediction that was made here, and what became of it in words."""

    prediction: Prediction
    words: str
    is_judged: bool


def of(visit: Visit) -> list[PastCase]:
    """The last predictions that were made here with this model, the newest first."""
    expert = visit.expert
    if expert is None:
        return []
    name, _ = visit.version
    versions = visit.catalog.versions(name)
    history = [
        (prediction, verdict)
        for prediction, verdict in visit.store.history(expert, who.cases(), limit=12, by=expert)
        if prediction.model == name and prediction.version in versions
    ]
    apart = labels.telling_fields([prediction.inputs for prediction, _ in history])
    return [
        PastCase(prediction, _words(visit, prediction, verdict, apart), verdict is not None)
        for prediction, verdict in history
    ]


def _words(visit: Visit, prediction: Prediction, verdict: Verdict | None, apart: list[str]) -> str:
    card = visit.card_of(prediction)
    words = labels.history_text(card, prediction, verdict)
    fields = labels.fields_text(card, prediction, apart)
    return f"{words} · {fields}" if fields else words


def before(cases: list[PastCase], shown: Prediction | None) -> str:
    """The id of the case before the one on the page; empty where there is none."""
    ids = [case.prediction.id for case in cases]
    at = ids.index(shown.id) + 1 if shown and shown.id in ids else 0
    return ids[at] if at < len(ids) else ""


def way(visit: Visit, cases: list[PastCase]) -> None:
    """How many of the last cases are judged, and the way back to the one before this one."""
    earlier = before(cases, typed_case.current())
    back = partial(typed_case.go_back, visit, earlier) if earlier else None
    judged, total = sum(case.is_judged for case in cases), len(cases)
    words = f"{judged} of your last {plural(total, 'case')} judged"
    judging_way.draw(judged, total if total > 1 else 0, words, back=back)
    show_problem("way")


def history(visit: Visit, cases: list[PastCase]) -> None:
    """A button for each of the last cases that opens it again; nothing where there is none."""
    if not cases:
        return
    open_case = typed_case.current()
    st.header("Your last cases", anchor=False)
    with st.container(horizontal=True, key="predict_history"):
        for prediction, words, _ in cases:
            here = open_case is not None and prediction.id == open_case.id
            st.button(
                f"{visit.clock(prediction.created_at)} {escape(words)}",
                key=f"predict_open_{prediction.id}",
                type="secondary" if here else "tertiary",
                on_click=typed_case.reopen,
                args=(visit, prediction.id),
            )
    show_problem("history")
