"""Charts of what the model says by one feature or by two at once, of many cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from second_opinion.charts.chart import (
    BAR_HEIGHT,
    MODEL,
    PAPER,
    REFERENCE,
    TEXT,
    Chart,
    axis_of,
    lay_out,
    share_ticks,
    shown,
    words_beside,
)
from second_opinion.formatting import percent, plural, round_to_three
from second_opinion.schema import Feature
from second_opinion.statistics.crossed import Axis, edge_texts, is_whole, names_of

# What Streamlit's plotly theme replaces: #000011 is the first of chartSequentialColors.
SEQUENTIAL = [[at / 9, f"#0000{11 + at}"] for at in range(10)]
# A cell of fewer cases is drawn, but neither told of nor does it stretch the colours.
FEWEST = 10
LONGEST_LEVEL = 18
TILE_HEIGHT = 30


@dataclass(frozen=True)
class MapAxis:
    """One of the features: what it is, and how it is cut."""

    feature: Feature
    axis: Axis

    @cached_property
    def names(self) -> list[str]:
        """Its bins in words."""
        return names_of(self.axis, self.feature)

    @property
    def title(self) -> str:
        """Its label with the unit."""
        return axis_of(self.feature.label, self.feature.unit)

    def where(self, place: int) -> str:
        """A bin as part of a sentence: ``Age is 20 up to 30``."""
        return f"{self.feature.label} is {self.names[place]}"

    @property
    def ticks(self) -> dict[str, Any]:
        """Names stand at their bins, numbers at the edges between two."""
        edges = self.axis.edges
        if edges and not is_whole(self.axis, self.feature):
            places = (np.arange(len(edges)) + 0.5).tolist()
            return {"tickvals": places, "ticktext": edge_texts(self.axis), "ticks": "outside"}
        names = [shown(name, LONGEST_LEVEL) for name in self.names]
        return {"tickvals": list(range(len(names))), "ticktext": names}


@dataclass(frozen=True)
class Measure:
    """What is told of the cases in a bin: the share of the answer ``label``, or where there is
    none, the mean answer in its ``unit``."""

    label: str = ""
    unit: str = ""

    @property
    def axis(self) -> str:
        """Its name with the unit."""
        return f"Share of {self.label}" if self.label else axis_of("Mean prediction", self.unit)

    @property
    def each(self) -> str:
        """The name of the answer of one case, with its unit."""
        return axis_of("Prediction", self.unit)

    @property
    def digits(self) -> str:
        """How a number of it is written, in plotly's words."""
        return ".0%" if self.label else ",.4~g"

    def text(self, value: float) -> str:
        """A number of it in words."""
        return percent(value) if self.label else f"{round_to_three(value)} {self.unit}".strip()

    def most(self, value: float, cases: int, where: str) -> str:
        """The bin with the highest one as a sentence."""
        said = f"{self.text(value)} of {plural(cases, 'case')}"
        if self.label:
            return f"The model says {self.label} most often where {where} ({said})"
        return f"The mean prediction is highest where {where} ({said.replace(' of ', ', ')})"


def _title(told: Measure, found: pd.DataFrame, sides: Sequence[MapAxis]) -> str:
    enough = found[found["count"] >= FEWEST]
    top = (enough if len(enough) else found).sort_values("mean").iloc[-1]
    where = [side.where(int(top[end])) for side, end in zip(sides, "xy", strict=False)]
    return told.most(float(top["mean"]), int(top["count"]), " and ".join(where))


def _table(told: Measure, found: pd.DataFrame, sides: Sequence[MapAxis]) -> pd.DataFrame:
    """The bins in words with their cases; two features may have one label."""
    columns: dict[str, Any] = {}
    for side, end in zip(sides, "xy", strict=False):
        name = side.title if side.title not in columns else f"{side.title} (2)"
        columns[name] = [side.names[place] for place in found[end]]
    return pd.DataFrame({**columns, "Cases": found["count"], told.axis: found["mean"]})


def heatmap(told: Measure, found: pd.DataFrame, x: MapAxis, y: MapAxis) -> Chart:
    """A tile for each two bins that have cases; ``found`` as `Crossed` gives it."""
    title = _title(told, found, (x, y))
    size = len(x.names), len(y.names)
    values: list[list[float | None]] = [[None] * size[0] for _ in range(size[1])]
    for across, up, mean in zip(found["x"], found["y"], found["mean"], strict=True):
        values[up][across] = float(mean)
    figure = go.Figure([_marks(told, found, x, y), _tiles(told, found, values)])
    lay_out(figure, height=170 + TILE_HEIGHT * max(size[1], 3), legend=False, direction="any")
    # Each mark is in the middle of its cell: the nearest one is that of the cell under the mouse.
    figure.update_layout(hoverdistance=-1, margin_t=72)
    for side, axes, count in ((x, figure.update_xaxes, size[0]), (y, figure.update_yaxes, size[1])):
        ends = [-0.5, count - 0.5]
        # Numbers grow upwards, names are read from the top.
        if side is y and not side.axis.edges:
            ends = ends[::-1]
        axes(title_text=shown(side.title, 60), range=ends, showgrid=False, zeroline=False)
        axes(**side.ticks)
    table = _table(told, found, (x, y))
    alt = f"Heat map, {x.title} by {y.title}: {told.axis}. {title}."
    return Chart(title, alt, figure, table, (told.axis,) if told.label else ())


