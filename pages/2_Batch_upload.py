"""Batch upload: a file in, checked, scored in the background, looked at, judged, and out again."""

import streamlit as st

from second_opinion.ui import frame, who
from second_opinion.ui.batch import batch_progress, opened_batch, rows_table, summary_bars, upload

visit = frame.open_page("Batch upload")


@frame.guarded
def page() -> None:
    frame.header(visit)
    if visit.expert is None:
        who.form("The batch carries your name, and so do your verdicts on its cases.")
        return
    opened = opened_batch.current(visit)
    if opened is None:
        upload.choose(visit)
        opened_batch.past(visit)
    else:
        opened_batch.title(visit, opened)
        work(opened)
    who.keep("batch")


def work(opened: opened_batch.Batch) -> None:
    if opened.state == "checking":
        st.header("2 Check", anchor=False)
        batch_progress.progress(visit, opened)
    elif opened.state == "checked":
        opened_batch.checked(visit, opened)
    elif opened.state == "scoring":
        st.header("3 Score", anchor=False)
        batch_progress.progress(visit, opened)
    else:
        opened_batch.go_on(visit, opened)
        if opened.rows_done:
            look(opened)


@frame.part()
def look(opened: opened_batch.Batch) -> None:
    st.header("4 Look", anchor=False)
    opened_batch.files(visit, opened)
    summary_bars.show(visit, opened)
    rows_table.table(visit, opened)
    rows_table.the_case(visit, opened)


page()
