"""Feedback review: what the experts said, where the model fails, and the data to mend it."""

from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import totals
from second_opinion.ui import frame, who, widget_values
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


@frame.guarded
def page() -> None:
    if headline.is_closed(visit):
        return
    headline.title(visit)
    filters = filter_bar.from_address(visit)
    filter_bar.filters(visit, filters)
    shared = visit.review.shared_counts(filters.model, filters.version)
    figures = totals.figures(visit.review, filters)
    if figures.total:
        headline.headline(figures)
        headline.limits(visit.review, filters, figures)
    section(filter_bar.section(shared["undecided"]), filters, figures, shared)
    verdicts_section.linked_case(visit)
    widget_values.confirm(lambda: None)
    who.keep("review")


def section(
    name: str, filters: VerdictFilter, figures: totals.Figures, shared: dict[str, int]
) -> None:
    if name == "files":
        total = files_section.count_text(figures.total, more=figures.more)
        files_section.files(visit, filters, total, shared["undecided"])
    elif name == "conflicts":
        conflicts_section.conflicts(visit, filters, shared["undecided"])
    elif name == "figures":
        figures_section.figures(visit, filters, figures)
    elif name == "fails":
        weak_spots_section.fails(visit, filters, figures)
    elif name == "experts":
        experts_section.experts(visit, filters, figures, shared)
    else:
        verdicts_section.verdicts(visit, filters)


page()
