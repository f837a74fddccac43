"""How far a check or a scoring is, while it runs in the background."""

from __future__ import annotations

import streamlit as st

from second_opinion.access import roles
from second_opinion.batches import jobs
from second_opinion.formatting import duration, plural, share_text
from second_opinion.records.batch import Batch
from second_opinion.ui.frame import callback, part, show_problem
from second_opinion.ui.visit import Visit


@part(run_every=0.7)
def progress(visit: Visit, batch: Batch) -> None:
    """Watch a batch until it stops, then draw the whole page once more."""
    batch = jobs.revive(visit.store, visit.registry, batch)
    if not batch.is_running:
        st.rerun()
    with st.container(key="batch_progress"):
        if batch.state == "checking":
            share = batch.bytes_read / max(batch.bytes, 1)
            text = f"Reading the file: {plural(batch.rows + batch.bad_rows, 'row')} so far"
        else:
            share, text = batch.rows_done / batch.rows, pace(batch)
        st.progress(min(share, 1.0), text)
        st.caption("This goes on when you leave the page. Its link brings you back here.")
        if roles.owns(visit.asker, batch):
            st.button("Cancel", key="batch_cancel", on_click=_cancel, args=(visit, batch.id))
        show_problem("progress")


def pace(batch: Batch) -> str:
    """``812 of 1,237 · 66 % · 9,400 rows a second · 1 s left``, as far as it is known."""
    count = f"{batch.rows_done:,} of {plural(batch.rows, 'row')}"
    if batch.started_at is None:
        return f"{count} · waits until another batch is scored"
    parts = [count]
    if batch.rows_done:
        parts.append(share_text(batch.rows_done / batch.rows))
    if batch.rows_a_second and batch.seconds_left is not None:
        parts.append(f"{plural(round(batch.rows_a_second), 'row')} a second")
        parts.append(f"{duration(batch.seconds_left)} left")
    return " · ".join(parts)


@callback("progress")
def _cancel(visit: Visit, batch_id: str) -> None:
    visit.store.batches.cancel(batch_id, by=visit.asker)
