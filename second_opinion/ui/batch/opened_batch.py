"""A batch on its page: which one is open, and what came of it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from second_opinion.batches import downloads, jobs
from second_opinion.formatting import plural
from second_opinion.records.batch import Batch
from second_opinion.ui import file_button, who
from second_opinion.ui.batch import checked_file, upload
from second_opinion.ui.frame import callback, escape, problem, say, show_problem
from second_opinion.ui.labels import flag_name
from second_opinion.ui.visit import Visit

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ANY = "application/octet-stream"
TO_READ = "Answers, flags and your verdicts in words, with the fields of each case"
AS_IT_CAME = (
    "Every cell as it came, and the columns prediction, confidence and flags behind them: {form}"
)
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
    batch_id = st.query_params.get("batch") or was_open
    if not batch_id:
        return None
    batch = visit.store.batches.find(batch_id, by=visit.asker)
    if batch is None:
        upload.forget()
        say(
            "page",
            "This link names a batch that is not in the feedback database. Check that the link is "
            "whole, or choose the file again.",
        )
        return None
    if (batch.model, batch.version) != visit.version:
        if was_open == batch_id:
            upload.forget()
            return None
        visit.catalog.resolve(batch.ref)
        # The menu takes it up on the next run, before its widget is drawn.
        st.session_state["frame_model"] = batch.ref
        st.query_params["batch"] = batch_id
        st.rerun()
    st.query_params["batch"] = st.session_state["batch_id"] = batch_id
    if batch_id not in who.batches():
        who.add_linked_batch(batch_id)
    return jobs.revive(visit.store, visit.registry, batch)


def title(visit: Visit, batch: Batch) -> None:
    """Which file it is, from whom, and the way to another one."""
    with st.container(horizontal=True, vertical_alignment="center", key="batch_title"):
        st.header(escape(batch.name), anchor=False)
        st.button("Another file", key="batch_another", icon=":material/add:", on_click=another)
    origin = f"{visit.clock(batch.created_at)} · {batch.model} version {batch.version}"
    st.caption(escape(f"{batch.asked_by} · {origin}"))
    if batch.message:
        problem(batch.message)


def go_on(visit: Visit, batch: Batch) -> None:
    """What became of a batch that runs no more, and how the rest of it can be scored."""
    left = batch.rows - batch.rows_done
    if batch.state == "done":
        return
    if batch.rows_done:
        scored = f"{batch.rows_done:,} of {plural(batch.rows, 'row')}"
        st.text(f"This batch {BECAME[batch.state]} after {scored}.")
    else:
        st.text(f"This batch {BECAME[batch.state]} before anything was scored.")
    if left and checked_file.is_by_link(visit, batch):
        st.text(checked_file.BY_LINK)
    elif left and visit.store.batches.is_whole(batch.id):
        st.button(
            f"Score the other {left:,}" if batch.rows_done else f"Score {plural(left, 'row')}",
            key="batch_score",
            type="primary",
            on_click=checked_file.score,
            args=(visit, batch.id),
        )
        show_problem("batch")


def files(visit: Visit, batch: Batch) -> None:
    """The result for people, the file as it came with columns more, and what was not scored."""
    from second_opinion.tables import as_it_came

    # The download is made on a thread that has no page.
    end, card, asker = as_it_came.suffix(batch), visit.card, visit.asker
    alone_from = visit.alone_from(card, batch.model_sha256)
    with st.container(horizontal=True, key="batch_downloads"):
        file_button.draw(
            "Excel to read",
            data=lambda: downloads.result_workbook(
                visit.store,
                batch,
                card,
                by=asker,
                flag_words=flag_name,
                alone_from=alone_from,
            ),
            file_name=f"{checked_file.stem(batch)}-result.xlsx",
            mime=EXCEL,
            key="batch_excel",
            help=TO_READ,
        )
        file_button.draw(
            "Your file with the answers",
            data=partial(
                downloads.file_as_it_came, visit.store, batch, by=asker, alone_from=alone_from
            ),
            file_name=f"{checked_file.stem(batch)}-scored.{end}",
            mime=EXCEL if end == "xlsx" else file_button.CSV if end == "csv" else ANY,
            key="batch_download",
            help=AS_IT_CAME.format(form=_written_as(batch, end)),
        )
        file_button.draw(
            "CSV without formulas",
            data=partial(
                downloads.scored_file,
                visit.store,
                batch,
                by=asker,
                spreadsheet_safe=True,
                alone_from=alone_from,
            ),
            file_name=f"{checked_file.stem(batch)}-spreadsheet.csv",
            key="batch_download_safe",
            help=SPREADSHEET,
        )
    if batch.bad_rows:
        with st.expander(f"{plural(batch.bad_rows, 'row')} not scored: what is wrong"):
            checked_file.problems(visit, batch)


def past(visit: Visit) -> None:
    """The batches that were asked for here, the latest first: who, when, model, progress."""
    expert = visit.expert
    everything = expert is not None and expert.role != "expert"
    ids = None if everything else who.batches()
    batches = [
        jobs.revive(visit.store, visit.registry, batch) if batch.is_running else batch
        for batch in visit.store.batches.listed(ids, by=visit.asker)
    ]
    if not batches:
        return
    st.header("Batches so far", anchor=False)
    for batch in batches:
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
    upload.forget()
    st.query_params["batch"] = batch_id


@callback("page")
def another() -> None:
    """Leave the batch for another file."""
    upload.forget()


def _written_as(batch: Batch, end: str) -> str:
    """The kind of the file that goes out, in words."""
    if batch.format == "csv":
        return "a text with the separator, decimal sign and letters of yours"
    end = end.removesuffix(".gz")
    same = end == batch.format
    return (
        checked_file.FORMATS[batch.format]
        if same
        else f"{checked_file.FORMATS[end]}, as no .{batch.format} is written"
    )
