"""Feedback review: the table of verdicts, and one of them opened as a case."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.formatting import percent, plural
from second_opinion.models.card import ModelCard, value_text
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Judged, TriageState
from second_opinion.records.value import same_value
from second_opinion.records.verdict import COMMENT_LIMIT, Verdict
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.records.verdict_kinds import kind_of
from second_opinion.review import judged_risks
from second_opinion.ui import browser, case_view, click_ids, opening_list, widget_values
from second_opinion.ui.case_table import NOTHING, CaseColumn, CaseRow, CaseTable, ColumnKind
from second_opinion.ui.frame import callback, show_problem
from second_opinion.ui.labels import case_text, exact_value_text, signed_verdict_text
from second_opinion.ui.review import filter_bar
from second_opinion.ui.visit import Visit

PAGE_ROWS = 50
LONG_COMMENT = 600
# Letters of a cell of the table; the opened case has all of them.
MOST_LETTERS = 200

# A phone shows four of the fields.
COLUMNS: dict[str, ColumnKind] = {
    "When": "answer",
    "Model said": "answer",
    "Sure": "answer",
    "Verdict": "answer",
    "Counts as right": "answer",
    "Comment": "own",
    "Expert": "field",
    "Case": "field",
    "Mistake": "field",
    "Triage": "field",
    "Given": "field",
    "Version": "field",
    "From": "field",
}


def verdicts(visit: Visit, filters: VerdictFilter) -> None:
    """The page of verdicts that the address asks for, and the case that is open."""
    with st.container(key="review_listed"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            sort = filter_bar.sort()
            filter_bar.way_back()
        number = filter_bar.page_number()
        page = visit.review.page(filters, sort=sort, number=number, size=PAGE_ROWS)
        if not page.rows:
            _nothing(filters)
            return
        first = (min(number, page.pages) - 1) * PAGE_ROWS + 1
        table(visit, page.rows, "review_table", first)
    with st.container(horizontal=True, vertical_alignment="center"):
        if page.pages > 1:
            filter_bar.pages(min(number, page.pages), page.pages)
        more = "more than " if page.more else ""
        st.caption(f"{more}{plural(page.total, 'verdict')}")
    if page.total > page.pages * PAGE_ROWS or page.more:
        st.caption("Only the first 10,000 can be turned to. Narrow the filter to see others.")


def _nothing(filters: VerdictFilter) -> None:
    if set(filters.texts) - {"model"}:
        st.text("No verdict is like that. Take away a filter.")
        return
    st.text("No verdicts on this model yet. Try one case, and judge it.")
    st.page_link("pages/1_Single_prediction.py", label="Judge a case")


def table(visit: Visit, rows: list[Judged], key: str, first: int = 1) -> None:
    """Verdicts with their cases in words, numbered from ``first``; the number opens the case."""
    versions = {row.prediction.version for row in rows}
    cards = {v: known_card(visit, rows[0].prediction.model, v) for v in versions}
    lines = [_row(visit, cards[row.prediction.version], row) for row in rows]
    names = [name for name in COLUMNS if any(line[name] for line in lines)]
    numbers = {row.verdict.id: number for number, row in enumerate(rows, first)}
    drawn = CaseTable(
        label="Verdicts, each with its case, what the model said and what counts as right",
        columns=[
            CaseColumn("Open", "row"),
            *(CaseColumn(name, COLUMNS[name], number=name == "Sure") for name in names),
        ],
        rows=[
            CaseRow(number, [_cut(line[name]) for name in names])
            for number, line in enumerate(lines, first)
        ],
        page=f"{first} {rows[0].verdict.id}",
        current=numbers.get(st.query_params.get("case", "")),
    )
    with st.container(key=key):
        opening_list.draw(drawn, list(numbers), f"{key}_rows", _open)


def _cut(text: str) -> str:
    return f"{text[:MOST_LETTERS]}…" if len(text) > MOST_LETTERS else text or NOTHING


def _row(visit: Visit, card: ModelCard | None, row: Judged) -> dict[str, str]:
    verdict, prediction = row.verdict, row.prediction
    answer, sure = _answer_text(card, prediction), prediction.confidence
    counts = _counting(card, row, answer)
    asks_severity = "severity" in kind_of(verdict.judgement).asks
    return {
        "When": visit.clock(verdict.created_at),
        "Model said": answer,
        "Sure": "" if sure is None else percent(sure),
        "Verdict": signed_verdict_text(card, verdict),
        "Counts as right": f"{counts} (decided)" if row.adjudicated else counts,
        "Comment": verdict.comment,
        "Expert": verdict.expert,
        "Case": case_text(card, prediction),
        "Mistake": (verdict.severity or "") if asks_severity else "",
        "Triage": row.triage or "",
        "Given": "after seeing" if verdict.mode == "open" else "before seeing",
        "Version": prediction.version,
        "From": prediction.source,
    }


def _counting(card: ModelCard | None, row: Judged, answer: str) -> str:
    """What counts as right: a class or number, or of a risk whether it is about right or off."""
    if row.answer is None:
        is_risk = card is not None and card.answer == "probability"
        side = judged_risks.side(row) if is_risk else ""
        return side.replace("_", " ") or exact_value_text(card, None)
    # What agrees is not written to another digit than the answer beside it.
    agrees = same_value(row.answer, row.prediction.value)
    return answer if agrees else exact_value_text(card, row.answer)


def _answer_text(card: ModelCard | None, prediction: Prediction) -> str:
    """The model's answer as its panel says it: a number with three digits."""
    if card is None or prediction.value is None:
        return exact_value_text(card, prediction.value)
    return value_text(card, prediction.value)


