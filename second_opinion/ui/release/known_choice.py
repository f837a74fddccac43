"""Release decision: cases whose answer is known, chosen for a plan to check who answers."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.evidence import known_answers
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.records.plan import KnownAnswers
from second_opinion.ui import distinct_words
from second_opinion.ui.frame import notice
from second_opinion.ui.release import plan_fields
from second_opinion.ui.visit import Visit

NONE = ""
FILE, COLUMN = "plan_known", "plan_known_column"
HOW = (
    "About one in ten of the cases that somebody answers is then one of these, unmarked. They are "
    "announced in the instructions, and are never evidence."
)


def draw(visit: Visit, card: ModelCard, pool: Batch, batches: Mapping[str, Batch]) -> None:
    """Offer the other scored files of the same model, and the column with what is known."""
    fitting = _fitting(pool, batches)
    if not fitting:
        return
    if st.session_state.get(FILE) not in fitting:
        st.session_state[FILE] = NONE
    name_of = distinct_words.of(fitting, lambda one: plan_fields.name(visit, fitting[one]))
    chosen: str = st.selectbox(
        "Cases whose right answer is known, to check who answers: the rows of",
        [NONE, *fitting],
        key=FILE,
        format_func=lambda one: name_of(one) if one else "none",
        help=HOW,
        persist_state="session",
    )
    if not chosen:
        return
    columns = known_answers.candidate_columns(visit.store, card, fitting[chosen])
    if not columns:
        notice(
            f"{fitting[chosen].name} has no column beside those that the model takes; expected one "
            "with the known answers. Score a file that has it."
        )
        return
    if st.session_state.get(COLUMN) not in columns:
        st.session_state[COLUMN] = columns[0]
    st.selectbox("Column with the known answer", columns, key=COLUMN, persist_state="session")
    _say_how_many(visit, card, pool, batches)


def chosen_answers(
    visit: Visit, card: ModelCard, pool: Batch, batches: Mapping[str, Batch]
) -> KnownAnswers | None:
    """What is known of the chosen cases; `UserError` for a cell that is no answer."""
    batch = _fitting(pool, batches).get(st.session_state.get(FILE, NONE))
    if batch is None:
        return None
    column, by = str(st.session_state.get(COLUMN, "")), visit.signer()
    return known_answers.known_answers(visit.store, card, pool, batch, column, by=by)


def forget() -> None:
    """Let the next plan begin without any."""
    st.session_state.pop(FILE, None)


def _fitting(pool: Batch, batches: Mapping[str, Batch]) -> dict[str, Batch]:
    """The files that may have them, none where the model's answer is in view."""
    if st.session_state.get("plan_mode") != "blind":
        return {}
    return {key: one for key, one in batches.items() if known_answers.fits(one, pool)}


def _say_how_many(visit: Visit, card: ModelCard, pool: Batch, batches: Mapping[str, Batch]) -> None:
    try:
        known = chosen_answers(visit, card, pool, batches)
    except UserError as error:
        notice(str(error))
    else:
        st.caption(f"{plural(len(known or ()), 'case')} with a known answer. {HOW}")
