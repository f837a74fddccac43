"""Bars of levels and of numbers, alone or beside the same of other cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from second_opinion.charts.chart import (
    BAR_HEIGHT,
    EXPERTS,
    MODEL,
    PAPER,
    REFERENCE,
    Chart,
    axis_of,
    lay_out,
    share_ticks,
    shown,
    words_beside,
)
from second_opinion.formatting import alike, number_text, plural, share_text
from second_opinion.models.card import ModelCard
from second_opinion.records.value import same_value
from second_opinion.schema import Feature
from second_opinion.statistics.drift import LEAST_SIZE
from second_opinion.statistics.tallies import OTHERS


@dataclass(frozen=True)
class Beside:
    """The shares of something else, one for each bar: ``name`` says of what."""

    name: str
    shares: np.ndarray


def answer_bars(
    card: ModelCard, counts: pd.DataFrame, rows: int, beside: Beside | None = None
) -> Chart:
    """How often the model says what; ``counts`` as `Counts` or `Histogram` give it."""
    if card.task == "regression":
        low, high = counts["low"].iloc[0], counts["high"].iloc[-1]
        unit = f" {card.target.unit}" if card.target.unit else ""
        between = f"{number_text(float(low))} and {number_text(float(high))}{unit}"
        title = f"The {plural(rows, 'prediction')} lie between {between}"
        return histogram(title, counts, axis_of("Predicted", card.target.unit), beside)
    row = counts.iloc[class_to_tell(card, counts)]
    cases = f"{row['count']:,} of {plural(rows, 'case')} ({share_text(row['share'])})"
    title = f"{card.label(row['value'])} is predicted for {cases}"
    return levels(title, counts, card.label, "The model says", beside)


def class_to_tell(card: ModelCard, counts: pd.DataFrame) -> int:
    """The row of the positive class where there is one, else of the commonest."""
    matches = [same_value(value, card.positive) for value in counts["value"]]
    return matches.index(True) if card.positive is not None and any(matches) else 0


def levels(
    title: str,
    counts: pd.DataFrame,
    label: Callable[[Any], str],
    axis: str,
    beside: Beside | None = None,
) -> Chart:
    """Bars of levels, one below the other so that their names fit."""
    names = [OTHERS if value == OTHERS else label(value) for value in counts["value"]]
    places = list(range(len(counts)))
    texts = [
        f"{count:,} · {share_text(share)}"
        for count, share in zip(counts["count"], counts["share"], strict=True)
    ]
    bars = go.Bar(
        y=places,
        x=counts["share"].tolist(),
        orientation="h",
        name="These cases",
        marker_color=MODEL,
        text=texts,
        textposition="none",
        customdata=places,
        hovertext=[shown(name, 80) for name in names],
        hovertemplate="%{hovertext}<br>%{text}<extra></extra>",
    )
    table = pd.DataFrame({axis: names, "Cases": counts["count"], "Share": counts["share"]})
    figure = go.Figure([bars])
    most = float(counts["share"].max()) if len(counts) else 1.0
    if beside is not None:
        table[beside.name] = beside.shares
        most = max(most, float(np.nanmax(beside.shares)))
        figure.add_traces(_marks(places, beside))
    figure.add_traces([words_beside(texts, most * 1.04)])
    height = 110 + BAR_HEIGHT * max(len(counts), 2)
    lay_out(figure, height=height, legend=beside is not None, direction="v")
    figure.update_xaxes(title_text="Share of cases", range=[0, most * 1.4 or 1])
    figure.update_xaxes(**share_ticks(most))
    figure.update_yaxes(
        title_text=shown(axis, 60),
        tickvals=places,
        ticktext=[shown(name) for name in names],
        autorange="reversed",
        automargin=True,
    )
    return Chart(
        title, f"Bars, one for each answer or level. {title}.", figure, table, _from(table, "Share")
    )


def _marks(places: list[int], beside: Beside) -> list[go.Scatter]:
    """A mark for each share, with a rim so that it shows on a bar."""
    return [
        go.Scatter(
            y=places,
            x=beside.shares.tolist(),
            mode="markers",
            name=shown(beside.name),
            showlegend=width < 5,
            marker={"symbol": "line-ns", "size": 18, "line": {"width": width, "color": color}},
            unselected_marker_opacity=1,
            text=[share_text(share) for share in beside.shares],
            hovertemplate="%{text}<extra>%{fullData.name}</extra>",
        )
        for width, color in ((8, PAPER), (4, REFERENCE))
    ]


def _outline(middles: list[Any], beside: Beside) -> list[go.Scatter]:
    """A line along the shares, with a rim so that it shows on bars."""
    looks = (("solid", 5, PAPER), ("dot", 2.5, REFERENCE))
    return [
        go.Scatter(
            x=middles,
            y=beside.shares.tolist(),
            mode="lines",
            name=shown(beside.name),
            showlegend=dash == "dot",
            line={"shape": "hvh", "color": color, "width": width, "dash": dash},
            text=[share_text(share) for share in beside.shares],
            hovertemplate="%{text}<extra>%{fullData.name}</extra>",
        )
        for dash, width, color in looks
    ]


def histogram(
    title: str, bins: pd.DataFrame, axis: str, beside: Beside | None = None, of: str = "cases"
) -> Chart:
    """Bars of numbers or dates between edges; ``of`` says what is counted."""
    middles, widths, low, high = _places(bins)
    is_date = bins["low"].dtype.kind == "M"
    bars = go.Bar(
        x=middles,
        y=bins["share"].tolist(),
        width=widths,
        name="These cases",
        marker_color=MODEL,
        customdata=list(range(len(bins))),
        text=[
            f"{plural(count, of.removesuffix('s'))}, {share_text(share)}"
            for count, share in zip(bins["count"], bins["share"], strict=True)
        ],
        textposition="none",
        hovertext=[f"{a} up to {b}" for a, b in zip(low, high, strict=True)],
        hovertemplate="%{hovertext}<br>%{text}<extra></extra>",
    )
    figure = go.Figure([bars])
    table = pd.DataFrame({"From": low, "Up to": high, of.capitalize(): bins["count"]})
    table["Share"] = bins["share"]
    if beside is not None:
        table[beside.name] = beside.shares
        figure.add_traces(_outline(middles, beside))
    lay_out(figure, legend=beside is not None, direction="h")
    figure.update_xaxes(title_text=shown(axis, 60), type="date" if is_date else "linear")
    shares = bins["share"].to_numpy(dtype=float)
    most = float(np.nanmax(shares if beside is None else np.append(shares, beside.shares)))
    figure.update_yaxes(title_text=f"Share of {of}", rangemode="tozero", **share_ticks(most))
    return Chart(title, f"Histogram, {axis}. {title}.", figure, table, _from(table, "Share"))


def _places(bins: pd.DataFrame) -> tuple[list[Any], list[float], list[str], list[str]]:
    """Where the bars stand, how wide they are, and their edges in words."""
    if bins["low"].dtype.kind == "M":
        middles = bins["low"] + (bins["high"] - bins["low"]) / 2
        widths = (bins["high"] - bins["low"]).dt.total_seconds() * 1000
        edges = [bins[end].dt.strftime("%Y-%m-%d").tolist() for end in ("low", "high")]
        return middles.dt.strftime("%Y-%m-%dT%H:%M:%S").tolist(), widths.tolist(), *edges
    middles = (bins["low"] + bins["high"]) / 2
    edges = [[number_text(float(edge)) for edge in bins[end]] for end in ("low", "high")]
    return middles.tolist(), (bins["high"] - bins["low"]).tolist(), *edges


def feature(
    described: Feature, counts: pd.DataFrame, words: str, beside: Beside | None = None
) -> Chart:
    """One feature of the cases; ``words`` end the title that begins with its label."""
    title = f"{described.label} {words}"
    if described.shape in ("number", "date"):
        return histogram(title, counts, axis_of(described.label, described.unit), beside)
    return levels(title, counts, described.text, described.label, beside)


def drift_words(verdict: str) -> str:
    """What a comparison found of a feature, in the words of the pages."""
    return {"moved": "differs", "steady": "is alike"}.get(verdict, verdict)


def drift(distances: pd.DataFrame, names: Sequence[str], reference: str) -> Chart:
    """How far each feature lies from the reference; ``distances`` as `drift.compare` gives it."""
    sized = distances.assign(name=list(names)).dropna(subset=["size"])
    sized = sized.sort_values("size", ascending=False, kind="stable")
    moved_features = sized.loc[sized["moved"], "name"].tolist()
    differ = "differs" if len(moved_features) == 1 else "differ"
    title = f"{len(moved_features)} of {plural(len(sized), 'feature')} {differ} from {reference}"
    if moved_features:
        size = sized["size"].round(2)
        furthest = sized.loc[sized["moved"] & (size == size.max()), "name"].tolist()
        equally = "equally far" if len(furthest) > 1 else "the most"
        title += f", {alike(furthest)} {equally} ({size.max():.2f})"
    places = list(range(len(sized)))
    words = [
        f"{size:.2f} {drift_words(verdict)}" for size, verdict in sized[["size", "verdict"]].values
    ]
    most = max(float(sized["size"].max()) if len(sized) else 1.0, LEAST_SIZE)
    bars = go.Bar(
        y=places,
        x=sized["size"].tolist(),
        orientation="h",
        marker={
            "color": [EXPERTS if is_moved else REFERENCE for is_moved in sized["moved"]],
            "pattern": {"shape": ["/" if is_moved else "" for is_moved in sized["moved"]]},
        },
        unselected_marker_opacity=0.5,
        text=words,
        textposition="none",
        customdata=places,
        hovertemplate="%{text}<extra></extra>",
    )
    figure = go.Figure([bars, words_beside(words, most * 1.04)])
    figure.add_vline(x=LEAST_SIZE, line={"dash": "dash", "width": 2, "color": REFERENCE})
    lay_out(figure, height=110 + BAR_HEIGHT * max(len(sized), 2), legend=False, direction="v")
    figure.update_xaxes(
        title_text="Distance (0 the same, 1 nothing in common)", range=[0, most * 1.5]
    )
    figure.update_yaxes(
        tickvals=places,
        ticktext=[shown(name) for name in sized["name"]],
        autorange="reversed",
        automargin=True,
    )
    table = sized[["name", "size", "verdict"]]
    table = table.set_axis(["Feature", "Distance", "Verdict"], axis=1).reset_index(drop=True)
    return Chart(title, f"Bars, one for each feature. {title}.", figure, table)


def _from(table: pd.DataFrame, name: str) -> tuple[str, ...]:
    """This column and all that follow."""
    return tuple(table.columns[table.columns.get_loc(name) :])
