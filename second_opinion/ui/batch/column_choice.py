"""Which columns of a file stand where its rows are judged, and which no expert may see."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from second_opinion.access import roles
from second_opinion.batches import picture_files
from second_opinion.formatting import joined, plural
from second_opinion.records.batch import Batch
from second_opinion.records.case_columns import CaseColumns
from second_opinion.settings import MB
from second_opinion.ui import distinct_words
from second_opinion.ui.frame import callback, escape, show_problem
from second_opinion.ui.visit import Visit

SHOWN_HELP = "They stand above the fields of the model, wherever a row is judged, in this order."
HIDDEN_HELP = (
    "They are in no page, search or download of an expert; reviewers and the owner of the app find "
    "them in their downloads. The answer that the model is to find belongs here."
)
HOSTS_HELP = (
    "Cells with an https address of one of these hosts can be opened in a new tab, or are shown "
    "where they are pictures. Without a host no address is."
)
PICTURES_HELP = "A cell names its picture by the name of the file, with or without folders."
WHY = (
    "At first those are hidden that are named as the answer is, or hold nothing but the model's "
    "classes, such as 0 and 1. Take a column out of the hidden ones below to show it."
)
KINDS = ["png", "jpg", "jpeg", "gif", "webp", "zip"]


def form(visit: Visit, batch: Batch) -> None:
    """Ask the owner of a batch what experts see of the columns that the model does not use."""
    taken = visit.card.case_schema.taken_from(batch.columns)
    unused = [name for name in batch.columns if name and name not in taken]
    if not unused or not roles.owns(visit.asker, batch):
        return
    # As defaults, never as state that is put: what the browser does not hear of would be emptied,
    # and a column that was hidden would be in sight.
    choice = visit.store.column_choices.latest(batch.id)
    if choice.hidden:
        st.caption(escape(f"No expert sees {joined(choice.hidden)}, also in downloads. {WHY}"))
    with st.expander("What experts see beside the fields", key="batch_case_columns"):
        st.multiselect(
            "Columns to know a case by",
            unused,
            default=choice.shown,
            key=_key(batch, "shown"),
            help=SHOWN_HELP,
            on_change=_choose(visit, batch, "shown"),
        )
        show_problem("columns_shown")
        st.multiselect(
            "Columns that no expert may see",
            unused,
            default=choice.hidden,
            key=_key(batch, "hidden"),
            help=HIDDEN_HELP,
            on_change=_choose(visit, batch, "hidden"),
        )
        show_problem("columns_hidden")
        st.session_state[_key(batch, "hidden_before")] = _chosen(batch, "hidden")
        if both := [name for name in _chosen(batch, "shown") if name in choice.hidden]:
            st.caption(escape(f"Hidden, and so not above the fields: {joined(both)}."))
        st.text_input(
            "Hosts whose links may be opened",
            ", ".join(choice.link_hosts),
            key=_key(batch, "link_hosts"),
            placeholder="records.example.org, images.example.org",
            help=HOSTS_HELP,
            on_change=_choose(visit, batch, "link_hosts"),
        )
        show_problem("columns_link_hosts")
        names = ["", *unused]
        st.selectbox(
            "Column whose cells name pictures",
            names,
            index=names.index(choice.picture) if choice.picture in names else 0,
            key=_key(batch, "picture"),
            format_func=distinct_words.of(names, lambda name: name or "None"),
            on_change=_choose(visit, batch, "picture"),
        )
        show_problem("columns_picture")
        if choice.picture:
            _pictures(visit, batch)


def _key(batch: Batch, part: str) -> str:
    """The key of a field: of each batch its own, so that none has the choice of another."""
    return f"batch_{part}_{batch.id}"


def _chosen(batch: Batch, part: str) -> list[str]:
    return list(st.session_state.get(_key(batch, part)) or ())


def _choose(visit: Visit, batch: Batch, part: str) -> Callable[[], None]:
    """Change one part alone: the others may have been chosen in another tab since."""

    @callback(f"columns_{part}")
    def choose() -> None:
        choice = _changed(batch, part, visit.store.column_choices.latest(batch.id))
        tidy = choice.tidy(batch.columns, visit.card.case_schema.taken_from(batch.columns))
        visit.store.column_choices.choose(batch.id, tidy, by=visit.asker)

    return choose


def _changed(batch: Batch, part: str, latest: CaseColumns) -> CaseColumns:
    if part == "hidden":
        return _with_hidden(batch, latest)
    value = st.session_state[_key(batch, part)]
    if part == "picture":
        return replace(latest, picture=value)
    if part == "link_hosts":
        return replace(latest, link_hosts=tuple(re.split(r"[,;\s]+", value)))
    return replace(latest, shown=tuple(value))


def _with_hidden(batch: Batch, latest: CaseColumns) -> CaseColumns:
    """What was put in and taken out here; what somebody else hid since stays hidden."""
    chosen = _chosen(batch, "hidden")
    released = {*st.session_state.get(_key(batch, "hidden_before"), ())} - {*chosen}
    kept = [name for name in latest.hidden if name not in released]
    # What was chosen for sight, or for pictures, before it was hidden is so again.
    again = [n for n in _chosen(batch, "shown") if n in released and n not in latest.shown]
    picture = st.session_state.get(_key(batch, "picture"), "")
    return replace(
        latest,
        shown=(*latest.shown, *again),
        hidden=(*kept, *chosen),
        picture=picture if picture in released else latest.picture,
    )


def _pictures(visit: Visit, batch: Batch) -> None:
    """Take pictures beside the table: a cell names the file of its own."""
    # An uploader forgets its files only under another key.
    turn = st.session_state.get("batch_pictures_turn", 0)
    key = f"batch_pictures_{turn}"
    files = st.file_uploader(
        "Pictures, or a .zip of them",
        KINDS,
        accept_multiple_files=True,
        key=key,
        help=PICTURES_HELP,
    )
    if files:
        store = _store(visit, batch, key, turn)
        st.button("Store the pictures", key="batch_pictures_store", on_click=store)
        show_problem("pictures")
    pictures, size = visit.store.column_choices.picture_count(batch.id)
    if pictures:
        st.caption(f"{plural(pictures, 'picture')} stored, {size / MB:,.1f} MB")


def _store(visit: Visit, batch: Batch, key: str, turn: int) -> Callable[[], None]:
    @callback("pictures")
    def store() -> None:
        files = [(file.name, file.getvalue()) for file in st.session_state[key]]
        # All of them are looked at before the first is stored.
        pictures = list(picture_files.pictures_in(files))
        visit.store.column_choices.add_pictures(batch.id, pictures, by=visit.asker)
        st.session_state["batch_pictures_turn"] = turn + 1

    return store
