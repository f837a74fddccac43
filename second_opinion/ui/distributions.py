"""The page Distributions: what is looked at, its charts, and the cases behind a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from second_opinion.errors import UserError
from second_opinion.population import LISTED, Population
from second_opinion.records import Prediction
from second_opinion.ui import answer, browser, verdicts, who
from second_opinion.ui.batch_rows import height_for
from second_opinion.ui.frame import Visit, callback, escape
from second_opinion.ui.population import Chosen
from second_opinion.words import plural

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.charts import Chart
    from second_opinion.sections import Shown

ON_A_PAGE = 6


def draw(chosen: Chosen, shown: Shown) -> None:
    """A chart with its title, table and downloads; or the sentence in its place."""
    if shown.chart is None:
        st.text(shown.sentence)
        return
    chart, key = shown.chart, f"distributions_{shown.name}"
    st.markdown(f"**{escape(chart.title)}**")
    with st.container(key=f"{key}_chart"):
        if st.session_state.get(f"{key}_table"):
            table(chart)
        else:
            _plot(chosen, shown, chart, key)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle("As a table", key=f"{key}_table")
        _csv(chart.table, shown.name, f"{key}_csv")
    if shown.sentence:
        st.caption(escape(shown.sentence))


def _plot(chosen: Chosen, shown: Shown, chart: Chart, key: str) -> None:
    config = {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtons": [["pan2d", "select2d", "toImage"] if shown.picks else ["toImage"]],
        "toImageButtonOptions": {"format": "png", "filename": shown.name, "scale": 2},
    }
    # A new key lets go of what is selected in the browser.
    widget = f"{key}_{st.session_state.get('distributions_cleared', 0)}"
    event: Any = st.plotly_chart(
        chart.figure,
        key=widget,
        on_select="rerun" if shown.picks else "ignore",
        selection_mode=("points", "box"),
        config=config,
        alt=chart.alt,
    )
    if shown.picks:
        _pick(chosen, shown, widget, event)


def table(chart: Chart) -> None:
    """The numbers of a chart."""
    percentages = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        chart.table,
        hide_index=True,
        height=height_for(len(chart.table), 12),
        column_config=dict.fromkeys(chart.shares, percentages),
        alt=f"The numbers of the chart: {chart.title}",
    )


def _csv(frame: pd.DataFrame, name: str, key: str) -> None:
    from second_opinion import downloads

    st.download_button(
        "Numbers",
        data=lambda: downloads.table_file(frame),
        file_name=f"{name}.csv",
        mime="text/csv",
        on_click="ignore",
        key=key,
        icon=":material/download:",
        help="A CSV of the numbers that are drawn",
    )


def _pick(chosen: Chosen, shown: Shown, widget: str, event: Any) -> None:
    """Remember the bars of a chart that were just selected; the last choice on the page counts."""
    from second_opinion import picks

    found = [point.get("customdata") for point in event["selection"]["points"]]
    places = [place[0] if isinstance(place, list) else place for place in found]
    places = [int(place) for place in places if place is not None]
    seen = st.session_state.setdefault("distributions_seen", {})
    if seen.get(widget, []) == places:
        return
    seen[widget] = places
    st.session_state.pop("distributions_page", None)
    st.session_state.pop("distributions_picked", None)
    picked = [shown.picks[place] for place in places if place < len(shown.picks)]
    if picked:
        parts = picks.merged(picked)
        st.session_state["distributions_picked"] = chosen.people.key, chosen.people.parts, parts


def features(chosen: Chosen) -> None:
    """Each feature beside what it is compared with, those that moved furthest first."""
    from second_opinion import sections

    wanted = sections.ordered(chosen.people, chosen.against)
    pages = -(-len(wanted) // ON_A_PAGE)
    if pages > 1:
        at = int(st.session_state.get("distributions_features") or 1)
        wanted = wanted[(at - 1) * ON_A_PAGE : at * ON_A_PAGE]
    if not chosen.people.rows:
        st.text(sections.NOBODY)
        return
    with st.grid(2, min_column_width=360, gap="medium"):
        for feature in wanted:
            with st.container():
                draw(chosen, sections.feature(chosen.people, chosen.against, feature))
    if pages > 1:
        st.pagination(pages, key="distributions_features")


def drift(chosen: Chosen) -> None:
    """The comparison feature by feature."""
    from second_opinion import sections

    shown = sections.drift(chosen.people, chosen.against)
    for part in shown:
        draw(chosen, part)
    if chosen.against is None or not chosen.people.rows:
        return
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
    _csv(found, "drift-tests", "distributions_drift_rows_csv")


def cases(chosen: Chosen, clickable: bool) -> None:
    """The cases behind what was picked in a chart, and the one that is open."""
    from second_opinion import picks, sections

    picked = st.session_state.get("distributions_picked")
    people = chosen.people
    if not picked or picked[:2] != (people.key, people.parts):
        if clickable:
            st.caption(
                "Click a bar to list the cases behind it. With the dotted frame above a chart, "
                "draw over several."
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
        st.text(sections.NOBODY)
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
    card, prediction = chosen.people.card, _opened(visit, chosen.people, wanted)
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True, key="distributions_case"):
        where = f"Row {prediction.row_number}" if prediction.row_number else "The case"
        st.header(where, anchor=False)
        known = [feature for feature in card.features if feature.name in prediction.inputs]
        st.dataframe(
            [{"": f.label, "Value": f.text(prediction.inputs[f.name])} for f in known],
            hide_index=True,
            height=height_for(len(known), 14),
            alt="The case",
        )
    with right, st.container(border=True, key="distributions_answer"):
        st.header("The model says", anchor=False)
        answer.show(card, prediction)
        if visit.expert is None:
            who.form("Your verdict carries your name.")
        else:
            verdicts.panel(visit, card, prediction)
            said = f"{prediction.id} {st.session_state['verdict_open']}"
            browser.reveal("distributions_answer", said)


def _opened(visit: Visit, people: Population, wanted: str) -> Prediction:
    """The case of a link, if it is one of those that are looked at."""
    if people.batch is not None and wanted.isdecimal():
        return visit.store.batches.opened(people.batch, int(wanted), people.card)
    found = visit.store.prediction(wanted)
    if found is None or people.batch is not None or wanted not in set(people.ids.tolist()):
        st.query_params.pop("case", None)
        raise UserError("The link names a case that is not among these. Choose one of the list.")
    return found
