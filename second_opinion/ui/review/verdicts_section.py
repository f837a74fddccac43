"""Feedback review: the table of verdicts, and one of them opened as a case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.labels import case_text, exact_value_text, signed_verdict_text
from second_opinion.models.card import ModelCard, value_text
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Judged, TriageState
from second_opinion.records.stamp import new_id
from second_opinion.records.value import same_value
from second_opinion.records.verdict import COMMENT_LIMIT, Verdict
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.ui import browser, case_view, widget_values
from second_opinion.ui.drawing import height_for
from second_opinion.ui.frame import callback, show_problem
from second_opinion.ui.review import filter_bar
from second_opinion.ui.visit import Visit

PAGE_ROWS = 50
LONG_COMMENT = 600
OUTCOMES = {"right": "right", "wrong": "wrong", "unsure": "open"}


def verdicts(visit: Visit, wanted: VerdictFilter) -> None:
    """The page of verdicts that the address asks for, and the case that is open."""
    with st.container(key="review_listed"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            sort = filter_bar.sort()
            filter_bar.way_back()
        number = filter_bar.page_number()
        found = visit.store.review.page(wanted, sort=sort, number=number, size=PAGE_ROWS)
        if not found.rows:
            _nothing(wanted)
            return
        table(visit, found.rows, "review_table")
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.pages > 1:
            filter_bar.pages(min(number, found.pages), found.pages)
        more = "more than " if found.more else ""
        st.caption(f"{more}{plural(found.total, 'verdict')}")
    if found.total > found.pages * PAGE_ROWS or found.more:
        st.caption("Only the first 10,000 can be turned to. Narrow the filter to see others.")


def _nothing(wanted: VerdictFilter) -> None:
    if set(wanted.texts) - {"model"}:
        st.text("No verdict is like that. Take away a filter.")
        return
    st.text("No verdicts on this model yet. Try one case, and judge it.")
    st.page_link("pages/1_Single_prediction.py", label="Judge a case")


def table(visit: Visit, rows: list[Judged], key: str) -> None:
    """Verdicts with their cases in words; a button in each row opens it."""
    versions = {row.prediction.version for row in rows}
    known = {v: known_card(visit, rows[0].prediction.model, v) for v in versions}
    ids = tuple(row.verdict.id for row in rows)
    config = st.column_config
    shown = [_row(visit, known[row.prediction.version], row) for row in rows]
    if all(row["Sure"] is None for row in shown):
        shown = [{name: row[name] for name in row if name != "Sure"} for row in shown]
    with st.container(key=key):
        st.dataframe(
            shown,
            hide_index=True,
            height=height_for(len(rows)),
            column_config={
                "": config.ButtonColumn(
                    "",
                    key=f"{key}_open",
                    type="tertiary",
                    help="Open the case",
                    pinned=True,
                    width=62,
                    on_click=_opened(key, ids),
                ),
                "Sure": config.NumberColumn(format="%.0f %%"),
                "Verdict": config.TextColumn(width=190),
                "Comment": config.TextColumn(width="medium"),
                "Case": config.TextColumn(width="medium"),
            },
            alt="Verdicts, each with its case, what the model said and what counts as right",
        )


def _row(visit: Visit, card: ModelCard | None, row: Judged) -> dict[str, Any]:
    given, made = row.verdict, row.prediction
    said = _said(card, made)
    # What agrees is not written to another digit than the answer beside it.
    agrees = row.answer is not None and same_value(row.answer, made.value)
    counts = said if agrees else exact_value_text(card, row.answer)
    return {
        "": "Open",
        "When": visit.clock(given.created_at),
        "Model said": said,
        "Sure": None if made.confidence is None else made.confidence * 100,
        "Verdict": signed_verdict_text(card, given),
        "Counts as right": f"{counts} (decided)" if row.adjudicated else counts,
        "Comment": given.comment,
        "Expert": given.expert,
        "Mistake": given.severity if given.judgement == "disagree" else "",
        "Triage": row.triage or "",
        "Case": case_text(card, made),
        "Given": "after seeing" if given.mode == "open" else "before seeing",
        "Version": made.version,
        "From": made.source,
    }


def _said(card: ModelCard | None, made: Prediction) -> str:
    """The model's answer as its panel says it: a number with three digits."""
    if card is None or made.value is None:
        return exact_value_text(card, made.value)
    return value_text(card, made.value)


def known_card(visit: Visit, model: str, version: str) -> ModelCard | None:
    """The card of a version, or None where it was taken out of the registry."""
    try:
        return visit.catalog.card(f"{model}/{version}")
    except UserError:
        return None


