"""People and records: the e-mail addresses that accounts hold, and the way to free one."""

from __future__ import annotations

import streamlit as st

from second_opinion.records.held_address import HeldAddress
from second_opinion.ui import distinct_words
from second_opinion.ui.frame import callback, show_problem
from second_opinion.ui.visit import Visit

ABOUT = (
    "The first account that signs in with an address holds it, and another one with the same "
    "address is refused. Free the address of somebody who has a new account: the next one that "
    "signs in with it holds it, and what the account before said stays that one's."
)


def addresses(visit: Visit) -> None:
    """Which account holds which address; nothing where nobody has signed in with one."""
    held = {one.id: one for one in visit.store.sign_ins.held(by=visit.asker)}
    if not held:
        return
    st.header("E-mail addresses", anchor=False)
    st.text(ABOUT)
    if st.session_state.get("people_address") not in held:
        st.session_state.pop("people_address", None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Address",
            list(held),
            key="people_address",
            format_func=distinct_words.of(held, lambda one: _words(visit, held[one])),
        )
        st.button("Free this address", key="people_address_free", on_click=_free, args=(visit,))
    show_problem("address")


def _words(visit: Visit, one: HeldAddress) -> str:
    return f"{one.email}, at {one.provider} since {visit.clock(one.created_at)}"


@callback("address")
def _free(visit: Visit) -> None:
    visit.store.sign_ins.free(st.session_state["people_address"], by=visit.signer())
