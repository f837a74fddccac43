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
    if headline.closed(visit):
        return
    headline.title(visit)
    wanted = filter_bar.wanted(visit)
    filter_bar.filters(visit, wanted)
    shared = visit.store.review.shared_counts(wanted.model, wanted.version)
    found = totals.figures(visit.store.review, wanted)
    if found.total:
        headline.headline(found)
        headline.limits(wanted, found, shared)
    section(filter_bar.section(shared["undecided"]), wanted, found, shared)
    verdicts_section.opened(visit)
    widget_values.confirm(lambda: None)
    who.keep("review")


def section(
    name: str, wanted: VerdictFilter, found: totals.Figures, shared: dict[str, int]
) -> None:
    if name == "files":
        total = files_section.counted(found.total, more=found.more)
        files_section.files(visit, wanted, total, shared["undecided"])
    elif name == "conflicts":
        conflicts_section.conflicts(visit, wanted, shared["undecided"])
    elif name == "figures":
        figures_section.figures(visit, found)
    elif name == "fails":
        weak_spots_section.fails(visit, wanted, found)
    elif name == "experts":
        experts_section.experts(visit, wanted, found, shared)
    else:
        verdicts_section.verdicts(visit, wanted)


page()
