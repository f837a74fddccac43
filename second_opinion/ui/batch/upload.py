"""The file of a new batch: chosen or pasted, understood, and handed over to be checked."""

from __future__ import annotations

from typing import Any

import streamlit as st

from second_opinion.batches import jobs
from second_opinion.formatting import plural
from second_opinion.ui import browser, file_button, form, who
from second_opinion.ui.frame import callback, escape, problem
from second_opinion.ui.visit import Visit

SUFFIXES = ["csv", "tsv", "xlsx", "json", "jsonl", "parquet"]


def choose(visit: Visit) -> None:
    """Ask for a file, and begin to check it as soon as it is understood."""
    st.header("1 Choose a file", anchor=False)
    card = visit.card
    st.text(
        f"A table with a row for each case and the {plural(len(card.features), 'column')} that "
        f"{card.title} takes. Names and record numbers of people are not needed: leave them out."
    )
    if len(visit.arms) > 1:
        st.text(f"All rows of a file are scored by one version, here version {card.version}.")
    upload, help_ = st.columns([3, 2], gap="medium")
    with upload:
        file = st.file_uploader(
            "CSV, Excel, JSON or Parquet",
            type=SUFFIXES,
            key="batch_file",
            on_change=_forget_choices,
        )
    with help_:
        file_button.draw(
            "Template",
            data=lambda: _template(visit),
            file_name=f"{card.name}-template.csv",
            key="batch_template",
            help="A CSV with the column names, a typical case, and cases with every choice",
        )
        with st.popover("What each column holds", icon=":material/help:"):
            rows = form.table(card.case_schema, "the file")
            st.dataframe(rows, hide_index=True, key="batch_columns", alt="What each column holds")
        with st.popover("Paste JSON instead", icon=":material/data_object:"):
            st.text_area(
                "A list of cases",
                key="batch_json",
                height=200,
                placeholder='[{"age": 35, …}, …]',
                on_change=_forget_choices,
            )
            st.button("Check", key="batch_json_check", type="primary")
    if file is not None:
        _understand(visit, file.name, file.getvalue(), file)
    elif st.session_state.get("batch_json", "").strip():
        pasted = st.session_state["batch_json"].encode("utf-8", "surrogatepass")
        _understand(visit, "pasted.json", pasted)


def _understand(visit: Visit, name: str, content: bytes, file: Any = None) -> None:
    """Say what stands in the way of reading a file, or begin to read it."""
    from second_opinion.tables import Limits, TableFile, look

    # The bytes are those of the upload, not a copy.
    source = TableFile.of_bytes(name, content)
    choices = {k: st.session_state.get(f"batch_{k}", "") for k in ("encoding", "delimiter")}
    preview = look(source, visit.card.case_schema, **choices)
    for sentence in preview.problems:
        problem(sentence)
    if preview.problems:
        with st.container(horizontal=True):
            for at, offer in enumerate(preview.offers):
                st.button(
                    escape(offer.text),
                    key=f"batch_offer_{at}",
                    on_click=_accept,
                    args=(offer.kind, offer.value),
                )
        return
    expert = visit.expert
    if expert is None:
        return
    batch = jobs.check(
        visit.store, visit.card, source, preview, asked_by=expert.label, limits=Limits()
    )
    who.add_batch(batch.id)
    browser.let_go(file)
    st.query_params["batch"] = st.session_state["batch_id"] = batch.id
    st.rerun()


@callback("page")
def _accept(kind: str, value: str) -> None:
    st.session_state[f"batch_{kind}"] = value


def _forget_choices() -> None:
    for name in ("encoding", "delimiter"):
        st.session_state.pop(f"batch_{name}", None)


def _template(visit: Visit) -> bytes:
    from second_opinion.tables.template import template

    return template(visit.card.case_schema)
