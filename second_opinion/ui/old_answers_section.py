"""Models: what the answers given blind for another version say of the one on the page."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from second_opinion.evidence import answers_reused
from second_opinion.records.stamp import now
from second_opinion.ui.frame import callback, escape
from second_opinion.ui.visit import Visit

# What was asked last, and what came of it: the model has answered all cases for that.
KEY, OUTCOME = "models_old_answers_of", "models_old_answers_found"


def draw(visit: Visit, version: str) -> None:
    """Offer the test where another version of the model has a plan; and its outcome, once asked."""
    name, _ = visit.version
    plans = visit.store.plans.listed(name, by=visit.asker)
    if not any(plan.version != version and plan.mode == "blind" for plan in plans):
        return
    st.header("On the answers given for another version", anchor=False)
    st.text(
        "Experts' own answers are labels for every version: draws and weights are those of the "
        "plan, and the chance to err is shared between the versions."
    )
    ref = f"{name}/{version}"
    st.button(
        f"Test version {escape(version)} on them",
        key="models_old_answers",
        on_click=_ask,
        args=(ref,),
    )
    if st.session_state.get(KEY) != ref:
        return
    if OUTCOME not in st.session_state:
        with st.spinner("Testing it on the old answers …"):
            st.session_state[OUTCOME] = _outcome(visit, ref)
    outcome: Outcome = st.session_state[OUTCOME]
    with st.container(key="models_old_answers_said"):
        for text in outcome.texts:
            st.text(text)
        at = escape(visit.clock(outcome.created_at))
        st.caption(f"As it stood {at}. Press again for what was answered since.")


class Outcome(NamedTuple):
    """What the old answers said of a version, in sentences, and when."""

    texts: list[str]
    created_at: str


def _outcome(visit: Visit, ref: str) -> Outcome:
    card = visit.catalog.card(ref)
    reused = answers_reused.of_version(visit.store, visit.registry, card, by=visit.asker)
    texts = answers_reused.sentences(reused) or ["Nobody has answered a case of them yet."]
    return Outcome(texts, now())


@callback()
def _ask(ref: str) -> None:
    st.session_state[KEY] = ref
    st.session_state.pop(OUTCOME, None)
