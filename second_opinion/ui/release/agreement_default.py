"""Release decision: how often experts agree with each other, filled in where reviews tell it."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import totals
from second_opinion.statistics.expert_agreement import FEW_CASES
from second_opinion.ui import widget_values
from second_opinion.ui.visit import Visit

FIELD, FILLED = "plan_agreement", "plan_agreement_filled"


class Filled(NamedTuple):
    """What was put into the field for a model, in percent of ``cases``; None for nothing."""

    model: str
    percent: float | None
    cases: int


def fill(visit: Visit, card: ModelCard) -> None:
    """Fill the field for another model than before; what somebody typed or emptied stays."""
    before: Filled | None = st.session_state.get(FILLED)
    if before is not None and before.model == card.name:
        return
    cases, same = totals.same_answers(
        totals.shared(visit.review, VerdictFilter(model=card.name)),
        numbers=card.task == "regression",
    )
    percent = round(same / cases * 100, 1) if cases >= FEW_CASES else None
    st.session_state[FILLED] = Filled(card.name, percent, cases)
    if st.session_state.get(FIELD) == (before.percent if before else None):
        widget_values.put({FIELD: percent})


def say() -> None:
    """Where the figure comes from, as long as it stands in the field."""
    filled: Filled | None = st.session_state.get(FILLED)
    if filled and filled.percent is not None and st.session_state.get(FIELD) == filled.percent:
        cases = plural(filled.cases, "case")
        st.caption(
            f"They agree in {filled.percent:g} % of the {cases} of this model that two experts or "
            "more answered, by Feedback review. Type another share if these experts differ."
        )


def forget() -> None:
    """Let the field be filled anew."""
    st.session_state.pop(FILLED, None)
