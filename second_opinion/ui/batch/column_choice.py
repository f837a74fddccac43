"""Which columns of a file stand where its rows are judged, and which no expert may see."""

from __future__ import annotations

import re
from dataclasses import replace

import streamlit as st

from second_opinion.access import roles
from second_opinion.records.batch import Batch
from second_opinion.ui.frame import callback, show_problem
from second_opinion.ui.visit import Visit

SHOWN_HELP = "They stand above the fields of the model, wherever a row is judged, in this order."
HIDDEN_HELP = (
    "They are in no page, search or download of an expert; reviewers and the owner of the app find "
    "them in their downloads. The answer that the model is to find belongs here."
)
HOSTS_HELP = (
    "Cells with an https address of one of these hosts can be opened in a new tab, or are shown "
    "where they are pictures. Without a host no address is."
)


def form(visit: Visit, batch: Batch) -> None:
    """Ask the owner of a batch what experts see of the columns that the model does not use."""
    unused = [name for name in batch.columns if name and name not in visit.card.case_schema.names]
    if not unused or not roles.owns(visit.asker, batch.id):
        return
    _fill(visit, batch)
    with st.expander("What experts see beside the fields", key="batch_case_columns"):
        st.multiselect(
            "Columns to know a case by",
            unused,
            key="batch_shown",
            help=SHOWN_HELP,
            on_change=_choose,
            args=(visit, batch),
        )
        st.multiselect(
            "Columns that no expert may see",
            unused,
            key="batch_hidden",
            help=HIDDEN_HELP,
            on_change=_choose,
            args=(visit, batch),
        )
        st.text_input(
            "Hosts whose links may be opened",
            key="batch_link_hosts",
            placeholder="records.example.org, images.example.org",
            help=HOSTS_HELP,
            on_change=_choose,
            args=(visit, batch),
        )
        show_problem("batch")


def _fill(visit: Visit, batch: Batch) -> None:
    """Put what holds into the fields, when the batch is opened."""
    if st.session_state.get("batch_columns_of") == batch.id and "batch_shown" in st.session_state:
        return
    choice = visit.store.column_choices.latest(batch.id)
    st.session_state["batch_columns_of"] = batch.id
    st.session_state["batch_shown"] = list(choice.shown)
    st.session_state["batch_hidden"] = list(choice.hidden)
    st.session_state["batch_link_hosts"] = ", ".join(choice.link_hosts)


@callback("batch")
def _choose(visit: Visit, batch: Batch) -> None:
    """Store what was chosen, and show what came of it: what is hidden is not shown."""
    before = visit.store.column_choices.latest(batch.id)
    hosts = re.split(r"[,;\s]+", st.session_state["batch_link_hosts"])
    choice = replace(
        before,
        shown=tuple(st.session_state["batch_shown"]),
        hidden=tuple(st.session_state["batch_hidden"]),
        link_hosts=tuple(hosts),
    ).tidy(batch.columns, visit.card.case_schema.names)
    visit.store.column_choices.choose(batch.id, choice, by=visit.asker)
    st.session_state["batch_shown"] = list(choice.shown)
    st.session_state["batch_hidden"] = list(choice.hidden)
