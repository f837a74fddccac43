"""Feedback review: what the experts said, where the model fails, and the data to mend it."""

import streamlit as st

from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import totals
from second_opinion.ui import closed_page, frame, who, widget_values
from second_opinion.ui.review import (
    conflicts_section,
    experts_section,
    figures_section,
    files_section,
    filter_bar,
    headline,
    verdicts_section,
    weak_spots_section,
)

visit = frame.open_page("Feedback review")

DECIDES = "What you decide here is on record with your name."


@frame.guarded
def page() -> None:
    if closed_page.is_closed(visit, "reviewer", DECIDES):
        return
    headline.title(visit)
    filters = filter_bar.from_address(visit)
    shared = visit.review.shared_counts(filters.model, filters.version)
    figures = totals.figures(visit.review, filters)
    with st.container(key="review_band", gap="small"):
        filter_bar.filters(visit, filters, lambda: headline.limits(visit.review, filters, figures))
        if figures.total:
            headline.summary(figures)
        headline.waiting(visit, filters)
    waiting = conflicts_section.waiting_cases(visit, filters, shared["undecided"])
    section(filter_bar.section(waiting), filters, figures, shared, waiting)
    verdicts_section.linked_case(visit)
    widget_values.confirm(frame.say_again)
    who.keep("review")


def section(
    name: str,
    filters: VerdictFilter,
    figures: totals.Figures,
    shared: dict[str, int],
    waiting: int,
) -> None:
    if name == "files":
        total = files_section.count_text(figures.total, more=figures.more)
        files_section.files(visit, filters, total, shared["undecided"])
    elif name == "conflicts":
        conflicts_section.conflicts(visit, filters, waiting)
    elif name == "figures":
        if figures.total:
            headline.cards(figures)
        figures_section.figures(visit, filters, figures)
    elif name == "fails":
        weak_spots_section.fails(visit, filters, figures)
    elif name == "experts":
        experts_section.experts(visit, filters, figures, shared)
    else:
        verdicts_section.verdicts(visit, filters)


page()
