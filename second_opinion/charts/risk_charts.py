"""Charts of what the experts said of risks."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from second_opinion.charts.chart import BAR_HEIGHT, EXPERTS, MODEL, REFERENCE, Chart, lay_out
from second_opinion.formatting import plural
from second_opinion.statistics.risk_bands import SIDES

WORDS = dict(zip(SIDES, ("Too low", "About right", "Too high", "Wrong, not said how"), strict=True))
LOOKS = dict(
    zip(SIDES, ((EXPERTS, "/"), (MODEL, ""), (EXPERTS, "x"), (REFERENCE, ".")), strict=True)
)
NOT_OUTCOMES = (
    "That a risk is about right does not say whether it came true, so it is not held against how "
    "often the model is right."
)


def drawn(counts: pd.DataFrame) -> dict[str, str]:
    """The sides that `by_band` draws, with their words; ``counts`` as `risk_bands.counts`."""
    return {side: WORDS[side] for side in SIDES if side != "not_said" or counts[side].any()}


def by_band(counts: pd.DataFrame) -> Chart:
    """How many verdicts call the risks of a band too low, about right or too high; ``counts`` as
    `risk_bands.counts` gives it. The bars are numbered through the sides in turn."""
    places = list(range(len(counts)))
    sides = drawn(counts)
    figure = go.Figure(
        [
            go.Bar(
                y=places,
                x=counts[side].tolist(),
                orientation="h",
                name=words,
                marker={
                    "color": LOOKS[side][0],
                    "pattern": {"shape": LOOKS[side][1], "solidity": 0.25},
                },
                customdata=[at * len(places) + place for place in places],
                text=counts["band"].tolist(),
                textposition="none",
                hovertemplate="Risk %{text}: %{x:,}<extra>%{fullData.name}</extra>",
            )
            for at, (side, words) in enumerate(sides.items())
        ]
    )
    height = 110 + (BAR_HEIGHT + 4) * max(len(counts), 2)
    lay_out(figure, height=height, legend=True, direction="v")
    figure.update_layout(barmode="stack", bargap=0.25)
    figure.update_xaxes(title_text="Verdicts")
    figure.update_yaxes(
        title_text="Risk",
        tickvals=places,
        ticktext=counts["band"].tolist(),
        autorange="reversed",
        showgrid=False,
    )
    table = counts[["band", *sides]].rename(columns={"band": "Risk", **sides})
    title = _title(counts, sides)
    return Chart(title, f"Bars, one for each band of risk. {title}.", figure, table)


def _title(counts: pd.DataFrame, sides: dict[str, str]) -> str:
    total = plural(int(counts[list(sides)].to_numpy().sum()), "verdict")
    parts = [f"{int(counts[side].sum()):,} {words.lower()}" for side, words in sides.items()]
    return f"Of {total} on risks: {', '.join(parts)}"
