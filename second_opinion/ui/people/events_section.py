"""People and records: the log of events, filtered, turned page by page, and taken as a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.records.event import Event, EventFilter
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import earlier
from second_opinion.review.event_export import export_events
from second_opinion.store import Store
from second_opinion.ui import distinct_words, file_button
from second_opinion.ui.frame import callback
from second_opinion.ui.people import event_words
from second_opinion.ui.visit import Visit

PAGE_ROWS = 50
MOST_PAGES = 200
PERIODS = {
    "Any time": None,
    "Last 24 hours": 1,
    "Last 7 days": 7,
    "Last 30 days": 30,
    "Last year": 365,
}
EVERYBODY = "Everybody"
KEYS = ("people_event_kinds", "people_event_person", "people_event_period", "people_event_page")


def events(visit: Visit) -> None:
    """Who did what when, the latest first; predictions by person, version and hour."""
    log, by = visit.store.event_log, visit.asker
    event_filter = _filter(visit)
    number = st.session_state.get("people_event_page", 1)
    found = log.page(event_filter, number, PAGE_ROWS, by=by)
    if number > 1 and not found.events:
        number, found = 1, log.page(event_filter, 1, PAGE_ROWS, by=by)
    if not found.events:
        _nothing(event_filter)
        return
    st.dataframe(
        [_row(visit, one) for one in found.events],
        hide_index=True,
        key="people_events",
        column_config={"Details": st.column_config.TextColumn(width="large")},
        alt="What was done: when, what, by whom, and the details",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        pages = min(-(-found.total // PAGE_ROWS), MOST_PAGES)
        if pages > 1:
            # Beside other words it measures too little room for its pages.
            width = 44 * min(pages + 2, 9)
            st.pagination(pages, default=number, key="people_event_page", width=width)
        st.caption(plural(found.total, "record"))
        file_button.draw(
            "These as a file",
            data=_writer(visit.store, event_filter, by),
            file_name="events.csv",
            key="people_events_download",
            help="CSV that a spreadsheet opens without running anything. It is on record.",
        )
    st.caption(
        "Nothing stands here of what a case holds, and no code, link or token. Predictions are "
        "counted by person, version and hour."
    )


def _nothing(event_filter: EventFilter) -> None:
    if event_filter == EventFilter():
        st.text("Nothing was done yet. Sign-ins, batches, files and decisions will stand here.")
        return
    st.text("Nothing is like that.")
    st.button("Clear the filters", key="people_event_clear", on_click=_clear)


def _filter(visit: Visit) -> EventFilter:
    log, by = visit.store.event_log, visit.asker
    people = [EVERYBODY, *log.people(by=by)]
    if st.session_state.get("people_event_person") not in people:
        st.session_state["people_event_person"] = EVERYBODY
    with st.grid(3, min_column_width=200, vertical_alignment="bottom"):
        every = log.kinds(by=by)
        kinds = st.multiselect(
            "What",
            every,
            key="people_event_kinds",
            format_func=distinct_words.of(every, event_words.kind),
            placeholder="Everything",
            on_change=_first_page,
        )
        person = st.selectbox("Who", people, key="people_event_person", on_change=_first_page)
        period = st.selectbox(
            "When", list(PERIODS), key="people_event_period", on_change=_first_page
        )
    return EventFilter(
        kinds=tuple(kinds),
        person="" if person == EVERYBODY else person,
        since=_since(PERIODS[period]),
    )


def _since(days: int | None) -> str:
    return "" if days is None else earlier(timedelta(days=days))


def _row(visit: Visit, event: Event) -> dict[str, str]:
    return {
        "When": visit.clock(event.created_at),
        "What": event_words.kind(event.what),
        "Who": event.who,
        "Details": event_words.details(event),
    }


def _writer(store: Store, event_filter: EventFilter, by: Expert) -> Callable[[], bytes]:
    def write() -> bytes:
        out = BytesIO()
        export_events(store, out, event_filter, by=by)
        return out.getvalue()

    return write


@callback()
def _first_page() -> None:
    st.session_state.pop("people_event_page", None)


@callback()
def _clear() -> None:
    for key in KEYS:
        st.session_state.pop(key, None)