def known_card(visit: Visit, model: str, version: str) -> ModelCard | None:
    """The card of a version, or None where it was taken out of the registry."""
    try:
        return visit.catalog.card(f"{model}/{version}")
    except UserError:
        return None


def _open(verdict_id: str) -> None:
    st.query_params["case"] = verdict_id


def linked_case(visit: Visit) -> None:
    """The case of the address: inputs, answer, every verdict on it, and what was decided."""
    verdict_id = st.query_params.get("case", "")
    if not verdict_id:
        return
    verdict = visit.review.verdict(verdict_id)
    prediction = visit.store.prediction(verdict.prediction_id, by=visit.asker) if verdict else None
    if verdict is None or prediction is None or prediction.model != visit.version[0]:
        st.text("The case that the address names is not one of this model.")
        return
    card = known_card(visit, prediction.model, prediction.version)
    with st.container(border=True, key="review_case"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.header("The case", anchor=False)
            st.button("Close", key="review_case_close", type="tertiary", on_click=_close)
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _case(card, prediction)
        with right:
            _answer(visit, card, prediction)
            _history(visit, card, prediction)
            _triage(visit, verdict)
    browser.reveal("review_case", verdict_id)


@callback()
def _close() -> None:
    st.query_params.pop("case", None)


def _case(card: ModelCard | None, prediction: Prediction) -> None:
    case_view.table(card, prediction)
    if card is None:
        st.caption("This version was taken out of the registry: the case stands as it is stored.")
    place = [f"version {prediction.version}", f"from {prediction.source}"]
    if prediction.batch_id:
        place.append(f"row {prediction.row_number} of batch {prediction.batch_id[-8:]}")
    st.caption(f"Case {prediction.id[-8:]}, {', '.join(place)}.")
    st.text(f"Asked by {prediction.asked_by}")


def _answer(visit: Visit, card: ModelCard | None, prediction: Prediction) -> None:
    st.header("The model says", anchor=False)
    if card is None:
        st.text(exact_value_text(None, prediction.value))
    else:
        case_view.answer(visit, card, prediction)


def _history(visit: Visit, card: ModelCard | None, prediction: Prediction) -> None:
    st.header("Verdicts", anchor=False)
    history = visit.store.verdict_history(prediction.id, by=visit.asker)
    replaced = {verdict.supersedes for verdict in history}
    for verdict in reversed(history):
        what = signed_verdict_text(card, verdict)
        serious = ", a serious mistake" if verdict.severity == "serious" else ""
        suffix = " (replaced later)" if verdict.id in replaced else ""
        st.text(f"{visit.clock(verdict.created_at)} · {verdict.expert}: {what}{serious}{suffix}")
        if verdict.comment:
            comment(verdict.comment)
    for decision in reversed(visit.review.adjudications_of(prediction.id)):
        direction = decision.direction
        answer = (
            direction.replace("_", " ") if direction else exact_value_text(card, decision.answer)
        )
        st.text(f"{visit.clock(decision.created_at)} · {decision.decided_by} decided: {answer}")
        st.text(decision.reason)


def comment(text: str) -> None:
    """What somebody wrote, as typed; a long one in a frame that scrolls."""
    if len(text) > LONG_COMMENT:
        with st.container(height=200):
            st.text(text)
    else:
        st.text(text)


def _triage(visit: Visit, verdict: Verdict) -> None:
    st.header("Triage", anchor=False)
    decisions = visit.review.triage_of(verdict.id)
    for one in reversed(decisions):
        st.text(f"{visit.clock(one.created_at)} · {one.decided_by}: {one.state}")
        if one.note:
            st.text(one.note)
    if not decisions:
        st.text(f"Nobody has looked at the verdict of {verdict.expert} for triage yet.")
    _begin(verdict.id, decisions[-1].state if decisions else "open")
    st.segmented_control(
        "State", get_args(TriageState), key="review_triage_state", required=True, wrap=True
    )
    st.text_area("Note (optional)", key="review_triage_note", max_chars=COMMENT_LIMIT, height=80)
    st.button("Save triage", key="review_triage", on_click=_triage_callback(visit, verdict.id))
    show_problem("triage")


def _begin(verdict_id: str, state: str) -> None:
    """Forget what was typed about another verdict."""
    if st.session_state.get("review_triage_for") != verdict_id:
        st.session_state["review_triage_for"] = verdict_id
        click_ids.spend("review_triage_id")
        widget_values.put({"review_triage_state": state, "review_triage_note": ""})


def _triage_callback(visit: Visit, verdict_id: str) -> Callable[[], None]:
    triage_id = click_ids.upcoming("review_triage_id")

    @callback("triage")
    def save() -> None:
        person = visit.signer()
        state: TriageState = st.session_state["review_triage_state"]
        note = st.session_state["review_triage_note"] or ""
        visit.review.triage(verdict_id, state, note, by=person, id=triage_id)
        st.session_state.pop("review_triage_for", None)

    return save
