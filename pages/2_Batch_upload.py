"""Batch upload: a file in, checked, scored in the background, looked at, judged, and out again."""

import streamlit as st

from second_opinion.ui import entry_form, frame, who
from second_opinion.ui.batch import (
    batch_progress,
    checked_file,
    column_choice,
    opened_batch,
    rows_table,
    summary_bars,
    upload,
)

visit = frame.open_page("Batch upload")


@frame.guarded
def page() -> None:
    frame.header(visit)
    if visit.expert is None:
        entry_form.form("The batch carries your name, and so do your verdicts on its cases.")
        return
    open_batch = opened_batch.current(visit)
    if open_batch is None:
        upload.choose(visit)
        opened_batch.past(visit)
    else:
        opened_batch.title(visit, open_batch)
        work(open_batch)
    who.keep("batch")


def work(open_batch: opened_batch.Batch) -> None:
    if open_batch.state == "checking":
        st.header("2 Check", anchor=False)
        batch_progress.progress(visit, open_batch)
    elif open_batch.state == "checked":
        checked_file.check_result(visit, open_batch)
    elif open_batch.state == "scoring":
        st.header("3 Score", anchor=False)
        batch_progress.progress(visit, open_batch)
    else:
        opened_batch.go_on(visit, open_batch)
        if open_batch.rows_done:
            look(open_batch)


@frame.part()
def look(open_batch: opened_batch.Batch) -> None:
    st.header("4 Judge and download", anchor=False)
    visit.store.blind_cases.check_batch(open_batch, by=visit.asker)
    opened_batch.files(visit, open_batch)
    column_choice.form(visit, open_batch)
    summary_bars.show(visit, open_batch)
    view = rows_table.table(visit, open_batch)
    rows_table.the_case(visit, open_batch, view)


page()
