"""Charts and tables on a page: a chart with its title, its numbers and its downloads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from second_opinion.formatting import number_text, share_text
from second_opinion.ui import distinct_words, file_button
from second_opinion.ui.frame import escape

if TYPE_CHECKING:
    import pandas as pd
    from pandas.io.formats.style import Styler

    from second_opinion.charts.chart import Chart

Places = list[int]


def height_for(rows: int, most: int = 12) -> int:
    """The height of a table that shows so many rows without scrolling."""
    return 35 * (min(rows, most) + 1) + 3


def draw(
    chart: Chart,
    key: str,
    *,
    name: str,
    below: str = "",
    picked: Callable[[Places], None] | None = None,
    range_too: bool = True,
    generation: int = 0,
    names: Callable[[], Sequence[str]] | None = None,
) -> bool:
    """A chart with its title, and its numbers as a table or a file; PNG is in its corner.

    ``name`` is that of the files. ``picked`` hears the numbers of the bars that were just selected,
    which another ``generation`` lets go of; with ``range_too`` several can be drawn over. ``names``
    are the bars in words, to choose one beside the table. Returns whether the chart is drawn, and
    not its numbers in its place.
    """
    st.markdown(f"**{escape(chart.title)}**")
    as_table = st.session_state.get(f"{key}_table", False)
    with st.container(key=f"{key}_chart"):
        if as_table:
            table(chart)
            if picked and names:
                _choose(names(), f"{key}_{generation}", picked)
        else:
            _plot(chart, f"{key}_{generation}", name, picked, range_too=range_too)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle("As a table", key=f"{key}_table")
        numbers_file(chart.table, name, f"{key}_csv")
    if below:
        st.caption(escape(below))
    return not as_table


def _plot(
    chart: Chart,
    widget: str,
    name: str,
    picked: Callable[[Places], None] | None,
    *,
    range_too: bool,
) -> None:
    buttons = ["pan2d", "select2d", "toImage"] if picked and range_too else ["toImage"]
    config = {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtons": [buttons],
        "toImageButtonOptions": {"format": "png", "filename": name, "scale": 2},
    }
    event: Any = st.plotly_chart(
        chart.figure,
        key=widget,
        on_select="rerun" if picked else "ignore",
        selection_mode=("points", "box") if range_too else ("points",),
        config=config,
        alt=chart.alt,
    )
    if picked:
        _tell(widget, event, picked)


def _choose(names: Sequence[str], widget: str, picked: Callable[[Places], None]) -> None:
    """The way from the table to what is behind a bar, for who has no mouse or no eyes."""
    place = st.selectbox(
        "Go to what is behind",
        range(len(names)),
        index=None,
        key=f"{widget}_row",
        format_func=distinct_words.of(range(len(names)), names.__getitem__),
        placeholder="choose",
        width=360,
    )
    selections = st.session_state.setdefault("drawing_seen", {})
    places = [] if place is None else [place]
    if selections.get(f"{widget}_row", []) != places:
        selections[f"{widget}_row"] = places
        picked(places)


def _tell(widget: str, event: Any, picked: Callable[[Places], None]) -> None:
    """Tell what is selected when that changes: a chart that was selected in before says nothing."""
    values = [point.get("customdata") for point in event["selection"]["points"]]
    places = [place[0] if isinstance(place, list) else place for place in values]
    places = [int(place) for place in places if place is not None]
    selections = st.session_state.setdefault("drawing_seen", {})
    if selections.get(widget, []) != places:
        selections[widget] = places
        picked(places)


def table(chart: Chart) -> None:
    """The numbers of a chart."""
    st.dataframe(
        with_shares(chart.table, chart.shares),
        hide_index=True,
        height=height_for(len(chart.table)),
        alt=f"The numbers of the chart: {chart.title}",
    )


def with_shares(frame: pd.DataFrame, names: Iterable[str]) -> Styler:
    """A table whose columns ``names`` are read as shares, and sorted as the numbers they are.

    What has a format in the page's ``column_config`` keeps that one.
    """
    shares, numbers = set(names), frame.select_dtypes("number").columns
    words: dict[Any, Any] = {n: share_text if n in shares else number_text for n in numbers}
    return frame.reset_index(drop=True).style.format(words, na_rep="")


def numbers_file(frame: pd.DataFrame, name: str, key: str) -> None:
    """A button that hands out a table as a CSV."""
    from second_opinion.batches import downloads

    file_button.draw(
        "Numbers",
        data=lambda: downloads.table_file(frame),
        file_name=f"{name}.csv",
        key=key,
        help="A CSV of the numbers that are drawn",
    )
