"""A batch on its page: the file that is chosen, what is understood, and what comes of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from second_opinion import downloads, jobs
from second_opinion.records import Batch, new_id
from second_opinion.ui import browser, fields, who
from second_opinion.ui.batch_rows import height_for
from second_opinion.ui.frame import Visit, callback, escape, notice, problem, say
from second_opinion.words import joined, plural

SUFFIXES = ["csv", "tsv", "xlsx", "json", "jsonl", "parquet"]
SHOWN_PROBLEMS = 100
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
FORMATS = {
    "xlsx": "Excel workbook",
    "json": "JSON",
    "jsonl": "JSON, one case a line",
    "parquet": "Parquet",
}
SPREADSHEET = "Text that a spreadsheet would run as a formula begins with an apostrophe"
BECAME = {"cancelled": "was cancelled", "failed": "stopped"}
STATES = {
    "checking": "is being checked",
    "checked": "checked, not scored yet",
    "scoring": "is being scored",
    "done": "scored",
    "cancelled": "cancelled",
    "failed": "failed",
}


def current(visit: Visit) -> Batch | None:
    """The batch that is open, as it stands now; None while a file is to be chosen.

    It is opened by its link. Another model in the menu closes it.
    """
    was_open = st.session_state.get("batch_id")
    wanted = st.query_params.get("batch") or was_open
    if not wanted:
        return None
    batch = visit.store.batches.find(wanted)
    if batch is None:
        _forget()
        say(
            "page",
            "This link names a batch that is not in the feedback database. Check that the link is "
            "whole, or choose the file again.",
        )
        return None
    if (batch.model, batch.version) != visit.version:
        if was_open == wanted:
            _forget()
            return None
        visit.registry.resolve(batch.ref)
        # The menu takes it up on the next run, before its widget is drawn.
        st.session_state["frame_model"] = batch.ref
        st.query_params["batch"] = wanted
        st.rerun()
    st.query_params["batch"] = st.session_state["batch_id"] = wanted
    return jobs.revive(visit.store, visit.registry, batch)


def choose(visit: Visit) -> None:
    """Ask for a file, and begin to check it as soon as it is understood."""
    st.header("1 Choose a file", anchor=False)
    card = visit.card
    st.text(
        f"A table with a row for each case and the {len(card.features)} columns that "
        f"{card.title} takes. Names and record numbers of people are not needed: leave them out."
    )
    upload, help_ = st.columns([3, 2], gap="medium")
    with upload:
        file = st.file_uploader(
            "CSV, Excel, JSON or Parquet",
            type=SUFFIXES,
            key="batch_file",
            on_change=_forget_choices,
        )
    with help_:
        st.download_button(
            "Template",
            data=lambda: _template(visit),
            file_name=f"{card.name}-template.csv",
            mime="text/csv",
            on_click="ignore",
            key="batch_template",
            icon=":material/download:",
            help="A CSV with the column names and a typical case",
        )
        with st.popover("What each column holds", icon=":material/help:"):
            rows = fields.table(card.case_schema, "the file")
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
    from second_opinion.tables import Limits, Source, look

    # The bytes are those of the upload, not a copy.
    source = Source.of_bytes(name, content)
    choices = {k: st.session_state.get(f"batch_{k}", "") for k in ("encoding", "delimiter")}
    seen = look(source, visit.card.case_schema, **choices)
    for sentence in seen.problems:
        problem(sentence)
    if seen.problems:
        with st.container(horizontal=True):
            for at, offer in enumerate(seen.offers):
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
        visit.store, visit.card, source, seen, asked_by=expert.label, limits=Limits()
    )
    who.add_batch(batch.id)
    browser.let_go(file)
    st.query_params["batch"] = st.session_state["batch_id"] = batch.id
    st.rerun()


def title(visit: Visit, batch: Batch) -> None:
    """Which file it is, from whom, and the way to another one."""
    with st.container(horizontal=True, vertical_alignment="center", key="batch_title"):
        st.header(escape(batch.name), anchor=False)
        st.button("Another file", key="batch_another", icon=":material/add:", on_click=another)
    st.caption(escape(f"{batch.asked_by} · {visit.clock(batch.created_at)}"))
    if batch.message:
        problem(batch.message)


def checked(visit: Visit, batch: Batch) -> None:
    """What was understood, what is wrong, and the choice of what to do about it."""
    st.header("2 Check", anchor=False)
    facts(visit, batch)
    problems(visit, batch)
    if not batch.rows:
        st.text("No row of this file can be scored." if batch.bad_rows else "The file has no rows.")
        st.button("Choose another file", key="batch_fix", on_click=_let_go, args=(visit, batch))
        return
    good = plural(batch.rows, "good row" if batch.bad_rows else "row")
    with st.container(horizontal=True):
        st.button(
            f"Score the {good}",
            key="batch_score",
            type="primary",
            on_click=_score,
            args=(visit, batch.id),
        )
        label = "Fix the file first" if batch.bad_rows else "Choose another file"
        st.button(label, key="batch_fix", on_click=_let_go, args=(visit, batch))


def facts(visit: Visit, batch: Batch) -> None:
    """How the file was read: rows, form, columns."""
    names = visit.card.case_schema.names
    known = [name for name in names if name in batch.columns]
    carried = [name for name in batch.columns if name not in names]
    parts = [plural(batch.rows + batch.bad_rows, "row"), _form(batch)]
    parts.append(f"{len(known)} of {len(names)} columns")
    if carried:
        parts.append(f"{len(carried)} more carried along")
    if batch.bad_rows:
        parts.append(f"{plural(batch.bad_rows, 'row')} with problems")
    st.text(" · ".join(parts))
    absent = [name for name in names if name not in batch.columns]
    if absent:
        st.caption(escape(f"Not in the file, read as not known: {joined(absent)}"))
    if carried:
        st.caption(escape(f"Carried along, not used by the model: {joined(carried[:20])}"))
    if batch.personal and batch.state == "checked":
        notice(
            f"{joined(batch.personal)}: this looks like names or record numbers of people. The "
            "model does not need them. Take such columns out of the file, unless you need them to "
            "find the rows again."
        )


def problems(visit: Visit, batch: Batch) -> None:
    """The problems by line, as many as a person reads, with all of them to download."""
    if not batch.problems:
        return
    found = visit.store.batches.problems(batch.id, SHOWN_PROBLEMS)
    with st.container(key="batch_problems"):
        st.dataframe(
            [
                {"Line": p.line, "Column": p.column, "Found": p.found, "Expected": p.expected}
                for p in found
            ],
            hide_index=True,
            height=height_for(len(found), 8),
            alt="What is wrong with the file, line by line",
        )
    if batch.problems > len(found):
        st.caption(f"The first {len(found)} of {batch.problems:,} problems.")
    with st.container(horizontal=True):
        st.download_button(
            "Problems",
            data=lambda: downloads.problems_file(visit.store, batch),
            file_name=f"{_stem(batch)}-problems.csv",
            mime="text/csv",
            on_click="ignore",
            key="batch_problems_download",
            icon=":material/download:",
        )
        st.download_button(
            "Bad rows",
            data=lambda: downloads.rejected_file(visit.store, batch),
            file_name=f"{_stem(batch)}-bad-rows.csv",
            mime="text/csv",
            on_click="ignore",
            key="batch_rejected",
            icon=":material/download:",
            help="The rows with problems as they stand in the file, to mend and upload again",
        )


def go_on(visit: Visit, batch: Batch) -> None:
    """What became of a batch that runs no more, and how the rest of it can be scored."""
    left = batch.rows - batch.rows_done
    if batch.state == "done":
        return
    st.text(f"This batch {BECAME[batch.state]}: {progress_text(batch)}.")
    if left and visit.store.batches.is_whole(batch.id):
        st.button(
            f"Score the other {left:,}" if batch.rows_done else f"Score {plural(left, 'row')}",
            key="batch_score",
            type="primary",
            on_click=_score,
            args=(visit, batch.id),
        )


def files(visit: Visit, batch: Batch) -> None:
    """The scored file, exact or safe for a spreadsheet, and the rows that were not scored."""
    with st.container(horizontal=True, key="batch_downloads"):
        for key, label, safe, note in (
            ("batch_download", "Download scored file", False, "Every cell as it was, for programs"),
            ("batch_download_safe", "Download for a spreadsheet", True, SPREADSHEET),
        ):
            st.download_button(
                label,
                data=partial(downloads.scored_file, visit.store, batch, spreadsheet_safe=safe),
                file_name=f"{_stem(batch)}-{'spreadsheet' if safe else 'scored'}.csv",
                mime="text/csv",
                on_click="ignore",
                key=key,
                icon=":material/download:",
                help=note,
            )
    if batch.bad_rows:
        with st.expander(f"{plural(batch.bad_rows, 'row')} not scored: what is wrong"):
            problems(visit, batch)


def past(visit: Visit) -> None:
    """The batches that were asked for here, the latest first: who, when, model, progress."""
    ids = None if who.is_local() else who.batches()
    found = [
        jobs.revive(visit.store, visit.registry, batch) if batch.is_running else batch
        for batch in visit.store.batches.listed(ids)
    ]
    if not found:
        return
    st.header("Batches so far", anchor=False)
    for batch in found:
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"batch_row_{batch.id}"
        ):
            st.button(
                escape(batch.name),
                key=f"batch_open_{batch.id}",
                type="tertiary",
                icon=":material/table_rows:",
                on_click=reopen,
                args=(batch.id,),
            )
            st.text(
                f"{visit.clock(batch.created_at)} · {batch.asked_by} · {batch.model} version "
                f"{batch.version} · {progress_text(batch)}"
            )


def progress_text(batch: Batch) -> str:
    """How far a batch has come: ``812 of 1,237 rows, cancelled``."""
    if batch.state in ("checking", "failed") and not batch.rows_done:
        return STATES[batch.state]
    rows = plural(batch.rows, "row")
    if batch.state == "done":
        return f"{rows} {STATES['done']}"
    scored = f"{batch.rows_done:,} of {rows}, " if batch.rows_done else f"{rows}, "
    return scored + STATES[batch.state]


@callback("page")
def reopen(batch_id: str) -> None:
    """Open a batch of the list."""
    _forget()
    st.query_params["batch"] = batch_id


@callback("page")
def another() -> None:
    """Leave the batch for another file."""
    _forget()


@callback("page")
def _score(visit: Visit, batch_id: str) -> None:
    jobs.score(visit.store, visit.registry, batch_id)


@callback("page")
def _let_go(visit: Visit, batch: Batch) -> None:
    """Drop what was checked: the person comes back with another file."""
    visit.store.batches.cancel(batch.id)
    _forget()


@callback("page")
def _accept(kind: str, value: str) -> None:
    st.session_state[f"batch_{kind}"] = value


def _forget_choices() -> None:
    for name in ("encoding", "delimiter"):
        st.session_state.pop(f"batch_{name}", None)


def _forget() -> None:
    for name in [name for name in st.session_state if str(name).startswith("batch_")]:
        del st.session_state[name]
    st.query_params.pop("batch", None)


def _form(batch: Batch) -> str:
    if batch.format in FORMATS:
        return FORMATS[batch.format]
    delimiter = DELIMITERS.get(batch.delimiter, batch.delimiter)
    return f"{delimiter} · {batch.encoding.upper()}"


def _stem(batch: Batch) -> str:
    """A plain name for a file to download, whatever the upload was called."""
    stem = batch.name.rsplit(".", 1)[0]
    return "".join(c if c.isalnum() or c in "-_ " else "-" for c in stem)[:60] or new_id()


def _template(visit: Visit) -> bytes:
    from second_opinion.tables.template import template

    return template(visit.card.case_schema)
