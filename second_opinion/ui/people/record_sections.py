"""Which part of People and records is open: a part of the address."""

from __future__ import annotations

import streamlit as st

from second_opinion.ui import widget_values
from second_opinion.ui.frame import callback

SECTIONS = {
    "people": "Who is here",
    "invitations": "Personal links",
    "tokens": "Programs",
    "events": "What was done",
    "kept": "What is kept",
}
KEY = "people_section"


def chosen() -> str:
    """The section that the address asks for, the first without one."""
    asked = st.query_params.get("section", "")
    name = asked if asked in SECTIONS else next(iter(SECTIONS))
    if KEY not in st.session_state and not asked:
        st.session_state[KEY] = name
    elif st.session_state.get(KEY) != name:
        widget_values.put({KEY: name})
    st.segmented_control(
        "Section",
        list(SECTIONS),
        format_func=lambda section: SECTIONS[section],
        key=KEY,
        required=True,
        label_visibility="collapsed",
        wrap=True,
        on_change=_keep,
    )
    return name


@callback()
def _keep() -> None:
    st.query_params["section"] = str(st.session_state[KEY])
