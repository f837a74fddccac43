"""Feedback review as figures: how often the model is right, and how far its numbers lie off.

Colours are the places of a palette: the page puts in those of its theme, so that a figure reads in
light and dark alike. Points beyond a few hundred are counted first, never sent one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from second_opinion.statistics.bars import round_edges
from second_opinion.statistics.calibration import BlandAltman

# What Streamlit's plotly theme replaces: #000001 is the first of chartCategoricalColors.
MODEL, EXPERTS, REFERENCE = "#000001", "#000002", "#000007"
MOST_POINTS = 400
MOST_GROUPS = 30
LONGEST_NAME = 32


def shares(names: Sequence[str], known: pd.DataFrame) -> go.Figure:
    """The share right of each group with its interval; ``known`` as `with_agreement` gives it."""
    known, names = known.head(MOST_GROUPS), list(names)[:MOST_GROUPS]
    places = list(range(len(known)))
    share = known["share"].to_numpy(float)
    points = go.Scatter(
        x=share,
        y=places,
        mode="markers",
        marker={"color": MODEL, "size": 10, "symbol": "diamond"},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": known["high"].to_numpy(float) - share,
            "arrayminus": share - known["low"].to_numpy(float),
        },
        text=[f"{right} of {right + wrong}" for right, wrong in _counts(known)],
        hovertemplate="right in %{x:.1%} (%{text})<extra></extra>",
    )
    figure = _laid_out(go.Figure([points]), 90 + 30 * max(len(known), 2))
    figure.update_xaxes(title="Share right", tickformat=".0%", range=[0, 1.02])
    shown = [_shown(name) for name in names]
    figure.update_yaxes(tickvals=places, ticktext=shown, autorange="reversed")
    return figure


def by_day(known: pd.DataFrame) -> go.Figure:
    """The share right of each day with its interval, and the number of verdicts below."""
    known = known.sort_values("day").tail(366)
    share = known["share"].to_numpy(float)
    line = go.Scatter(
        x=known["day"].tolist(),
        y=share,
        mode="lines+markers",
        line={"color": MODEL, "width": 2},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": known["high"].to_numpy(float) - share,
            "arrayminus": share - known["low"].to_numpy(float),
            "thickness": 1,
        },
        text=[f"{right} of {right + wrong}" for right, wrong in _counts(known)],
        hovertemplate="%{x|%d %b %Y}: right in %{y:.1%} (%{text})<extra></extra>",
    )
    figure = _laid_out(go.Figure([line]), 260)
    figure.update_xaxes(title="Day (UTC)", type="date")
    figure.update_yaxes(title="Share right", tickformat=".0%", range=[0, 1.04])
    return figure


def confusion(counts: pd.DataFrame, names: Sequence[str], *, normalised: bool) -> go.Figure:
    """The model (rows) against what counts as right (columns), as a map of counts or shares."""
    values = counts.to_numpy(float)
    form = "{:.0%}" if normalised else "{:,.0f}"
    cells = [[form.format(v) if v == v else "" for v in row] for row in values]
    shown = [_shown(name) for name in names]
    places = list(range(len(shown)))
    # Opaque, as plotly chooses light or dark words by the colour of each tile.
    scale = [[0, "#E2E8F0"], [1, "#0F766E"]]
    tiles = go.Heatmap(
        z=np.nan_to_num(values),
        x=places,
        y=places,
        text=cells,
        texttemplate="%{text}",
        textfont={"size": 15},
        colorscale=scale,
        showscale=False,
        xgap=2,
        ygap=2,
        hovertemplate="%{text}<extra></extra>",
    )
    figure = _laid_out(go.Figure([tiles]), 120 + 44 * max(len(shown), 3))
    ticks: dict[str, Any] = {"tickvals": places, "ticktext": shown, "showgrid": False}
    figure.update_xaxes(title="What counts as right", **ticks)
    figure.update_yaxes(title="The model said", autorange="reversed", **ticks)
    return figure


def bland_altman(pairs: pd.DataFrame, limits: BlandAltman, unit: str) -> go.Figure:
    """The differences over the means, with the bias and the limits of agreement as lines.

    Of many pairs, ``value`` and ``answer``, an even part is drawn.
    """
    drawn = pairs.iloc[:: max(1, -(-len(pairs) // MOST_POINTS))]
    means = ((drawn["value"] + drawn["answer"]) / 2).to_numpy(float)
    gaps = (drawn["value"] - drawn["answer"]).to_numpy(float)
    points = go.Scatter(
        x=means,
        y=gaps,
        mode="markers",
        marker={"color": MODEL, "size": 7, "opacity": 0.6},
        hovertemplate="%{y:.3g}<extra></extra>",
    )
    figure = _laid_out(go.Figure([points]), 320)
    for at, dash, name in (
        (limits.bias, "solid", "mean"),
        (limits.low, "dash", "lower limit"),
        (limits.high, "dash", "upper limit"),
    ):
        figure.add_hline(
            y=at,
            line={"color": EXPERTS, "dash": dash, "width": 2},
            annotation={"text": f"{name} {at:.3g}", "xanchor": "right"},
        )
    figure.update_xaxes(title=_axis("Mean of model and expert", unit))
    figure.update_yaxes(title=_axis("Model − expert", unit))
    return figure


def errors(pairs: pd.DataFrame, unit: str) -> go.Figure:
    """How many differences lie between round numbers."""
    gaps = (pairs["value"] - pairs["answer"]).to_numpy(float)
    edges = round_edges(float(gaps.min()), float(gaps.max()), 24)
    counts, _ = np.histogram(gaps, edges)
    bars = go.Bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={"color": MODEL},
        customdata=np.stack([edges[:-1], edges[1:]], axis=1),
        hovertemplate="%{customdata[0]} to %{customdata[1]}: %{y:,}<extra></extra>",
    )
    figure = _laid_out(go.Figure([bars]), 320)
    figure.update_xaxes(title=_axis("Model − expert", unit))
    figure.update_yaxes(title="Verdicts")
    return figure


def _counts(known: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(known["right"].tolist(), known["wrong"].tolist(), strict=True))


def _laid_out(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        showlegend=False,
        dragmode=False,
        hovermode="closest",
    )
    both: dict[str, Any] = {"fixedrange": True, "automargin": True, "zeroline": False}
    figure.update_xaxes(**both)
    figure.update_yaxes(**both)
    return figure


def _axis(name: str, unit: str) -> str:
    return f"{name} ({_shown(unit)})" if unit else name


def _shown(name: str) -> str:
    """A text as plotly draws it as it stands: plotly takes tags for markup."""
    cut = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