def _opened(key: str, ids: tuple[str, ...]) -> Callable[[], None]:
    @callback()
    def act() -> None:
        click = st.session_state.get(f"{key}_open")
        if not click or not 0 <= click["row"] < len(ids):
            raise UserError("The table has changed since. Press again.")
        st.query_params["case"] = ids[click["row"]]

    return act


def opened(visit: Visit) -> None:
    """The case of the address: inputs, answer, every verdict on it, and what was decided."""
    asked = st.query_params.get("case", "")
    if not asked:
        return
    given = visit.store.verdict(asked)
    made = visit.store.prediction(given.prediction_id) if given else None
    if given is None or made is None or made.model != visit.version[0]:
        st.text("The case that the address names is not one of this model.")
        return
    card = known_card(visit, made.model, made.version)
    with st.container(border=True, key="review_case"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.header("The case", anchor=False)
            st.button("Close", key="review_case_close", type="tertiary", on_click=_close)
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _case(card, made)
        with right:
            _answer(card, made)
            _history(visit, card, made)
            _triage(visit, given)
    browser.reveal("review_case", asked)


@callback()
def _close() -> None:
    st.query_params.pop("case", None)


def _case(card: ModelCard | None, made: Prediction) -> None:
    case_view.table(card, made)
    if card is None:
        st.caption("This version was taken out of the registry: the case stands as it is stored.")
    place = [f"version {made.version}", f"from {made.source}"]
    if made.batch_id:
        place.append(f"row {made.row_number} of batch {made.batch_id[-8:]}")
    st.caption(f"Case {made.id[-8:]}, {', '.join(place)}.")
    st.text(f"Asked by {made.asked_by}")


def _answer(card: ModelCard | None, made: Prediction) -> None:
    st.header("The model says", anchor=False)
    if card is None:
        st.text(exact_value_text(None, made.value))
    else:
        case_view.answer(card, made)


def _history(visit: Visit, card: ModelCard | None, made: Prediction) -> None:
    st.header("Verdicts", anchor=False)
    history = visit.store.verdict_history(made.id)
    replaced = {given.supersedes for given in history}
    for given in reversed(history):
        what = signed_verdict_text(card, given)
        serious = ", a serious mistake" if given.severity == "serious" else ""
        gone = " (replaced later)" if given.id in replaced else ""
        st.text(f"{visit.clock(given.created_at)} · {given.expert}: {what}{serious}{gone}")
        if given.comment:
            comment(given.comment)
    for decided in reversed(visit.store.review.adjudications_of(made.id)):
        said = exact_value_text(card, decided.answer)
        st.text(f"{visit.clock(decided.created_at)} · {decided.decided_by} decided: {said}")
        st.text(decided.reason)


def comment(text: str) -> None:
    """What somebody wrote, as typed; a long one in a frame that scrolls."""
    if len(text) > LONG_COMMENT:
        with st.container(height=200):
            st.text(text)
    else:
        st.text(text)


def _triage(visit: Visit, given: Verdict) -> None:
    st.header("Triage", anchor=False)
    show_problem("review")
    made = visit.store.review.triage_of(given.id)
    for one in reversed(made):
        st.text(f"{visit.clock(one.created_at)} · {one.decided_by}: {one.state}")
        if one.note:
            st.text(one.note)
    if not made:
        st.text(f"Nobody has looked at the verdict of {given.expert} for triage yet.")
    _begin(given.id, made[-1].state if made else "open")
    st.segmented_control(
        "State", get_args(TriageState), key="review_triage_state", required=True, wrap=True
    )
    st.text_area("Note (optional)", key="review_triage_note", max_chars=COMMENT_LIMIT, height=80)
    st.button("Save triage", key="review_triage", on_click=_decided(visit, given.id))


def _begin(verdict_id: str, state: str) -> None:
    """Forget what was typed about another verdict."""
    if st.session_state.get("review_triage_for") != verdict_id:
        st.session_state["review_triage_for"] = verdict_id
        st.session_state["review_triage_id"] = new_id()
        widget_values.put({"review_triage_state": state, "review_triage_note": ""})


def _decided(visit: Visit, verdict_id: str) -> Callable[[], None]:
    # The id is made before the click: a second click, or the browser's retry, carries it too.
    made = st.session_state["review_triage_id"]

    @callback("review")
    def save() -> None:
        person = visit.expert
        if person is None:
            raise UserError("You have no name here any more. Give your name, then save again.")
        state: TriageState = st.session_state["review_triage_state"]
        note = st.session_state["review_triage_note"] or ""
        visit.store.review.triage(verdict_id, state, note, by=person, id=made)
        st.session_state.pop("review_triage_for", None)

    return save
