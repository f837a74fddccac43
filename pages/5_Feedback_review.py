"""Feedback review: what the experts said, where the model fails, and the data to mend it."""

from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import totals
from second_opinion.ui import (
    adjudication,
    frame,
    review,
    review_experts,
    review_figures,
    review_files,
    review_filters,
    review_spots,
    review_table,
    seeds,
    who,
)

visit = frame.open_page("Feedback review")


@frame.guarded
def page() -> None:
    if review.closed(visit):
        return
    review.title(visit)
    wanted = review_filters.wanted(visit)
    review_filters.filters(visit, wanted)
    shared = visit.store.review.shared_counts(wanted.model, wanted.version)
    found = totals.figures(visit.store.review, wanted)
    if found.total:
        review.headline(found)
        review.limits(wanted, found, shared)
    section(review_filters.section(shared["undecided"]), wanted, found, shared)
    review_table.opened(visit)
    seeds.confirm(lambda: None)
    who.keep("review")


def section(
    name: str, wanted: VerdictFilter, found: totals.Figures, shared: dict[str, int]
) -> None:
    if name == "files":
        total = review_files.counted(found.total, more=found.more)
        review_files.files(visit, wanted, total, shared["undecided"])
    elif name == "conflicts":
        adjudication.conflicts(visit, wanted, shared["undecided"])
    elif name == "figures":
        review_figures.figures(visit, found)
    elif name == "fails":
        review_spots.fails(visit, wanted, found)
    elif name == "experts":
        review_experts.experts(visit, wanted, found, shared)
    else:
        review_table.verdicts(visit, wanted)


page()
