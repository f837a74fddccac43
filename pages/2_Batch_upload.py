"""Batch upload: a file in, checked, scored in the background, looked at, judged, and out again."""

import streamlit as st

from second_opinion.ui import batch, batch_rows, batch_summary, frame, jobs, upload, who

visit = frame.open_page("Batch upload")


@frame.guarded
def page() -> None:
    frame.header(visit)
    if visit.expert is None:
        who.form("The batch carries your name, and so do your verdicts on its cases.")
        return
    opened = batch.current(visit)
    if opened is None:
        upload.choose(visit)
        batch.past(visit)
    else:
        batch.title(visit, opened)
        work(opened)
    who.keep("batch")


def work(opened: batch.Batch) -> None:
    if opened.state == "checking":
        st.header("2 Check", anchor=False)
        jobs.progress(visit, opened)
    elif opened.state == "checked":
        batch.checked(visit, opened)
    elif opened.state == "scoring":
        st.header("3 Score", anchor=False)
        jobs.progress(visit, opened)
    else:
        batch.go_on(visit, opened)
        if opened.rows_done:
            look(opened)


@frame.part()
def look(opened: batch.Batch) -> None:
    st.header("4 Look", anchor=False)
    batch.files(visit, opened)
    batch_summary.show(visit, opened)
    batch_rows.table(visit, opened)
    batch_rows.the_case(visit, opened)


page()
