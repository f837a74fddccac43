"""Home: what this place is, where to begin, how far it is, and what the model is for."""

import streamlit as st

from second_opinion.formatting import opening
from second_opinion.ui import entry_form, frame, model_versions, to_do_list

visit = frame.open_page("Home")

# Of a longer text the beginning stands there, and the rest on demand.
SHORT = 160


@frame.guarded
def home() -> None:
    frame.header(visit)
    if visit.expert is None:
        entry_form.form(
            "Your verdicts carry your name, so that somebody can ask you about them.",
            "Your name, then your first case",
        )
    else:
        st.text(frame.PLACE)
        begin()
        to_do_list.draw(visit)
    progress()
    about_the_model()


def begin() -> None:
    with st.grid(3, min_column_width=240):
        way(
            "Judge a case",
            "A typical case is filled in. Change what you like, then say if the answer is right.",
            "pages/1_Single_prediction.py",
            "home_judge",
        )
        way(
            "Judge the cases of a file",
            "A table is checked, scored, and comes back with the answers beside each row.",
            "pages/2_Batch_upload.py",
            "home_file",
        )
        way(
            "Read how it works",
            "What to enter, and who sees it.",
            "pages/8_Help.py",
            "home_help",
        )


def way(title: str, text: str, page: str, key: str) -> None:
    with st.container(border=True, height="stretch"):
        kind = "primary" if key == "home_judge" else "secondary"
        if st.button(title, key=key, type=kind, width="stretch"):
            st.switch_page(page)
        st.text(text)


@frame.guarded
def progress() -> None:
    name, version = visit.version
    # The versions of an A/B alias are one thing to the person who judges.
    one = version if len(visit.arms) == 1 else None
    so_far = visit.store.effort(name, one, visit.expert or "")
    st.header("Progress", anchor=False)
    if not so_far.predictions:
        st.text("No case yet. Yours will be the first.")
        return
    with st.grid(5, min_column_width=150, key="home_progress"):
        if visit.expert:
            st.metric("Your verdicts", f"{so_far.own:,}", border=True)
        st.metric("Verdicts of all", f"{so_far.verdicts:,}", border=True)
        st.metric("Cases predicted", f"{so_far.predictions:,}", border=True)
        if model_versions.may_review(visit) and not to_do_list.is_judging_any(visit):
            st.metric("Model right", right(name, one), border=True)
        st.metric("Experts", f"{so_far.experts:,}", border=True)
    if so_far.last_verdict_at:
        st.text(f"Last verdict {visit.clock(so_far.last_verdict_at)}.")


def right(name: str, version: str | None) -> str:
    so_far = visit.review.progress(name, version)
    clear_count = so_far.right + so_far.wrong
    return f"{so_far.right:,} of {clear_count:,}" if clear_count else "none yet"


@frame.guarded
def about_the_model() -> None:
    card = visit.card
    with st.grid(2, min_column_width=320, gap="large"):
        words("What it is for", card.intended_use, "intended_use")
        words("What it is not for", card.limits, "limits")


def words(title: str, text: str, field: str) -> None:
    """A text of the card, short; where there is none, what whoever may write it can do."""
    if not text and visit.closed_reason("owner"):
        return
    with st.container():
        st.header(title, anchor=False)
        if not text:
            st.text("Nobody has said. Write it on Models, under Edit what people read.")
            return
        st.text(opening(text, SHORT))
        if len(text) > SHORT:
            with st.expander("More", key=f"home_more_{field}"):
                st.text(text)


home()
