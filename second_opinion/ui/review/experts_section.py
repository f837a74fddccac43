"""Feedback review: who reviewed how many, and how far experts agree with each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from second_opinion.formatting import interval_text, number_text, plural, share_text
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.records.verdict_kinds import column_labels
from second_opinion.review import clustered_groups, totals
from second_opinion.review.counted_share import CountedShare
from second_opinion.review.totals import Figures
from second_opinion.statistics import expert_agreement as rating
from second_opinion.ui import opening_list
from second_opinion.ui.case_table import NOTHING, CaseColumn, CaseRow, CaseTable
from second_opinion.ui.drawing import height_for, with_shares
from second_opinion.ui.frame import callback
from second_opinion.ui.review import filter_bar, headline
from second_opinion.ui.visit import Visit

if TYPE_CHECKING:
    import pandas as pd

NUMBER = st.column_config.NumberColumn
MOST_PAIRS = 200


def experts(visit: Visit, filters: VerdictFilter, figures: Figures, shared: dict[str, int]) -> None:
    """Who reviewed how many, and how far experts agree with each other."""
    if not figures.counted:
        st.text("No verdict is like that, so there is nobody to compare.")
        return
    st.header("Who reviewed how many", anchor=False)
    people(clustered_groups.clustered(visit.review, filters, figures) or figures)
    st.header("Do they agree with each other?", anchor=False)
    cases = totals.shared(visit.review, filters)
    table = totals.ratings(cases)
    is_number = visit.card.task == "regression"
    agreed = totals.agreement(table, numbers=is_number, shared_cases=cases)
    if not agreed.cases:
        st.text(
            "No case has answers of two experts. Give the same cases to two of them to learn how "
            "much of the disagreement lies with the experts."
        )
        return
    agreement(agreed)
    if is_number:
        distances(totals.number_pairs(cases), visit.card.target.unit)
    else:
        pairs(table)
    conflicts(shared)
    if len(visit.review.shared_states(filters.model, filters.version)) > totals.MOST_SHARED:
        st.caption(f"Of the newest {plural(totals.MOST_SHARED, 'case')} with several verdicts.")


def people(figures: Figures) -> None:
    """The experts with how many verdicts they gave; the name of one lists these."""
    rows = totals.with_agreement(figures.by_expert)
    names = list(rows["expert"].astype(str))
    counts = {"verdicts": "Verdicts", **column_labels()}
    cells: dict[str, list[str]] = {
        head: [number_text(number) for number in rows[name]] for name, head in counts.items()
    }
    cells["Model right"] = [share_text(share) for share in rows["share"]]
    cells["95 % interval"] = [text or NOTHING for text in _intervals(rows)]
    cases = zip(*cells.values(), strict=True)
    table = CaseTable(
        label="The experts with how many verdicts they gave and how often the model was right",
        columns=[
            CaseColumn("Expert", "row"),
            *(CaseColumn(head, "answer", number=True) for head in cells),
        ],
        rows=[CaseRow(at, case, name=names[at]) for at, case in enumerate(cases)],
        opens="List the verdicts",
    )
    opening_list.draw(table, names, "review_experts", _list_verdicts)


def _list_verdicts(expert: str) -> None:
    filter_bar.turn_to({"expert": expert})


def conflicts(shared: dict[str, int]) -> None:
    """How many cases experts contradict each other on, and the way to decide them."""
    waiting = shared["undecided"]
    with st.container(horizontal=True, vertical_alignment="center", key="review_to_conflicts"):
        st.text(
            f"{plural(shared['conflicts'], 'case')} of this model in conflict, "
            f"{waiting:,} of them without a decision."
        )
        if waiting:
            st.button("Decide them", key="review_decide", type="tertiary", on_click=_decide)


@callback()
def _decide() -> None:
    st.query_params["section"] = "conflicts"


def agreement(agreed: rating.Agreement) -> None:
    """How many cases have two answers, and how often these are the same."""
    with st.grid(4, min_column_width=150, key="review_agreement"):
        headline.figure("Cases with two answers", f"{agreed.cases:,}")
        same = CountedShare(agreed.agreed, agreed.cases, agreed.cases)
        headline.figure("Same answer", *same.words, about=SAME)
        if agreed.ac1 is not None:
            headline.figure("Gwet's AC1", *_figure(agreed.ac1, agreed.ac1_interval), about=BEYOND)
        if agreed.alpha is not None:
            alpha = _figure(agreed.alpha, agreed.alpha_interval)
            headline.figure("Krippendorff's α", *alpha, about=ALPHA)
    if agreed.note:
        st.text(agreed.note)


SAME = "Of the cases that two experts or more answered, with the 95 % Wilson interval."
BEYOND = (
    "Agreement beyond what chance would give: 1 is perfect, 0 is chance. The interval is by "
    "drawing the cases again 1,000 times."
)
# On a phone there is no room for its name in the label.
ALPHA = f"Alpha. {BEYOND}"


def _intervals(rows: pd.DataFrame) -> list[str]:
    return [interval_text(low, high) for low, high in zip(rows["low"], rows["high"], strict=True)]


def _figure(value: float, interval: tuple[float, float] | None) -> tuple[str, str]:
    """A coefficient and its interval in words."""
    if math.isnan(value):
        return "not defined", ""
    if interval is None or math.isnan(interval[0]):
        return f"{value:.2f}", ""
    return f"{value:.2f}", f"{interval[0]:.2f} to {interval[1]:.2f}"


def distances(rows: pd.DataFrame, unit: str) -> None:
    """Each two experts who share cases with a number, and how far apart they are."""
    if not len(rows):
        return
    rows = rows.head(MOST_PAIRS)
    limits = zip(rows["lower"], rows["upper"], strict=True)
    texts = ["" if low != low else f"{low:.3g} to {high:.3g}" for low, high in limits]
    in_unit = f" ({unit})" if unit else ""
    names = ["rater_a", "rater_b", "cases", "agreed", "share", "numbers", "distance"]
    table = rows[names].assign(limits=texts)
    st.dataframe(
        with_shares(table, ["share"]),
        hide_index=True,
        height=height_for(len(rows)),
        column_config={
            "rater_a": "Expert",
            "rater_b": "and",
            "cases": "Cases",
            "agreed": "Same number",
            "share": "Share",
            "numbers": "Numbers of both",
            "distance": NUMBER(f"Mean distance{in_unit}", format="%.3g"),
            "limits": f"95 % limits{in_unit}",
        },
        alt="Each two experts who share a case, with how far apart their numbers are",
    )


def pairs(table: pd.DataFrame) -> None:
    """Each two experts who share a case."""
    rows = rating.pairwise(table)
    if not len(rows):
        return
    if len(table) > 2:
        st.markdown("**Two by two**")
    rows = rows.head(MOST_PAIRS)
    table = rows[["rater_a", "rater_b", "cases", "agreed", "share"]].assign(
        interval=_intervals(rows), kappa=rows["kappa"]
    )
    st.dataframe(
        with_shares(table, ["share"]),
        hide_index=True,
        height=height_for(len(rows)),
        column_config={
            "rater_a": "Expert",
            "rater_b": "and",
            "cases": "Cases",
            "agreed": "Same answer",
            "share": "Share",
            "interval": "95 % interval",
            "kappa": NUMBER("Cohen's kappa", format="%.2f"),
        },
        alt="Each two experts who share a case, with how often they gave the same answer",
    )
