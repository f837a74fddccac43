"""The page Distributions: what is looked at, its charts, and the cases behind a bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.distributions.case_order import Order, in_order
from second_opinion.distributions.selection import LISTED, Selection
from second_opinion.errors import UserError
from second_opinion.formatting import percent, plural
from second_opinion.models.card import ModelCard
from second_opinion.records.prediction import Prediction
from second_opinion.schema import Feature
from second_opinion.ui import case_view, drawing, opening_list
from second_opinion.ui import distributions_choice as choices
from second_opinion.ui.case_table import NOTHING, CaseColumn, CaseRow, CaseTable
from second_opinion.ui.distributions_choice import Chosen
from second_opinion.ui.drawing import height_for
from second_opinion.ui.frame import callback, escape
from second_opinion.ui.visit import Visit

if TYPE_CHECKING:
    from second_opinion.distributions.marks import Exhibit

ON_A_PAGE = 6
# Beyond what a person scrolls through, the opened case has the rest.
MOST_COLUMNS = 60


def draw(choice: Chosen, exhibit: Exhibit) -> bool:
    """A chart whose bars list their cases or open a chart; or the sentence in its place.

    Returns whether cases can be listed from it.
    """
    if exhibit.chart is None:
        st.text(exhibit.sentence)
        return False
    is_chart = drawing.draw(
        exhibit.chart,
        f"distributions_{exhibit.name}",
        name=exhibit.name,
        below=exhibit.sentence,
        picked=_heard(choice, exhibit),
        range_too=not exhibit.opens,
        # Another one lets go of what is selected in the browser.
        generation=st.session_state.get("distributions_cleared", 0),
        names=partial(_names, choice, exhibit),
    )
    return is_chart and bool(exhibit.picks)


def beside(choice: Chosen, parts: Iterable[Exhibit]) -> bool:
    """Several charts, two in a row where there is room; and whether one of them lists cases."""
    lists = False
    with st.grid(2, min_column_width=360, gap="medium"):
        for part in parts:
            with st.container():
                lists |= draw(choice, part)
    return lists


def _names(choice: Chosen, exhibit: Exhibit) -> list[str]:
    """The bars of a chart in words, in the order of what they stand for."""
    from second_opinion.distributions import marks

    card = choice.selection.card
    if exhibit.opens:
        return [card.case_schema[name].label for name in exhibit.opens]
    return [" and ".join(marks.words_of(card, part) for part in mark) for mark in exhibit.picks]


def _heard(choice: Chosen, exhibit: Exhibit) -> Callable[[list[int]], None] | None:
    if exhibit.picks:
        return partial(_pick, choice, exhibit)
    return partial(_open, exhibit) if exhibit.opens else None


def _open(exhibit: Exhibit, places: list[int]) -> None:
    """Remember in the URL which feature's own chart was asked for."""
    st.query_params.pop("drift", None)
    for place in places[:1]:
        st.query_params["drift"] = exhibit.opens[place]


def _pick(choice: Chosen, exhibit: Exhibit, places: list[int]) -> None:
    """Remember the bars of a chart that were just selected; the last choice on the page counts."""
    from second_opinion.distributions import marks

    st.session_state.pop("distributions_page", None)
    st.session_state.pop("distributions_picked", None)
    picked = [exhibit.picks[place] for place in places if place < len(exhibit.picks)]
    if picked:
        selection = choice.selection
        parts = marks.together(selection, picked, exhibit.picks)
        st.session_state["distributions_picked"] = selection.key, selection.parts, parts


