"""Notes who is here, now and then, for the owner; and lets go what is over its time."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.evidence import announcements
from second_opinion.records.expert import Expert
from second_opinion.settings import Settings
from second_opinion.store import Store

# A note is a commit, and pages are drawn at each click.
EVERY_SECONDS = 300.0


def note(person: Expert | None, settings: Settings) -> None:
    """Note that this person is here, at most every five minutes unless the role has changed."""
    if person is None or not Path(settings.feedback_db).exists():
        return
    if settings.notify_url:
        with suppress(UserError):
            announcements.soon(Store.open(settings.feedback_db), settings.notify_url)
    who = (person.expert_key, person.role, person.source)
    last_who, at = st.session_state.get("presence", (None, 0.0))
    if who == last_who and time.monotonic() - at < EVERY_SECONDS:
        return
    # What is wrong with the database, each page that needs it says.
    with suppress(UserError):
        store = Store.open(settings.feedback_db)
        store.visits.note(person)
        store.retention.sweep()
        st.session_state["presence"] = (who, time.monotonic())
