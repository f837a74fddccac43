"""The scored rows of a batch on its page: as a table, and one of them as a case."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid5

import streamlit as st

from second_opinion.batches import case_facts, column_rights
from second_opinion.batches.scored_rows import (
    PAGE_ROWS,
    RowFilter,
    RowPage,
    ScoredRows,
    SortBy,
    flags_of,
)
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.records.batch import Batch, prediction_id
from second_opinion.records.stamp import signed
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import KINDS
from second_opinion.ui import (
    case_table,
    case_view,
    click_ids,
    distinct_words,
    fact_list,
    judging_way,
    verdict_panel,
    who,
    widget_values,
)
from second_opinion.ui.batch import row_cells
from second_opinion.ui.case_table import CasePress, CaseTable
from second_opinion.ui.frame import problem, say_again
from second_opinion.ui.visit import Visit

ALL = "All answers"
FLAGGED, LOW, OPEN, JUDGED = "Flagged", "Not sure", "Without my verdict", "With my verdict"
SORTS: dict[str, tuple[SortBy, bool]] = {
    "Row": ("row", False),
    "Least sure first": ("confidence", False),
    "Surest first": ("confidence", True),
    "Answer, up": ("prediction", False),
    "Answer, down": ("prediction", True),
}

RowView = tuple[RowFilter, tuple[SortBy, bool]]


def filters(visit: Visit, batch: Batch) -> RowView:
    """Ask which rows to look at, and in what order: only for what this batch has."""
    card = visit.card
    scores = ScoredRows(visit.store, visit.asker).scores(batch)
    visible = column_rights.visible(visit.store, batch, visit.asker)
    flags = {flag for text in scores.flags for flag in flags_of(text)}
    with st.grid(4, min_column_width=150, vertical_alignment="bottom", key="batch_filters"):
        value = ""
        if card.task != "regression":
            answers = ["", *scores.values]
            value = st.selectbox(
                "Answer",
                answers,
                key="batch_filter_answer",
                format_func=distinct_words.of(
                    answers, lambda text: card.label(json.loads(text)) if text else ALL
                ),
                on_change=_first_page,
            )
        column = st.selectbox("Column", visible, key="batch_filter_column", on_change=_first_page)
        text = st.text_input("contains", key="batch_filter_text", on_change=_first_page)
        sort = st.selectbox("In the order of", list(SORTS), key="batch_sort", on_change=_first_page)
    only = st.pills(
        "Only",
        [FLAGGED] * bool(flags) + [LOW] * ("low_confidence" in flags) + [OPEN, JUDGED],
        selection_mode="multi",
        key="batch_filter_only",
        on_change=_first_page,
        wrap=True,
    )
    state = {(True, False): "open", (False, True): "judged"}.get((OPEN in only, JUDGED in only))
    row_filter = RowFilter(
        prediction=value,
        flagged=FLAGGED in only,
        low_confidence=LOW in only,
        column=column,
        text=text.strip(),
        review_state=state or "",  # type: ignore[arg-type]
        by=visit.expert,
    )
    return row_filter, SORTS[sort]


def table(visit: Visit, batch: Batch) -> RowView:
    """The rows in view, each with its answer, one's verdict, and what can be said of it."""
    view = filters(visit, batch)
    _draw(visit, batch, view)
    return view


