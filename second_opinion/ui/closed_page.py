"""What stands in the place of a page for those who may not see it, or have no name yet."""

from __future__ import annotations

import streamlit as st

from second_opinion.records.expert import Role
from second_opinion.ui import entry_form, frame, who
from second_opinion.ui.visit import Visit


def is_closed(visit: Visit, needed: Role, purpose: str) -> bool:
    """Say why this page is closed to who is here, or ask for a missing name; whether it is.

    ``purpose`` is what the name is for.
    """
    if reason := who.closed_reason(needed):
        frame.title()
        st.text(reason)
        return True
    if visit.expert is None:
        frame.title()
        entry_form.form(purpose)
        return True
    return False
