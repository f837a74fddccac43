"""Feedback review: the kinds of cases in which the model fails, and the cases of one of them."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from second_opinion.formatting import interval_text, plural
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review import totals
from second_opinion.review.totals import Figures
from second_opinion.statistics import slices
from second_opinion.ui import browser
from second_opinion.ui.review import verdicts_section
from second_opinion.ui.visit import Visit

# A case can be listed without its search being run again.
FOUND = "review_found"
SEARCHED, LISTED = 2_500, 200
SEED = 0


def fails(visit: Visit, filters: VerdictFilter, figures: Figures) -> None:
    """Kinds of cases in which the model is wrong more often than in the rest."""
    st.text(
        "Looks through every field, thirds of numbers, bands of confidence, the model's answers "
        "and pairs of these for cases in which the model is wrong more often than in the rest."
    )
    if figures.total > SEARCHED or figures.more:
        total = f"{'more than ' if figures.more else ''}{plural(figures.total, 'verdict')}"
        st.text(f"The search is over the newest {SEARCHED:,} of {total} that the filters leave.")
    newest = visit.review.page(filters, size=1)
    key = json_key(filters, newest.total, newest.rows[0].verdict.id if newest.rows else "")
    st.button("Search for weak spots", key="review_fails", on_click=_ask, args=(key,))
    if st.session_state.get(FOUND, {}).get("asked") != key:
        if FOUND in st.session_state:
            st.caption("The verdicts or filters have changed since the last search.")
        return
    result = st.session_state[FOUND]
    if "cases" not in result:
        with st.spinner("Searching …"):
            result |= _search(visit, filters)
    _spots(visit, result)


def json_key(filters: VerdictFilter, total: int, newest: str) -> str:
    """What a search was made of: another filter, or another verdict, is another search."""
    return f"{sorted(filters.texts.items())} {total} {newest}"


def _ask(key: str) -> None:
    st.session_state[FOUND] = {"asked": key}
    st.session_state.pop("review_spot", None)


def _search(visit: Visit, filters: VerdictFilter) -> dict[str, Any]:
    cases = totals.cases(visit.review, filters, SEARCHED)
    card = visit.card
    answers = [card.label(row.prediction.value) for row in cases.rows]
    has_confidence = not cases.rows or any(c is not None for c in cases.confidence)
    spots = slices.find(
        cases.inputs,
        cases.errors,
        SEED,
        cases.confidence if has_confidence else None,
        None if card.task == "regression" else answers,
        card.case_schema,
    )
    return {"cases": cases, "spots": spots}


def _spots(visit: Visit, result: dict[str, Any]) -> None:
    cases, spots = result["cases"], result["spots"]
    errors = [error for error in cases.errors if not math.isnan(error)]
    of = f"{plural(len(errors), 'case')} with a clear verdict, {int(sum(errors)):,} of them wrong"
    fewest = 2 * slices.FEWEST_CASES
    if len(errors) < fewest:
        st.text(f"{of}: too few to look for weak spots. From {fewest} on it is worth it.")
        return
    if not len(spots):
        st.text(f"{of}. No kind of case stands out from what chance would do.")
        return
    st.text(f"{of}. Suspicions, the most striking first:")
    for at, spot in enumerate(spots.itertuples()):
        _spot(at, spot)
    st.caption(
        "The p is adjusted for all the kinds that were looked at, by shuffling the errors "
        f"{slices.SHUFFLES} times. A suspicion is to be checked on new cases."
    )
    place = st.session_state.get("review_spot")
    if place is not None and place < len(spots):
        _cases_of(visit, cases, spots.iloc[place])


def _spot(at: int, spot: Any) -> None:
    with st.container(border=True, key=f"review_spot_{at}"):
        st.text(spot.slice)
        interval = interval_text(spot.low, spot.high)
        p = "under 0.001" if spot.p_adjusted < 0.001 else f"{spot.p_adjusted:.3f}"
        st.text(f"{spot.errors} of {spot.cases} wrong ({interval}), adjusted p {p}")
        st.button("List the cases", key=f"review_spot_list_{at}", on_click=_list, args=(at,))


def _list(at: int) -> None:
    st.session_state["review_spot"] = at
    st.session_state["review_spot_asked"] = st.session_state.get("review_spot_asked", 0) + 1


def _cases_of(visit: Visit, cases: totals.JudgedCases, spot: Any) -> None:
    """The cases of a weak spot, the wrong ones first."""
    rows = [row for row, inside in zip(cases.rows, spot["mask"], strict=True) if inside]
    rows.sort(key=lambda row: row.outcome != "wrong")
    with st.container(key="review_spot_cases"):
        st.header("The cases, the wrong ones first", anchor=False)
        st.text(spot["slice"])
        verdicts_section.table(visit, rows[:LISTED], "review_spot_table")
        if len(rows) > LISTED:
            st.caption(f"The first {LISTED} of {len(rows):,}.")
    if "case" not in st.query_params:
        browser.reveal("review_spot_cases", f"spot {st.session_state.get('review_spot_asked')}")