def features(choice: Chosen) -> bool:
    """What the model says by one feature or two; or each of them beside what it is compared with,
    those that moved furthest first. Returns whether cases can be listed."""
    from second_opinion.distributions import marks, sections

    by, value = choices.by_features(choice.selection.card)
    if by:
        return _crossed(choice, by, value)
    fields = sections.ordered(choice.selection, choice.against)
    pages = -(-len(fields) // ON_A_PAGE)
    if pages > 1:
        at = int(st.session_state.get("distributions_features") or 1)
        fields = fields[(at - 1) * ON_A_PAGE : at * ON_A_PAGE]
    if not choice.selection.rows:
        st.text(marks.NOBODY)
        return False
    lists = beside(
        choice, (sections.feature(choice.selection, choice.against, one) for one in fields)
    )
    if pages > 1:
        st.pagination(pages, key="distributions_features")
    _basis(choice)
    return lists


def _crossed(choice: Chosen, by: list[Feature], value: Any) -> bool:
    """What the model says by these features, and below how each of them is distributed."""
    from second_opinion.distributions import sections, sections_crossed

    selection = choice.selection
    lists = draw(choice, sections_crossed.crossed(selection, by, value))
    if selection.rows:
        exhibits = (sections.feature(selection, choice.against, feature) for feature in by)
        lists |= beside(choice, (part for part in exhibits if part.chart))
        _basis(choice)
    return lists


def _basis(choice: Chosen) -> None:
    """What a comparison rests on."""
    from second_opinion.distributions import sections

    if choice.against is not None:
        st.caption(escape(f"Compared with {sections.basis(choice.against)}."))


def drift(choice: Chosen) -> bool:
    """The comparison feature by feature; a bar opens that feature's own chart.

    Returns whether cases can be listed: those of that chart can.
    """
    from second_opinion.distributions import sections

    exhibits = sections.drift(choice.selection, choice.against)
    for part in exhibits:
        draw(choice, part)
    if choice.against is None or not choice.selection.rows:
        return False
    lists = False
    feature = choice.selection.card.case_schema.get(st.query_params.get("drift", ""))
    if feature is not None:
        lists = draw(choice, sections.feature(choice.selection, choice.against, feature))
    elif any(part.opens for part in exhibits):
        st.caption("Click a bar to see that feature beside what it is compared with.")
    table = sections.drift_table(choice.selection, choice.against)
    three = st.column_config.NumberColumn(format="%.3f")
    few = st.column_config.NumberColumn(format="%.2g")
    st.dataframe(
        drawing.with_shares(table, ["Not known before", "Not known now"]),
        hide_index=True,
        key="distributions_drift_rows",
        height=height_for(len(table), 20),
        column_config=dict.fromkeys(["Distance", "PSI", "PSI by chance"], three)
        | {name: few for name in map(str, table) if name.startswith("p, ")},
        alt="How far each feature differs, and by which test",
    )
    drawing.numbers_file(table, "drift-tests", "distributions_drift_rows_csv")
    return lists


def cases(choice: Chosen, lists: bool) -> None:
    """The cases behind what was picked in a chart; a hint where a chart ``lists`` them."""
    from second_opinion.distributions import marks

    picked = st.session_state.get("distributions_picked")
    selection = choice.selection
    if not picked or picked[:2] != (selection.key, selection.parts):
        if lists:
            st.caption(
                "Click a bar, a point or a tile to list the cases behind it; on a touch screen, "
                "tap twice. With the dotted frame above a chart, draw over several."
            )
        return
    parts = picked[2]
    for part in parts:
        selection = selection.where(part)
    words = " and ".join(marks.words_of(selection.card, part) for part in parts)
    with st.container(horizontal=True, vertical_alignment="center", key="distributions_cases"):
        st.header(escape(f"{plural(selection.rows, 'case')}: {words}"), anchor=False)
        st.button("Clear", key="distributions_clear", type="tertiary", on_click=_clear)
    if not selection.rows:
        st.text(marks.NOBODY)
        return
    words = st.selectbox(
        "In the order of", list(orders(selection)), key="distributions_sort", width=260
    )
    of, descending = orders(selection)[words]
    selection = in_order(selection, of, descending=descending)
    pages = -(-selection.rows // LISTED)
    at = min(int(st.session_state.get("distributions_page") or 1), pages)
    with st.container(key="distributions_list"):
        table = _case_table(selection, at)
        opening_list.draw(table, selection.page(at), "distributions_open", _open_case)
    if pages > 1:
        st.pagination(pages, key="distributions_page")


def orders(selection: Selection) -> dict[str, tuple[Order, bool]]:
    """In which orders the cases can be listed, in words: what to order by, and whether down."""
    came = "Time" if selection.batch is None else "Row"
    has_confidence = selection.card.tells_confidence
    sure: dict[str, tuple[Order, bool]] = {
        "Least sure first": ("confidence", False),
        "Surest first": ("confidence", True),
    }
    return {
        came: ("row", False),
        **(sure if has_confidence else {}),
        "Answer, up": ("prediction", False),
        "Answer, down": ("prediction", True),
    }


def _case_table(selection: Selection, page: int) -> CaseTable:
    """A page of the cases; the row in the batch, or the place in the list, opens one."""
    ids, listed = selection.page(page), selection.listed(page)
    number = "Open" if selection.batch is None else "Row"
    first = (page - 1) * LISTED + 1
    rows = range(first, first + len(ids)) if selection.batch is None else ids
    listed["Sure"] = ["" if math.isnan(sure) else percent(sure) for sure in listed["Sure"]]
    names = [name for name in map(str, listed) if name != number and any(listed[name])]
    names = names[:MOST_COLUMNS]
    cells = zip(*([text or NOTHING for text in listed[name]] for name in names), strict=True)
    return CaseTable(
        label="The cases behind what was picked",
        columns=[CaseColumn(number, "row"), *(_column(selection.card, name) for name in names)],
        rows=[CaseRow(row, case) for row, case in zip(rows, cells, strict=True)],
        page=f"{page} {ids[:1]}",
        current=dict(zip(map(str, ids), rows, strict=True)).get(st.query_params.get("case", "")),
    )


def _column(card: ModelCard, name: str) -> CaseColumn:
    """A column by its head: what was answered, or a feature with its numbers at the right."""
    feature = next((one for one in card.features if one.label == name), None)
    if feature is None:
        return CaseColumn(name, "answer", number=name == "Sure")
    return CaseColumn(name, "field", number=feature.is_numeric)


def _open_case(case_id: Any) -> None:
    st.query_params["case"] = str(case_id)


@callback("page")
def _clear() -> None:
    st.session_state.pop("distributions_picked", None)
    st.session_state.pop("distributions_page", None)
    st.session_state["distributions_cleared"] = st.session_state.get("distributions_cleared", 0) + 1
    st.query_params.pop("case", None)


def the_case(visit: Visit, choice: Chosen) -> None:
    """The case that is open, with the panel that every page has for a verdict."""
    case_id = st.query_params.get("case")
    if not case_id:
        return
    prediction = _linked_case(visit, choice.selection, case_id)
    title = f"Row {prediction.row_number}" if prediction.row_number else "The case"
    case_view.judge(visit, choice.selection.card, prediction, title, "distributions")


def _linked_case(visit: Visit, selection: Selection, case_id: str) -> Prediction:
    """The case of a link, if it is one of those that are looked at."""
    if selection.batch is not None and case_id.isdecimal():
        return ScoredRows(visit.store, visit.asker).opened(
            selection.batch, int(case_id), selection.card
        )
    prediction = visit.store.prediction(case_id, by=visit.asker)
    if (
        prediction is None
        or selection.batch is not None
        or case_id not in set(selection.ids.tolist())
    ):
        st.query_params.pop("case", None)
        raise UserError("The link names a case that is not among these. Choose one of the list.")
    return prediction
