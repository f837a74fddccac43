"""Feedback review: who may see it, and the headline."""

from __future__ import annotations

import streamlit as st

from second_opinion.formatting import joined, plural
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import counted_share, totals
from second_opinion.review.counted_share import CountedShare
from second_opinion.review.totals import Figures
from second_opinion.store.review_queries import Review
from second_opinion.ui import frame
from second_opinion.ui.visit import Visit

AFTER_SEEING = (
    "given after seeing the model's answer. People lean towards an answer that they have seen, so "
    "the share that agrees is likely too high."
)


def title(visit: Visit) -> None:
    """The line above the page: it is of all versions, as far as no filter asks for one."""
    with st.container(key="frame_header", gap="xsmall"):
        frame.title()
        st.caption(frame.escape(visit.card.title))
        if visit.card.target.description:
            st.text(visit.card.target.description)


def summary(figures: Figures) -> None:
    """What the filters leave, in one line."""
    total = plural(figures.total, "verdict")
    parts = [f"{'more than ' if figures.more else ''}{total} by {_people(figures)}"]
    parts += [f"{label} {share(counted)}" for label, counted, _ in _shares(figures)]
    unsure = figures.of("unsure")
    if unsure:
        parts.append(f"unsure {share(CountedShare(unsure, figures.counted, figures.counted))}")
    st.text(" · ".join(parts))


def waiting(visit: Visit, now: VerdictFilter) -> None:
    """That a plan asks this person first, where others have answered cases before."""
    cases = visit.store.blind_cases.waiting_cases(now.model, by=visit.asker)
    if cases:
        one = cases == 1
        st.text(
            f"{plural(cases, 'case')} that others judged {'waits' if one else 'wait'} for your own "
            f"answer in Review queue. Until then what they said of {'it' if one else 'them'} is in "
            "sums alone, not in lists and files."
        )


def _people(figures: Figures) -> str:
    return plural(len(figures.by_expert), "expert")


def share(counted: CountedShare) -> str:
    """A share with its interval behind it, where it has one."""
    text, interval = counted.words
    return f"{text} ({interval})" if interval else text


def _shares(figures: Figures) -> list[tuple[str, CountedShare, str]]:
    """How often experts agree and the model is right: one figure where they are the same."""
    right, agreed = counted_share.model_right(figures), counted_share.agreed(figures)
    if (right.count, right.total) == (agreed.count, agreed.total):
        return [("model right", right, f"{AGREE} No decision says otherwise.")]
    return [("agree", agreed, AGREE), ("model right", right, RIGHT)]


def cards(figures: Figures) -> None:
    """How many verdicts, by how many experts, and how often they agree."""
    with st.grid(5, min_column_width=150, key="review_headline"):
        figure("Verdicts", f"{figures.total:,}{'+' if figures.more else ''}")
        figure("Experts", f"{len(figures.by_expert):,}")
        for label, counted, about in _shares(figures):
            figure(label.capitalize(), *counted.words, about=about)
        unsure = figures.of("unsure")
        figure("Unsure", CountedShare(unsure, figures.counted, figures.counted).words[0])


BY_CASE = "Verdicts on one case are not taken for separate ones: they widen the interval."
AGREE = f"Of the verdicts that agree or disagree, with the 95 % Wilson interval. {BY_CASE}"
RIGHT = (
    "The same by what counts as right: an adjudicated answer in the place of what each expert said."
)


def figure(label: str, value: str, below: str = "", *, about: str = "") -> None:
    """One large figure, with its interval below."""
    st.metric(
        label,
        value,
        delta=below or None,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=about or None,
    )


BY_ITSELF = ("judgement", "outcome", "answer", "severity", "corrected", "triage", "adjudicated")


def limits(review: Review, now: VerdictFilter, figures: Figures) -> None:
    """What to know before believing the figures, folded; nothing where there are none."""
    if not figures.total:
        return
    old_versions = review.without_card(now.model, now.version) if now.model else []
    sentences = [*_limits(now, figures), *_of_old_answers(old_versions)]
    if not sentences:
        return
    with st.expander(f"Before you believe the figures ({len(sentences)})", key="review_limits"):
        for text in sentences:
            st.caption(frame.escape(text))


def _of_old_answers(versions: list[str]) -> list[str]:
    """What answers count as that are older than what is kept of their cards."""
    if not versions:
        return []
    which = f"version{'s' * (len(versions) > 1)} {joined(versions)}"
    return [
        f"No card is on record for the first predictions of {which}. Where there is none, a "
        "fraction without probabilities counts as a number, the same within half a unit of the "
        "last place shown, and everything else as a class: who agrees with a probability then "
        "names the class that the model would answer."
    ]


def _limits(now: VerdictFilter, figures: Figures) -> list[str]:
    sentences = []
    if set(now.texts) & set(BY_ITSELF):
        sentences.append(
            "The filters choose verdicts by what they say; shares of these do not tell how good "
            "the model is."
        )
    if figures.counted < figures.total or figures.more:
        sentences.append(f"The figures are of the newest {figures.counted:,} of these verdicts.")
    number = figures.of("agree") + figures.of("disagree")
    if number < totals.FEW:
        few = f"{plural(number, 'verdict')} {'says' if number == 1 else 'say'} right or wrong"
        sentences.append(f"{few}: too few to conclude anything. From about {totals.FEW} on, look.")
    open_verdicts = figures.after_seeing
    if open_verdicts:
        some = f"{plural(open_verdicts, 'verdict')} {'was' if open_verdicts == 1 else 'were'}"
        which = "All verdicts were" if open_verdicts == figures.counted else some
        sentences.append(f"{which} {AFTER_SEEING}")
    by_case = figures.by_case
    if by_case.certain > by_case.cases:
        sentences.append(
            f"{plural(by_case.certain, 'verdict')} that say right or wrong are on "
            f"{plural(by_case.cases, 'case')}; the intervals above are as wide as of "
            f"{by_case.number:,.0f} on a case each."
        )
    return sentences
