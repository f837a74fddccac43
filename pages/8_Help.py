"""Help: how to use it, what to enter, who sees it, and what to do when something fails."""

import streamlit as st

from second_opinion.access import local_browser
from second_opinion.formatting import plural, share_text
from second_opinion.ui import form, frame, help_texts, json_case

visit = frame.open_page("Help")


@frame.guarded
def how_to() -> None:
    frame.title()
    st.header("How to judge a case", anchor=False)
    st.markdown(help_texts.STEPS)


@frame.guarded
def many_cases() -> None:
    st.header("How to judge many cases", anchor=False)
    st.markdown(help_texts.MANY)


@frame.guarded
def distributions() -> None:
    st.header("How to look at all cases together", anchor=False)
    st.markdown(help_texts.DRAWN)


@frame.guarded
def what_to_enter() -> None:
    schema = visit.card.case_schema
    st.header("What to enter", anchor=False)
    st.text(f"{visit.card.title} takes {plural(len(schema), 'field')}.")
    st.dataframe(
        form.table(schema, "JSON"),
        hide_index=True,
        key="help_fields",
        alt="The fields of the model with what is expected in each",
    )
    st.text("The same as JSON, to paste on the JSON tab of Single prediction:")
    # Streamlit's colours for JSON are too pale to read on white.
    st.code(json_case.written(schema.typical), language=None)
    st.text(
        "A number outside the range of the training cases is predicted and flagged. null stands "
        "for a value that is not known, where the field may be empty. Dates are written 2026-11-20."
    )
    looks_at()


def looks_at() -> None:
    shares = visit.card.looks_at
    if not shares:
        return
    st.header("What the model looks at", anchor=False)
    st.text(
        "Each field was shuffled among known cases, and the model asked again. The more often it "
        "then went wrong, the more it looks at that field. A small share does not mean that a "
        "field is unimportant in life, and fields that say the same share what is theirs."
    )
    st.dataframe(
        [
            {
                "Field": feature.label,
                "Share": share_text(share) if share else "not used on the rows that were tried",
            }
            for feature, share in shares
        ],
        hide_index=True,
        key="help_looks_at",
        alt="The fields of the model with their share in its answers",
    )


@frame.guarded
def who_sees_it() -> None:
    st.header("Who sees what you enter, and where it is kept", anchor=False)
    st.markdown(help_texts.SEEN)
    st.text(f"It is kept in the file {visit.store.path.name} on the machine that runs this app.")


@frame.guarded
def reviewing() -> None:
    st.header("For reviewers and the owner", anchor=False)
    st.markdown(help_texts.REVIEWING)
    st.markdown(help_texts.CODES)
    st.text(local_browser.WHEN_TO_CLOSE)
    with st.expander("For the person who runs the app: the lines for nginx"):
        st.code(local_browser.NGINX, language=None)


@frame.guarded
def trouble() -> None:
    st.header("When something does not work", anchor=False)
    st.markdown(help_texts.TROUBLE)


SECTIONS = (how_to, many_cases, distributions, what_to_enter, who_sees_it, reviewing, trouble)
for section in SECTIONS:
    section()
