"""The scored rows of a batch on its page: as a table, and one of them as a case."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import streamlit as st

from second_opinion.batches.scored_rows import PAGE_ROWS, RowFilter, RowPage, ScoredRows, SortBy
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard, value_text
from second_opinion.records.batch import Batch, prediction_id
from second_opinion.records.stamp import signed
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_kinds import KINDS, current_kinds
from second_opinion.ui import (
    case_view,
    click_ids,
    drawing,
    judging_way,
    labels,
    row_button,
    verdict_panel,
    who,
    widget_values,
)
from second_opinion.ui.drawing import height_for
from second_opinion.ui.frame import show_problem
from second_opinion.ui.labels import flag_name
from second_opinion.ui.visit import Visit

if TYPE_CHECKING:
    import pandas as pd

OPEN_CASE = "open"

ALL = "All answers"
FLAGGED, LOW, OPEN, JUDGED = "Flagged", "Not sure", "Without my verdict", "With my verdict"
SORTS: dict[str, tuple[SortBy, bool]] = {
    "Row": ("row", False),
    "Least sure first": ("confidence", False),
    "Surest first": ("confidence", True),
    "Answer, up": ("prediction", False),
    "Answer, down": ("prediction", True),
}
MOST_COLUMNS = 60


RowView = tuple[RowFilter, tuple[SortBy, bool]]


def filters(visit: Visit, batch: Batch) -> RowView:
    """Ask which rows to look at, and in what order: only for what this batch has."""
    card = visit.card
    scores = ScoredRows(visit.store).scores(batch)
    flags = {flag for text in scores.flags for flag in text.split(";") if flag}
    with st.grid(4, min_column_width=150, vertical_alignment="bottom", key="batch_filters"):
        value = ""
        if card.task != "regression":
            value = st.selectbox(
                "Answer",
                ["", *scores.values],
                key="batch_filter_answer",
                format_func=lambda text: card.label(json.loads(text)) if text else ALL,
                on_change=_first_page,
            )
        column = st.selectbox(
            "Column", batch.columns, key="batch_filter_column", on_change=_first_page
        )
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


def _has_confidence(card: ModelCard) -> bool:
    return card.task != "regression"


def table(visit: Visit, batch: Batch) -> RowView:
    """The rows in view, each with its answer, one's verdict, and what can be said of it."""
    view = filters(visit, batch)
    _draw(visit, batch, view)
    return view


