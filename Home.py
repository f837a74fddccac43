"""Home: which model is under validation, how far that is, and where to begin."""

import streamlit as st

from second_opinion.ui import frame, model_versions, who

visit = frame.open_page("Home")


@frame.guarded
def home() -> None:
    frame.header(visit)
    card = visit.card
    purpose, limits = st.columns(2, gap="large")
    with purpose:
        st.header("What it is for", anchor=False)
        st.text(card.intended_use or "Its card does not say. Ask the person who added the model.")
    with limits:
        st.header("What it is not for", anchor=False)
        st.text(card.limits or "Its card does not say. Ask the person who added the model.")
    begin()
    progress()


def begin() -> None:
    if visit.expert is None:
        who.form("Then judge a first case. Your verdicts carry your name.")
        return
    st.header("Begin", anchor=False)
    with st.grid(2, min_column_width=240):
        way(
            "Judge a case",
            "A typical case is filled in. Change what you like, then say if the answer is right.",
            "pages/1_Single_prediction.py",
        )
        way(
            "Bring a case as JSON",
            "Paste a case that a colleague or a program gave you.",
            "pages/1_Single_prediction.py",
            {"as": "json"},
        )
        way(
            "Upload many cases",
            "A table is checked, scored, and comes back with the answers beside each row.",
            "pages/2_Batch_upload.py",
        )
        way("Read how it works", "What to enter, and who sees it.", "pages/8_Help.py")


def way(title: str, text: str, page: str, query: dict[str, str] | None = None) -> None:
    with st.container(border=True, height="stretch"):
        first = title == "Judge a case"
        key = f"home_{title.split()[0].lower()}"
        if st.button(title, key=key, type="primary" if first else "secondary", width="stretch"):
            st.switch_page(page, query_params=query)
        st.text(text)


@frame.guarded
def progress() -> None:
    name, version = visit.version
    # The versions of an A/B alias are one thing to the person who judges.
    one = version if len(visit.arms) == 1 else None
    so_far = visit.store.effort(name, one)
    st.header("How far it is", anchor=False)
    if not so_far.predictions:
        st.text("No case yet. Yours will be the first.")
        return
    with st.grid(4, min_column_width=160, key="home_progress"):
        st.metric("Cases predicted", f"{so_far.predictions:,}", border=True)
        st.metric("Verdicts", f"{so_far.verdicts:,}", border=True)
        if model_versions.may_review(visit):
            st.metric("Model right", right(name, one), border=True)
        st.metric("Experts", f"{so_far.experts:,}", border=True)
    if so_far.last_verdict_at:
        st.text(f"Last verdict {visit.clock(so_far.last_verdict_at)}.")


def right(name: str, version: str | None) -> str:
    so_far = visit.store.progress(name, version, by=visit.asker)
    clear_count = so_far.right + so_far.wrong
    return f"{so_far.right:,} of {clear_count:,}" if clear_count else "none yet"


home()
