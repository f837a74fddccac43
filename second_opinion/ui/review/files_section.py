"""Feedback review: verdicts and corrections as files, and a copy of the whole database."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import streamlit as st

from second_opinion.doctor.machine import durability
from second_opinion.formatting import plural
from second_opinion.records.expert import Expert
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import exports
from second_opinion.store import Store, copies
from second_opinion.ui import file_button
from second_opinion.ui.visit import Visit

# Draws are of one plan: `export --what draws --plan` writes them.
WHAT: dict[exports.What, str] = {
    "verdicts": "Verdicts",
    "corrections": "Corrections, to learn from",
    "predictions": "Predictions",
}
NOTES: dict[exports.What, str] = {
    "verdicts": "Every current verdict of the filters with its case and what counts as right.",
    "corrections": (
        "Each case once: its inputs, the value to learn from, who that is from, a weight, and "
        "whether the case was drawn for a release decision (plan) or not (exploration). Cases in "
        "which experts contradict each other are left out until somebody decides them, and so are "
        "those for which nobody named a right answer."
    ),
    "predictions": "Every prediction of the filters' version, batch, source and days.",
}
FORMATS: dict[exports.ExportFormat, str] = {
    "csv": "CSV",
    "jsonl": "JSON lines",
    "parquet": "Parquet",
}
MIME = {"csv": "text/csv", "jsonl": "application/jsonl", "parquet": "application/octet-stream"}
SAFE = "Cells that a spreadsheet would run as a formula get a sign before them that stops it."


def files(visit: Visit, filters: VerdictFilter, total: str, waiting: int) -> None:
    """What can be taken away from here; each time is on record with name and filter."""
    export, backup = st.columns(2, gap="medium")
    with export, st.container(border=True, key="review_export_form", height="stretch"):
        _export(visit, filters, total, waiting)
    with backup, st.container(border=True, key="review_backup", height="stretch"):
        _backup(visit)
    st.caption("Each download is on record: who took it, when, and by which filters.")


def _export(visit: Visit, filters: VerdictFilter, total: str, waiting: int) -> None:
    st.header("Export", anchor=False)
    what: exports.What = st.selectbox(
        "What", list(WHAT), key="review_export_what", format_func=lambda w: WHAT[w]
    )
    st.text(NOTES[what])
    file_format: exports.ExportFormat = st.segmented_control(
        "As",
        list(FORMATS),
        default="csv",
        key="review_export_format",
        required=True,
        format_func=lambda name: FORMATS[name],
    )
    safe = file_format == "csv" and st.checkbox(
        "Safe to open in a spreadsheet", key="review_export_safe", help=SAFE
    )
    if what != "predictions":
        st.caption(f"{total} match the filters.")
    if what == "corrections" and waiting:
        st.caption(f"{plural(waiting, 'case')} of this model without a decision: left out.")
    person = visit.expert
    if person is not None:
        file_button.draw(
            "Download",
            data=_writer(visit.store, what, file_format, filters, person, safe=safe),
            file_name=f"{filters.model}-{what}{'-spreadsheet' if safe else ''}.{file_format}",
            mime=MIME[file_format],
            key="review_export",
            type="primary",
        )


def _writer(
    store: Store,
    what: exports.What,
    format: exports.ExportFormat,
    filters: VerdictFilter,
    by: Expert,
    *,
    safe: bool,
) -> Callable[[], bytes]:
    def write() -> bytes:
        # Streamlit keeps a download in memory in any case; the command `export` does not.
        out = BytesIO()
        exports.export(
            store, out, what, format=format, spreadsheet_safe=safe, verdict_filter=filters, by=by
        )
        return out.getvalue()

    return write


def _backup(visit: Visit) -> None:
    st.header("Backup", anchor=False)
    st.text(
        "A copy of the whole database, every model and every expert, as it is at the click; people "
        "can go on working. It is checked before you get it."
    )
    storage = durability(visit.settings)
    if storage.state != "ok":
        st.text("The disk under this app is likely thrown away at a restart: take copies often.")
    person = visit.expert
    if person is not None:
        store = visit.store
        file_button.draw(
            "Download a copy",
            data=lambda: copies.opened_copy(store, by=person),
            file_name="feedback-backup.db",
            mime="application/vnd.sqlite3",
            key="backup_download",
        )
    st.caption("The owner puts a copy back with the command python -m second_opinion restore FILE.")


def count_text(total: int, *, more: bool) -> str:
    """How many verdicts match, in words."""
    return f"{'more than ' if more else ''}{plural(total, 'verdict')}"
