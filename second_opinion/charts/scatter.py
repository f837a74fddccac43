"""Charts of what the model says of each of a few cases, by two features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from second_opinion.charts.chart import PAPER, Chart, lay_out, shown
from second_opinion.charts.heatmap import SEQUENTIAL, MapAxis, Measure, color_bar
from second_opinion.charts.stacked import CLASSES

MARKS = ("circle", "diamond", "square", "x", "triangle-up", "cross", "star", "hexagon")


def scatter(
    title: str,
    measure: Measure,
    x: tuple[MapAxis, Any],
    y: tuple[MapAxis, Any],
    groups: Sequence[tuple[str, Sequence[int]]],
    answers: Sequence[str],
    values: Sequence[float],
) -> Chart:
    """A point for each of a few cases: the features with their columns, and what the model says
    of each case.

    ``groups`` are the classes with the places of their cases, each with a colour and a mark of its
    own; without any the colour is that of ``values``, the numbers that the model gives.
    """
    sides = [side for side, _ in (x, y)]
    across, up = (_along(side, column) for side, column in (x, y))
    texts = [
        f"{_axis_text(sides[0], a)}<br>{_axis_text(sides[1], b)}<br>{shown(c, 60)}"
        for a, b, c in zip(_words(*x), _words(*y), answers, strict=True)
    ]
    traces = [(name, list(places)) for name, places in groups] or [("", list(range(len(answers))))]
    figure = go.Figure(
        [
            go.Scatter(
                x=[across[place] for place in places],
                y=[up[place] for place in places],
                mode="markers",
                name=shown(name),
                marker=_marker(measure, at, values if not groups else None),
                customdata=places,
                hovertext=[texts[place] for place in places],
                hovertemplate="%{hovertext}<extra></extra>",
            )
            for at, (name, places) in enumerate(traces)
        ]
    )
    lay_out(figure, height=420, legend=bool(groups), direction="any")
    if not groups:
        figure.update_layout(margin_t=72)
    figure.update_xaxes(title_text=shown(sides[0].title, 60), zeroline=False, **_scale(sides[0]))
    figure.update_yaxes(title_text=shown(sides[1].title, 60), zeroline=False, **_scale(sides[1]))
    names = [sides[0].title, sides[1].title]
    names[1] += " (2)" * (names[1] == names[0])
    table = pd.DataFrame({names[0]: _words(*x), names[1]: _words(*y), "The model says": answers})
    alt = f"Points, one for each case, {sides[0].title} by {sides[1].title}. {title}."
    return Chart(title, alt, figure, table)


def _axis_text(side: MapAxis, value: str) -> str:
    return f"{shown(side.feature.label, 60)}: {shown(value, 60)}"


def _marker(measure: Measure, at: int, values: Sequence[float] | None) -> dict[str, Any]:
    look: dict[str, Any] = {"size": 9, "opacity": 0.85, "line": {"width": 1, "color": PAPER}}
    if values is not None:
        bar = {
            "colorscale": SEQUENTIAL,
            "showscale": True,
            "colorbar": color_bar(measure, measure.each),
        }
        return {**look, "color": list(values), **bar}
    return {**look, "color": CLASSES[at % len(CLASSES)], "symbol": MARKS[at % len(MARKS)]}


def _along(side: MapAxis, column: Any) -> list[Any]:
    """Where the cases stand: names side by side, so that one does not hide another."""
    if side.axis.shape == "date":
        return [str(value)[:10] for value in column]
    if side.axis.shape == "number":
        return [float(value) for value in column]
    steps = np.arange(len(column)) * 0.618034 % 1 - 0.5
    return (side.axis.places(column) + 0.6 * steps).round(3).tolist()  # type: ignore[no-any-return]


def _words(side: MapAxis, column: Any) -> list[str]:
    if side.axis.shape == "date":
        return [str(value)[:10] for value in column]
    return [side.feature.text(value) for value in column]


def _scale(side: MapAxis) -> dict[str, Any]:
    if side.axis.shape == "date":
        return {"type": "date"}
    return {} if side.axis.shape == "number" else side.ticks
