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
    PERCENT_LABELS,
    REFERENCE,
    TEXT,
    Chart,
    axis_of,
    lay_out,
    share_ticks,
    shown,
    words_beside,
)
from second_opinion.formatting import plural, round_to_three, share_text
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
        return share_text(value) if self.label else f"{round_to_three(value)} {self.unit}".strip()

    def most(self, value: float, cases: int, where: str) -> str:
        """The bin with the highest one as a sentence."""
        amount = f"{self.text(value)} of {plural(cases, 'case')}"
        if self.label:
            return f"The model says {self.label} most often where {where} ({amount})"
        return f"The mean prediction is highest where {where} ({amount.replace(' of ', ', ')})"


def _title(measure: Measure, bins: pd.DataFrame, sides: Sequence[MapAxis]) -> str:
    enough = bins[bins["count"] >= FEWEST]
    candidates = enough if len(enough) else bins
    tops = candidates[candidates["mean"] == candidates["mean"].max()]
    top = tops.iloc[0]
    where = [side.where(int(top[end])) for side, end in zip(sides, "xy", strict=False)]
    title = measure.most(float(top["mean"]), int(top["count"]), " and ".join(where))
    if len(tops) == 1:
        return title
    others = "one other bin" if len(tops) == 2 else f"{len(tops) - 1:,} other bins"
    return f"{title}, and just as much in {others}"


def _table(measure: Measure, bins: pd.DataFrame, sides: Sequence[MapAxis]) -> pd.DataFrame:
    """The bins in words with their cases; two features may have one label."""
    columns: dict[str, Any] = {}
    for side, end in zip(sides, "xy", strict=False):
        name = side.title if side.title not in columns else f"{side.title} (2)"
        columns[name] = [side.names[place] for place in bins[end]]
    return pd.DataFrame({**columns, "Cases": bins["count"], measure.axis: bins["mean"]})


def heatmap(measure: Measure, bins: pd.DataFrame, x: MapAxis, y: MapAxis) -> Chart:
    """A tile for each two bins that have cases; ``bins`` as `Crossed` gives it."""
    title = _title(measure, bins, (x, y))
    size = len(x.names), len(y.names)
    values: list[list[float | None]] = [[None] * size[0] for _ in range(size[1])]
    for across, up, mean in zip(bins["x"], bins["y"], bins["mean"], strict=True):
        values[up][across] = float(mean)
    figure = go.Figure([_marks(measure, bins, x, y), _tiles(measure, bins, values)])
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
    table = _table(measure, bins, (x, y))
    alt = f"Heat map, {x.title} by {y.title}: {measure.axis}. {title}."
    return Chart(title, alt, figure, table, (measure.axis,) if measure.label else ())


def _tiles(measure: Measure, bins: pd.DataFrame, values: list[list[float | None]]) -> go.Heatmap:
    low, high = _span(bins)
    return go.Heatmap(
        z=values,
        zmin=low,
        zmax=high,
        xgap=2,
        ygap=2,
        colorscale=SEQUENTIAL,
        colorbar=color_bar(measure, measure.axis),
        hoverinfo="skip",
        hoverongaps=False,
    )


def _span(bins: pd.DataFrame) -> tuple[float, float]:
    """From where to where the colours go."""
    enough = bins.loc[bins["count"] >= FEWEST, "mean"]
    means = enough if len(enough) else bins["mean"]
    low, high = float(means.min()), float(means.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def color_bar(measure: Measure, title: str) -> dict[str, Any]:
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
        "tickformat": measure.digits,
        "labelalias": PERCENT_LABELS if measure.label else None,
        "tickfont_color": TEXT,
        "outlinewidth": 0,
        "title": {"text": shown(title, 40), "side": "top", "font": {"color": TEXT}},
    }


def _marks(measure: Measure, bins: pd.DataFrame, x: MapAxis, y: MapAxis) -> go.Scatter:
    """An unseen mark in each cell: Streamlit hears of no click on a tile."""
    rows = {(a, b): at for at, (a, b) in enumerate(zip(bins["x"], bins["y"], strict=True))}
    cells = [(a, b) for b in range(len(y.names)) for a in range(len(x.names))]
    texts = []
    for a, b in cells:
        where = f"{shown(x.where(a), 80)}<br>{shown(y.where(b), 80)}"
        at = rows.get((a, b))
        words = "no case" if at is None else _bin_text(measure, bins, at)
        texts.append(f"{where}<br>{words}")
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


def _bin_text(measure: Measure, bins: pd.DataFrame, at: int) -> str:
    mean, cases = float(bins["mean"].iloc[at]), plural(int(bins["count"].iloc[at]), "case")
    if measure.label:
        return f"{shown(measure.label, 60)} in {measure.text(mean)} of {cases}"
    return f"mean {shown(measure.text(mean), 60)}, {cases}"


def by_bin(measure: Measure, bins: pd.DataFrame, side: MapAxis, mean: float) -> Chart:
    """A bar for each bin of one feature, for a mean answer a point; ``mean`` is that of all."""
    title = _title(measure, bins, [side])
    places = list(range(len(bins)))
    values = bins["mean"].tolist()
    names = [side.names[place] for place in bins["x"]]
    labels = [
        f"{measure.text(value)} of {count:,}"
        if measure.label
        else f"{measure.text(value)} · {count:,}"
        for value, count in zip(values, bins["count"], strict=True)
    ]
    common: dict[str, Any] = {
        "y": places,
        "x": values,
        "customdata": places,
        "hovertext": [
            f"{shown(side.where(place), 80)}<br>{_bin_text(measure, bins, at)}"
            for at, place in enumerate(bins["x"])
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    figure = go.Figure([_bars(common) if measure.label else _points(common)])
    low, high = (0.0, max(values)) if measure.label else (min(values), max(values))
    reach = (high - low) or 1.0
    words = [shown(text) for text in labels]
    figure.add_traces([words_beside(words, high + reach * 0.05)])
    for dash, width, color in (("solid", 5, PAPER), ("dash", 2, REFERENCE)):
        figure.add_vline(x=mean, line={"dash": dash, "width": width, "color": color})
    lay_out(figure, height=110 + BAR_HEIGHT * max(len(bins), 2), legend=False, direction="v")
    begin = 0.0 if measure.label else low - reach * 0.08
    ticks = share_ticks(high) if measure.label else {"tickformat": measure.digits}
    ends = [begin, high + reach * 0.6]
    figure.update_xaxes(title_text=shown(measure.axis, 60), range=ends, zeroline=False, **ticks)
    figure.update_yaxes(
        title_text=shown(side.title, 60),
        tickvals=places,
        ticktext=[shown(name, LONGEST_LEVEL) for name in names],
        autorange="reversed",
    )
    alt = f"Bars, one for each bin or level: {measure.axis}. {title}."
    table = _table(measure, bins, [side])
    return Chart(title, alt, figure, table, (measure.axis,) if measure.label else ())


def _bars(common: dict[str, Any]) -> go.Bar:
    return go.Bar(**common, orientation="h", marker_color=MODEL)


def _points(common: dict[str, Any]) -> go.Scatter:
    marker = {"color": MODEL, "size": 11, "symbol": "diamond"}
    return go.Scatter(**common, mode="markers", marker=marker)
