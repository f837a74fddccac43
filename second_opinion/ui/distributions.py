"""The page Distributions: what is looked at, its charts, and the cases behind a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from second_opinion.batch.scored_rows import ScoredRows
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.population.population import LISTED, Population
from second_opinion.records.prediction import Prediction
from second_opinion.schema import Feature
from second_opinion.ui import case, drawing
from second_opinion.ui import population as choices
from second_opinion.ui.drawing import height_for
from second_opinion.ui.frame import callback, escape
from second_opinion.ui.population import Chosen
from second_opinion.ui.visit import Visit

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.population.picks import Shown

ON_A_PAGE = 6


def draw(chosen: Chosen, shown: Shown) -> bool:
    """A chart whose bars list their cases or open a chart; or the sentence in its place.

    Returns whether cases can be listed from it.
    """
    if shown.chart is None:
        st.text(shown.sentence)
        return False
    drawn = drawing.draw(
        shown.chart,
        f"distributions_{shown.name}",
        name=shown.name,
        below=shown.sentence,
        picked=_heard(chosen, shown),
        range_too=not shown.opens,
        # Another one lets go of what is selected in the browser.
        generation=st.session_state.get("distributions_cleared", 0),
    )
    return drawn and bool(shown.picks)


def beside(chosen: Chosen, parts: Iterable[Shown]) -> bool:
    """Several charts, two in a row where there is room; and whether one of them lists cases."""
    lists = False
    with st.grid(2, min_column_width=360, gap="medium"):
        for part in parts:
            with st.container():
                lists |= draw(chosen, part)
    return lists


def _heard(chosen: Chosen, shown: Shown) -> Callable[[list[int]], None] | None:
    if shown.picks:
        return partial(_pick, chosen, shown)
    return partial(_open, shown) if shown.opens else None


def _open(shown: Shown, places: list[int]) -> None:
    """Remember in the URL which feature's own chart was asked for."""
    st.query_params.pop("drift", None)
    for place in places[:1]:
        st.query_params["drift"] = shown.opens[place]


def _pick(chosen: Chosen, shown: Shown, places: list[int]) -> None:
    """Remember the bars of a chart that were just selected; the last choice on the page counts."""
    from second_opinion.population import picks

    st.session_state.pop("distributions_page", None)
    st.session_state.pop("distributions_picked", None)
    picked = [shown.picks[place] for place in places if place < len(shown.picks)]
    if picked:
        people = chosen.people
        parts = picks.together(people, picked, shown.picks)
        st.session_state["distributions_picked"] = people.key, people.parts, parts


