"""The file of a new batch: chosen or pasted, understood, and handed over to be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from second_opinion.batches import jobs
from second_opinion.formatting import plural
from second_opinion.records.stamp import new_id
from second_opinion.settings import MB
from second_opinion.ui import file_button, form, uploads, who
from second_opinion.ui.frame import callback, escape, notice, problem, remark
from second_opinion.ui.visit import Visit

if TYPE_CHECKING:
    from second_opinion.tables import Look

# What `server.maxUploadSize` allows a file.
MOST_BYTES = 50 * MB
SUFFIXES = ["csv", "tsv", "txt", "xlsx", "xls", "xlsb", "ods", "json", "jsonl", "parquet", "gz"]


DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
AGAIN = "batch_again"


class Again(NamedTuple):
    """A file that is to be chosen once more, and what parts its cells then."""

    name: str
    delimiter: str


def choose(visit: Visit) -> None:
    """Ask for a file, and begin to check it as soon as it is understood."""
    st.header("1 Choose a file", anchor=False)
    if again := st.session_state.get(AGAIN):
        words = DELIMITERS[again.delimiter]
        remark(f"Choose {again.name} again: it is read with {words}s then.")
    card = visit.card
    st.text(
        f"A table with a row for each case and the {plural(len(card.features), 'column')} that "
        f"{card.title} takes. Names and record numbers of people are not needed: leave them out."
    )
    if len(visit.arms) > 1:
        st.text(f"All rows of a file are scored by one version, here version {card.version}.")
    upload, help_ = st.columns([3, 2], gap="medium")
    with upload:
        _say_room()
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


def _say_room() -> None:
    """Say how large a file may be while others take the memory: the widget would only say 413."""
    room = uploads.room()
    if room is not None and room < MOST_BYTES:
        notice(
            f"Files that wait to be checked take the memory: just now a file may have "
            f"{room / MB:,.0f} MB, a larger one ends with the status code 413. Wait until they are "
            "checked, or remove one that you chose before."
        )


def _understand(visit: Visit, name: str, content: bytes, file: Any = None) -> None:
    """Say what stands in the way of reading a file, or begin to read it."""
    from second_opinion.tables import Decisions, Limits, TableFile, look
    from second_opinion.tables.table_file import MOST_COLUMNS

    # The bytes are those of the upload, not a copy.
    source = TableFile.of_bytes(name, content)
    # A model may take more columns than a file usually has.
    limits = Limits(max_columns=max(MOST_COLUMNS, 2 * len(visit.card.features)))
    decisions = Decisions(**st.session_state.get("batch_decisions", {}))
    preview = look(source, visit.card.case_schema, decisions, limits)
    if preview.problems or preview.offers:
        _ask(preview)
        return
    expert = visit.expert
    if expert is None:
        return
    batch = jobs.check(
        visit.store,
        visit.card,
        source,
        preview,
        asked_by=expert.label,
        expert_key=expert.expert_key,
        limits=limits,
        id=new_id(expert.browser_secret),
    )
    who.add_batch(batch.id)
    uploads.hand_over(file, batch.id)
    st.query_params["batch"] = st.session_state["batch_id"] = batch.id
    st.rerun()


def _ask(preview: Look) -> None:
    """What stands in the way, what was understood so far, and what may be decided about it."""
    for sentence in preview.problems:
        problem(sentence)
    for note in preview.notes:
        remark(note)
    with st.container(horizontal=True):
        for at, offer in enumerate(preview.offers):
            st.button(
                escape(offer.text),
                key=f"batch_offer_{at}",
                on_click=_accept,
                args=(offer.kind, offer.value),
            )
    if preview.first_rows:
        columns = [name or "(no name)" for name in preview.columns]
        rows = [dict(zip(columns, row, strict=True)) for row in preview.first_rows]
        st.caption("The first rows as they would be read")
        st.dataframe(
            rows,
            hide_index=True,
            key="batch_first_rows",
            alt="The first rows as they would be read",
        )


@callback("page")
def _accept(kind: str, value: str | int | bool) -> None:
    decisions = st.session_state.get("batch_decisions", {})
    st.session_state["batch_decisions"] = {**decisions, kind: value}


def _forget_choices() -> None:
    st.session_state.pop("batch_decisions", None)
    if again := st.session_state.pop(AGAIN, None):
        st.session_state["batch_decisions"] = {"delimiter": again.delimiter}


def _template(visit: Visit) -> bytes:
    from second_opinion.tables.template import template

    return template(visit.card.case_schema)


def forget() -> None:
    """Leave the batch that is open, for another file."""
    for name in [name for name in st.session_state if str(name).startswith("batch_")]:
        del st.session_state[name]
    st.query_params.pop("batch", None)
