"""What all charts have in common: a title, a figure, its numbers, and one layout.

Colours are the places of a palette: the page puts in those of its theme, so that a figure reads in
light and dark alike. What belongs to whom is also told by pattern, dash or mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from second_opinion.formatting import cut, round_down

# What Streamlit's plotly theme replaces: #000001 is the first of chartCategoricalColors.
MODEL, EXPERTS, REFERENCE = "#000001", "#000002", "#000007"
TEXT, PAPER = "#000037", "#000038"
LONGEST_NAME = 32
HEIGHT, BAR_HEIGHT = 300, 26
# The buttons have a row of their own: they would hide marks, and on a phone the legend.
BUTTONS, LEGEND = 24, 24
# Columns of the tables that are fractions.
SHARES = (
    *("Mean confidence", "Agree", "At least", "At most", "How sure"),
    *("Right", "Wrong", "Share of cases", "At least so sure"),
)


WHOLE_PERCENT = ".0%"
PERCENT_LABELS = {f"{number}%": f"{number} %" for number in range(101)}


@dataclass(frozen=True)
class Chart:
    """One drawing: ``title`` says in words what ``figure`` shows, ``table`` has its numbers, of
    which those in the columns ``shares`` are fractions.

    Each bar and point of the first trace has the number of its row of the table as custom data.
    """

    title: str
    alt: str
    figure: go.Figure
    table: pd.DataFrame
    shares: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Write the shares at the axes as everywhere else: plotly has no blank before its %."""
        for axes in (self.figure.select_xaxes(), self.figure.select_yaxes()):
            for axis in axes:
                if axis.tickformat == WHOLE_PERCENT:
                    axis.labelalias = PERCENT_LABELS


def words_beside(texts: Sequence[str], at: float) -> go.Scatter:
    """Words in a column right of bars, so that no mark stands on them."""
    return go.Scatter(
        y=list(range(len(texts))),
        x=[at] * len(texts),
        mode="text",
        text=list(texts),
        textposition="middle right",
        textfont_color=TEXT,
        unselected_textfont_color=TEXT,
        showlegend=False,
        hoverinfo="skip",
    )


def lay_out(
    figure: go.Figure, *, height: int = HEIGHT, legend: bool, direction: str | None = None
) -> None:
    """What all figures have in common; with a ``direction`` a range of bars can be selected.

    Above the ``height`` comes a row for the buttons.
    """
    figure.update_layout(
        height=height + BUTTONS,
        margin={"l": 8, "r": 8, "t": 12 + BUTTONS + legend * LEGEND, "b": 8},
        showlegend=legend,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        modebar={"color": TEXT, "activecolor": MODEL, "bgcolor": PAPER},
        bargap=0.08,
        # Streamlit lets a click select bars in this mode alone, and draws over several in another.
        dragmode="pan" if direction else False,
        hovermode="closest",
    )
    if direction:
        figure.update_layout(selectdirection=direction)
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(fixedrange=True, automargin=True, tickfont_color=TEXT, title_font_color=TEXT)


def share_ticks(most: float) -> dict[str, Any]:
    """Round shares up to the largest one: the room beside it for words is no share."""
    step = max(round_down(most / 3), 0.01)
    return {"tickformat": ".0%", "tickvals": (np.arange(most // step + 1) * step).tolist()}


def whiskers(at: pd.Series[float], low: pd.Series[float], high: pd.Series[float]) -> dict[str, Any]:
    """The intervals around points, as plotly's ``error_x`` and ``error_y`` take them."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (high - at).tolist(),
        "arrayminus": (at - low).tolist(),
        "thickness": 2,
    }


def axis_of(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def shown(name: str, most: int = LONGEST_NAME) -> str:
    """A text of the data as plotly draws it as it stands: plotly takes tags for markup."""
    return cut(name, most).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