def _draw(visit: Visit, batch: Batch, view: RowView) -> None:
    row_filter, (sort, descending) = view
    page = int(st.session_state.get("batch_page") or 1)
    look = partial(
        ScoredRows(visit.store, visit.asker).rows, batch, row_filter, sort, descending=descending
    )
    row_page = look(page=page)
    if not row_page.total:
        st.text("No row is like that. Ask for fewer things at once.")
        return
    pages = -(-row_page.total // PAGE_ROWS)
    if page > pages:
        # A verdict may have taken the last row off the last page.
        st.session_state["batch_page"] = pages
        row_page = look(page=pages)
    with st.container(key="batch_table"):
        _draw_rows(visit, batch, row_page)
    with st.container(horizontal=True, vertical_alignment="center"):
        if pages > 1:
            st.pagination(pages, key="batch_page")
        st.caption(plural(row_page.total, "row"))


def _draw_rows(visit: Visit, batch: Batch, row_page: RowPage) -> None:
    card, verdicts = visit.card, _verdicts(visit, batch, row_page)
    on_page = {row: verdict.id for row, verdict in verdicts.items()}
    token = click_ids.upcoming("batch_token")
    facts = case_facts.of_rows(visit.store, batch, row_page, visit.asker)
    alone_from = visit.alone_from(card, batch.model_sha256)
    own = {name: fact_list.cells(of_column) for name, of_column in facts.items()}

    def press(pressed: CasePress) -> None:
        _press(visit, batch, pressed, token, on_page)

    table = CaseTable(
        label=f"The scored rows of {batch.name}",
        columns=row_cells.columns(card, batch, list(own), with_alone=alone_from is not None),
        rows=list(row_cells.rows(card, batch, row_page, verdicts, own, alone_from)),
        buttons=row_cells.buttons(card),
        page=f"{batch.id} {row_page.rows[:1]}",
        current=st.session_state.get("batch_row"),
    )
    case_table.draw(table, "batch_rows", press)


def _verdicts(visit: Visit, batch: Batch, row_page: RowPage) -> dict[int, Verdict]:
    expert = visit.expert
    if expert is None:
        return {}
    ids = {prediction_id(batch.id, row): row for row in row_page.rows.tolist()}
    verdicts = visit.store.current_verdicts_of(expert, ids, by=expert)
    return {ids[key]: verdict for key, verdict in verdicts.items()}


def the_case(visit: Visit, batch: Batch, view: RowView) -> None:
    """One row as a case, with the panel that every page has for a verdict, and the way on."""
    scored_rows = ScoredRows(visit.store, visit.asker)
    row_filter, (sort, descending) = view
    judging = partial(scored_rows.judging, batch, row_filter, sort, descending=descending)
    if st.query_params.get("row") == judging_way.NEXT:
        st.query_params.pop("row")
        _open(judging(row=0).next_row)
    st.number_input(
        "Open the case in row",
        min_value=1,
        max_value=max(batch.rows_done, 1),
        value=None,
        step=1,
        key="batch_row",
        width=190,
        placeholder=f"1 to {batch.rows_done:,}",
    )
    widget_values.confirm(say_again)
    row = st.session_state.get("batch_row")
    if not row:
        return
    so_far = judging(row=int(row))
    before = st.session_state.get("batch_before", [])
    judging_way.draw(
        so_far.judged,
        so_far.total if visit.expert else 0,
        judging_way.row_words(so_far.judged, so_far.total),
        back=partial(_go_back, before) if before else None,
        out=_close,
    )
    next_case = partial(_go_on, int(row), so_far.next_row) if so_far.next_row else None
    try:
        prediction = scored_rows.opened(batch, int(row), visit.card)
    except UserError as error:
        _without_answer(str(error), next_case)
        return
    case_view.judge(visit, visit.card, prediction, f"Row {row}", "batch", next_case)


def _without_answer(why: str, next_case: Callable[[], None] | None) -> None:
    """A row on which the model failed: there is nothing to judge, and a way on."""
    problem(why)
    if next_case:
        st.button("Next case", key="verdict_next", type="primary", on_click=next_case)


def _open(row: int | None) -> None:
    widget_values.put({"batch_row": row})


def _go_on(row: int, next_row: int) -> None:
    """Open the next row, and note the way back to this one."""
    before = [one for one in st.session_state.get("batch_before", []) if one != row]
    st.session_state["batch_before"] = [*before, row]
    _open(next_row)


def _go_back(before: list[int]) -> None:
    """Open the row before this one."""
    st.session_state["batch_before"] = before[:-1]
    _open(before[-1])


def _close() -> None:
    """Leave the case for the table."""
    st.session_state.pop("batch_before", None)
    _open(None)


def _press(
    visit: Visit, batch: Batch, pressed: CasePress, token: str, on_page: dict[int, str]
) -> None:
    prediction = ScoredRows(visit.store, visit.asker).opened(batch, pressed.row, visit.card)
    kind = KINDS.get(pressed.name)
    before = on_page.get(pressed.row)
    if kind and kind.saves_at_once:
        # Another verdict than the one that stood there is another click.
        click_id = uuid5(UUID(hex=token), prediction.id + (before or "")).hex
        verdict_id = signed(click_id, who.key())
        verdict_panel.save_at_once(visit, prediction, kind, verdict_id, on_page=before)
        return
    verdict_panel.open_panel(visit.card, prediction, kind)
    _open(pressed.row)


def _first_page() -> None:
    st.session_state["batch_page"] = 1