def _tiles(told: Measure, found: pd.DataFrame, values: list[list[float | None]]) -> go.Heatmap:
    low, high = _span(found)
    return go.Heatmap(
        z=values,
        zmin=low,
        zmax=high,
        xgap=2,
        ygap=2,
        colorscale=SEQUENTIAL,
        colorbar=color_bar(told, told.axis),
        hoverinfo="skip",
        hoverongaps=False,
    )


def _span(found: pd.DataFrame) -> tuple[float, float]:
    """From where to where the colours go."""
    enough = found.loc[found["count"] >= FEWEST, "mean"]
    known = enough if len(enough) else found["mean"]
    low, high = float(known.min()), float(known.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def color_bar(told: Measure, title: str) -> dict[str, Any]:
    """Above the chart, where there is room for it on a phone too."""
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 1.0,
        "yanchor": "bottom",
        "ypad": 6,
        "len": 0.7,
        "thickness": 10,
        "nticks": 5,
        "tickformat": told.digits,
        "tickfont_color": TEXT,
        "outlinewidth": 0,
        "title": {"text": shown(title, 40), "side": "top", "font": {"color": TEXT}},
    }


def _marks(told: Measure, found: pd.DataFrame, x: MapAxis, y: MapAxis) -> go.Scatter:
    """An unseen mark in each cell: Streamlit hears of no click on a tile."""
    rows = {(a, b): at for at, (a, b) in enumerate(zip(found["x"], found["y"], strict=True))}
    cells = [(a, b) for b in range(len(y.names)) for a in range(len(x.names))]
    texts = []
    for a, b in cells:
        where = f"{shown(x.where(a), 80)}<br>{shown(y.where(b), 80)}"
        at = rows.get((a, b))
        counted = "no case" if at is None else _said(told, found, at)
        texts.append(f"{where}<br>{counted}")
    return go.Scatter(
        x=[a for a, _ in cells],
        y=[b for _, b in cells],
        mode="markers",
        marker={"symbol": "square-open", "size": 18, "opacity": 0, "color": PAPER},
        selected_marker={"opacity": 1, "color": PAPER},
        unselected_marker={"opacity": 0},
        customdata=[rows.get(cell) for cell in cells],
        hovertext=texts,
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _said(told: Measure, found: pd.DataFrame, at: int) -> str:
    mean, cases = float(found["mean"].iloc[at]), plural(int(found["count"].iloc[at]), "case")
    if told.label:
        return f"{shown(told.label, 60)} in {told.text(mean)} of {cases}"
    return f"mean {shown(told.text(mean), 60)}, {cases}"


def by_bin(told: Measure, found: pd.DataFrame, side: MapAxis, mean: float) -> Chart:
    """A bar for each bin of one feature, for a mean answer a point; ``mean`` is that of all."""
    title = _title(told, found, [side])
    places = list(range(len(found)))
    values = found["mean"].tolist()
    names = [side.names[place] for place in found["x"]]
    counted = [
        f"{told.text(value)} of {count:,}" if told.label else f"{told.text(value)} · {count:,}"
        for value, count in zip(values, found["count"], strict=True)
    ]
    common: dict[str, Any] = {
        "y": places,
        "x": values,
        "customdata": places,
        "hovertext": [
            f"{shown(side.where(place), 80)}<br>{_said(told, found, at)}"
            for at, place in enumerate(found["x"])
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    figure = go.Figure([_bars(common) if told.label else _points(common)])
    low, high = (0.0, max(values)) if told.label else (min(values), max(values))
    reach = (high - low) or 1.0
    words = [shown(text) for text in counted]
    figure.add_traces([words_beside(words, high + reach * 0.05)])
    for dash, width, color in (("solid", 5, PAPER), ("dash", 2, REFERENCE)):
        figure.add_vline(x=mean, line={"dash": dash, "width": width, "color": color})
    lay_out(figure, height=110 + BAR_HEIGHT * max(len(found), 2), legend=False, direction="v")
    begin = 0.0 if told.label else low - reach * 0.08
    ticks = share_ticks(high) if told.label else {"tickformat": told.digits}
    ends = [begin, high + reach * 0.6]
    figure.update_xaxes(title_text=shown(told.axis, 60), range=ends, zeroline=False, **ticks)
    figure.update_yaxes(
        title_text=shown(side.title, 60),
        tickvals=places,
        ticktext=[shown(name, LONGEST_LEVEL) for name in names],
        autorange="reversed",
    )
    alt = f"Bars, one for each bin or level: {told.axis}. {title}."
    table = _table(told, found, [side])
    return Chart(title, alt, figure, table, (told.axis,) if told.label else ())


def _bars(common: dict[str, Any]) -> go.Bar:
    return go.Bar(**common, orientation="h", marker_color=MODEL)


def _points(common: dict[str, Any]) -> go.Scatter:
    marker = {"color": MODEL, "size": 11, "symbol": "diamond"}
    return go.Scatter(**common, mode="markers", marker=marker)
