"""Models: what the answers given blind for another version say of the one on the page."""

from __future__ import annotations

import streamlit as st

from second_opinion.evidence import answers_reused
from second_opinion.ui.frame import callback, escape
from second_opinion.ui.visit import Visit

KEY = "models_old_answers_of"


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
    card = visit.catalog.card(ref)
    reused = answers_reused.of_version(visit.store, visit.registry, card, by=visit.asker)
    with st.container(key="models_old_answers_said"):
        for text in answers_reused.sentences(reused) or ["Nobody has answered a case of them yet."]:
            st.text(text)


@callback()
def _ask(ref: str) -> None:
    st.session_state[KEY] = ref