def features(chosen: Chosen) -> bool:
    """What the model says by one feature or two; or each of them beside what it is compared with,
    those that moved furthest first. Returns whether cases can be listed."""
    from second_opinion.population import picks, sections

    by, value = choices.by_features(chosen.people.card)
    if by:
        return _crossed(chosen, by, value)
    wanted = sections.ordered(chosen.people, chosen.against)
    pages = -(-len(wanted) // ON_A_PAGE)
    if pages > 1:
        at = int(st.session_state.get("distributions_features") or 1)
        wanted = wanted[(at - 1) * ON_A_PAGE : at * ON_A_PAGE]
    if not chosen.people.rows:
        st.text(picks.NOBODY)
        return False
    lists = beside(chosen, (sections.feature(chosen.people, chosen.against, one) for one in wanted))
    if pages > 1:
        st.pagination(pages, key="distributions_features")
    _basis(chosen)
    return lists


def _crossed(chosen: Chosen, by: list[Feature], value: Any) -> bool:
    """What the model says by these features, and below how each of them is distributed."""
    from second_opinion.population import sections, sections_crossed

    people = chosen.people
    lists = draw(chosen, sections_crossed.crossed(people, by, value))
    if people.rows:
        shown = (sections.feature(people, chosen.against, feature) for feature in by)
        lists |= beside(chosen, (part for part in shown if part.chart))
        _basis(chosen)
    return lists


def _basis(chosen: Chosen) -> None:
    """What a comparison rests on."""
    from second_opinion.population import sections

    if chosen.against is not None:
        st.caption(escape(f"Compared with {sections.basis(chosen.against)}."))


def drift(chosen: Chosen) -> bool:
    """The comparison feature by feature; a bar opens that feature's own chart.

    Returns whether cases can be listed: those of that chart can.
    """
    from second_opinion.population import sections

    shown = sections.drift(chosen.people, chosen.against)
    for part in shown:
        draw(chosen, part)
    if chosen.against is None or not chosen.people.rows:
        return False
    lists = False
    feature = chosen.people.card.case_schema.get(st.query_params.get("drift", ""))
    if feature is not None:
        lists = draw(chosen, sections.feature(chosen.people, chosen.against, feature))
    elif any(part.opens for part in shown):
        st.caption("Click a bar to see that feature beside what it is compared with.")
    found = sections.drift_table(chosen.people, chosen.against)
    shares = st.column_config.NumberColumn(format="percent")
    three = st.column_config.NumberColumn(format="%.3f")
    few = st.column_config.NumberColumn(format="%.2g")
    st.dataframe(
        found,
        hide_index=True,
        key="distributions_drift_rows",
        height=height_for(len(found), 20),
        column_config=dict.fromkeys(["Not known before", "Not known now"], shares)
        | dict.fromkeys(["Distance", "PSI", "PSI by chance"], three)
        | {"p after Holm": few},
        alt="How far each feature has moved, and by which test",
    )
    drawing.numbers_file(found, "drift-tests", "distributions_drift_rows_csv")
    return lists


def cases(chosen: Chosen, lists: bool) -> None:
    """The cases behind what was picked in a chart; a hint where a chart ``lists`` them."""
    from second_opinion.population import picks

    picked = st.session_state.get("distributions_picked")
    people = chosen.people
    if not picked or picked[:2] != (people.key, people.parts):
        if lists:
            st.caption(
                "Click a bar, a point or a tile to list the cases behind it; on a touch screen, "
                "tap twice. With the dotted frame above a chart, draw over several."
            )
        return
    parts = picked[2]
    for part in parts:
        people = people.where(part)
    said = " and ".join(picks.words_of(people.card, part) for part in parts)
    with st.container(horizontal=True, vertical_alignment="center", key="distributions_cases"):
        st.header(escape(f"{plural(people.rows, 'case')}: {said}"), anchor=False)
        st.button("Clear", key="distributions_clear", type="tertiary", on_click=_clear)
    if not people.rows:
        st.text(picks.NOBODY)
        return
    pages = -(-people.rows // LISTED)
    at = min(int(st.session_state.get("distributions_page") or 1), pages)
    with st.container(key="distributions_list"):
        st.dataframe(
            _with_button(people.listed(at)),
            hide_index=True,
            height=height_for(min(people.rows, LISTED), 10),
            column_config=_columns(people, at),
            alt="The cases behind what was picked",
        )
    if pages > 1:
        st.pagination(pages, key="distributions_page")


def _with_button(listed: pd.DataFrame) -> pd.DataFrame:
    listed.insert(0, "open", "Open")
    return listed


def _columns(people: Population, page: int) -> dict[str, Any]:
    ids = people.page(page)
    config = st.column_config

    @callback("page")
    def act() -> None:
        click = st.session_state.get("distributions_open")
        if not click or not 0 <= click["row"] < len(ids):
            raise UserError("The table has changed since. Press again.")
        st.query_params["case"] = str(ids[click["row"]])

    button = config.ButtonColumn(
        "", key="distributions_open", type="tertiary", pinned=True, width=62, on_click=act
    )
    return {"open": button, "Sure": config.NumberColumn(format="percent")}


@callback("page")
def _clear() -> None:
    st.session_state.pop("distributions_picked", None)
    st.session_state.pop("distributions_page", None)
    st.session_state["distributions_cleared"] = st.session_state.get("distributions_cleared", 0) + 1
    st.query_params.pop("case", None)


def the_case(visit: Visit, chosen: Chosen) -> None:
    """The case that is open, with the panel that every page has for a verdict."""
    wanted = st.query_params.get("case")
    if not wanted:
        return
    prediction = _opened(visit, chosen.people, wanted)
    title = f"Row {prediction.row_number}" if prediction.row_number else "The case"
    case.judge(visit, chosen.people.card, prediction, title, "distributions")


def _opened(visit: Visit, people: Population, wanted: str) -> Prediction:
    """The case of a link, if it is one of those that are looked at."""
    if people.batch is not None and wanted.isdecimal():
        return ScoredRows(visit.store).opened(people.batch, int(wanted), people.card)
    found = visit.store.prediction(wanted)
    if found is None or people.batch is not None or wanted not in set(people.ids.tolist()):
        st.query_params.pop("case", None)
        raise UserError("The link names a case that is not among these. Choose one of the list.")
    return found
