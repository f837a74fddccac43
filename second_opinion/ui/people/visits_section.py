"""People and records: who was here, in which role, and how they proved it."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.records.expert import IdentitySource
from second_opinion.ui.people import addresses_section
from second_opinion.ui.visit import Visit

MOST = 200
PROOFS: dict[IdentitySource, str] = {
    "oidc": "signed in",
    "invite": "personal link",
    "code": "typed a name, entered a code",
    "declared": "typed a name",
    "api": "token of a program",
}
WHAT_PROVES = (
    "A sign-in, a personal link and a token prove who somebody is. A typed name does not: a code "
    "opens a door, and the name beside it is whatever was typed."
)


def people(visit: Visit) -> None:
    """Who was here lately, and the addresses that accounts hold."""
    _latest(visit)
    addresses_section.addresses(visit)


def _latest(visit: Visit) -> None:
    visits = visit.store.visits.latest(MOST, by=visit.asker)
    if not visits:
        st.text("Nobody was noted yet. People stand here once they have a name and open a page.")
        return
    roles = Counter(one.role for one in visits)
    st.text(" · ".join(plural(count, role) for role, count in roles.most_common()))
    st.dataframe(
        [
            {
                "Who": one.label,
                "Role": one.role,
                "Proved by": PROOFS.get(one.source, one.source),
                "Last seen": visit.clock(one.last_at),
                "First seen": visit.clock(one.first_at),
            }
            for one in visits
        ],
        hide_index=True,
        key="people_table",
        alt="Who was here, in which role, how they proved it, and when they were last seen",
    )
    if len(visits) == MOST:
        st.caption(f"The latest {MOST}.")
    st.caption(f"Noted at most every five minutes. {WHAT_PROVES}")