def _draw(visit: Visit, batch: Batch, view: RowView) -> None:
    row_filter, (sort, descending) = view
    page = int(st.session_state.get("batch_page") or 1)
    look = partial(ScoredRows(visit.store).rows, batch, row_filter, sort, descending=descending)
    row_page = look(page=page)
    if not row_page.total:
        st.text("No row is like that. Ask for fewer things at once.")
        return
    pages = -(-row_page.total // PAGE_ROWS)
    if page > pages:
        # A verdict may have taken the last row off the last page.
        st.session_state["batch_page"] = pages
        row_page = look(page=pages)
    verdicts = _verdicts(visit, batch, row_page)
    show_problem("batch")
    with st.container(key="batch_table"):
        st.dataframe(
            _frame(visit.card, batch, row_page, verdicts),
            hide_index=True,
            height=height_for(len(row_page.rows), 12),
            column_config=_columns(visit, batch, row_page, verdicts),
            alt="The scored rows of the batch",
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if pages > 1:
            st.pagination(pages, key="batch_page")
        st.caption(plural(row_page.total, "row"))


def _verdicts(visit: Visit, batch: Batch, row_page: RowPage) -> dict[int, Verdict]:
    expert = visit.expert
    if expert is None:
        return {}
    ids = {prediction_id(batch.id, row): row for row in row_page.rows.tolist()}
    verdicts = visit.store.current_verdicts_of(expert.label, ids, by=expert)
    return {ids[key]: verdict for key, verdict in verdicts.items()}


def _frame(
    card: ModelCard, batch: Batch, row_page: RowPage, verdicts: dict[int, Verdict]
) -> pd.DataFrame:
    import pandas as pd

    scored = row_page.scored.to_pydict()
    rows = row_page.rows.tolist()
    columns: dict[str, Any] = {OPEN_CASE: ["Open"] * len(rows), "row": rows}
    columns["answer"] = [_answer(card, value) for value in scored["prediction"]]
    if _has_confidence(card):
        columns["sure"] = [drawing.rounded_down(sure) for sure in scored["confidence"]]
    for kind in current_kinds():
        columns[kind.name] = [kind.sign] * len(rows)
    columns["said"] = [_verdict_cell(card, verdicts.get(row)) for row in rows]
    columns["flags"] = [_flags(card, text) for text in scored["flags"]]
    if batch.bad_rows:
        columns["line"] = row_page.lines
    for at in _shown_columns(card, batch):
        columns[f"c{at}"] = row_page.text.column(at).to_pylist()
    return pd.DataFrame(columns)


def _shown_columns(card: ModelCard, batch: Batch) -> list[int]:
    """The columns of the file, the model's first: as many as a person scrolls through."""
    names = card.case_schema.names
    places = sorted(range(len(batch.columns)), key=lambda at: batch.columns[at] not in names)
    return places[:MOST_COLUMNS]


def _columns(
    visit: Visit, batch: Batch, row_page: RowPage, verdicts: dict[int, Verdict]
) -> dict[str, Any]:
    config = st.column_config
    rows = row_page.rows.tolist()
    on_page = {row: verdict.id for row, verdict in verdicts.items()}
    token = click_ids.upcoming("batch_token")

    def button(action: str, help_: str) -> Any:
        is_word = action == OPEN_CASE
        return row_button.column(
            f"batch_{action}",
            rows,
            partial(_press, visit, batch, action, token, on_page),
            help=help_,
            place="batch",
            width=row_button.WORD_WIDTH if is_word else row_button.SIGN_WIDTH,
            pinned=is_word,
        )

    named = {f"c{at}": name for at, name in enumerate(batch.columns)}
    return {
        OPEN_CASE: button(OPEN_CASE, "Open the case"),
        **{kind.name: button(kind.name, kind.label) for kind in current_kinds()},
        "row": config.NumberColumn("Row", format="%d", pinned=True),
        "line": config.NumberColumn("Line", format="%d", help="Line of the file"),
        "answer": config.TextColumn("The model says"),
        "sure": drawing.SURE,
        "said": config.TextColumn("You say", width="small"),
        "flags": config.TextColumn("Flags", width="medium"),
        **{key: config.TextColumn(name) for key, name in named.items()},
    }


def _answer(card: ModelCard, value: str | None) -> str:
    return "no answer" if value is None else value_text(card, json.loads(value))


def _verdict_cell(card: ModelCard, verdict: Verdict | None) -> str:
    return "" if verdict is None else labels.signed_verdict_text(card, verdict)


def _flags(card: ModelCard, text: str | None) -> str:
    return "; ".join(flag_name(card, flag) for flag in (text or "").split(";") if flag)


def the_case(visit: Visit, batch: Batch, view: RowView) -> None:
    """One row as a case, with the panel that every page has for a verdict, and the way on."""
    scored_rows = ScoredRows(visit.store)
    row_filter, (sort, descending) = view
    judging = partial(scored_rows.judging, batch, row_filter, sort, descending=descending)
    if st.query_params.get("row") == judging_way.NEXT:
        st.query_params.pop("row")
        _open(judging(row=0).next_row or 1)
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
    widget_values.confirm(lambda: None)
    row = st.session_state.get("batch_row")
    if not row:
        return
    prediction = scored_rows.opened(batch, int(row), visit.card)
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
    case_view.judge(visit, visit.card, prediction, f"Row {row}", "batch", next_case)


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
    visit: Visit, batch: Batch, action: str, token: str, on_page: dict[int, str], row: int
) -> None:
    prediction = ScoredRows(visit.store).opened(batch, row, visit.card)
    kind = KINDS.get(action)
    if kind and kind.saves_at_once:
        # Another verdict than the one that stood there is another click.
        click_id = uuid5(UUID(hex=token), prediction.id + on_page.get(row, "")).hex
        verdict_id = signed(click_id, who.key())
        verdict_panel.save_at_once(visit, prediction, kind, verdict_id, on_page=on_page.get(row))
        return
    verdict_panel.open_panel(visit.card, prediction, kind)
    _open(row)


def _first_page() -> None:
    st.session_state["batch_page"] = 1
