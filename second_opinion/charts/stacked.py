"""Charts of the answers stacked on one another, by confidence and by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from second_opinion.charts.chart import (
    MODEL,
    REFERENCE,
    SHARES,
    TEXT,
    Chart,
    axis_of,
    lay_out,
    shown,
)
from second_opinion.formatting import alike, percent, plural, round_to_three, share_text
from second_opinion.models.card import ModelCard
from second_opinion.records.value import key_of
from second_opinion.statistics.tallies import OTHERS

CLASSES = (MODEL, "#000003", "#000004", "#000005", "#000006")
PATTERNS = ("", "/", ".", "x", "-", "+")
MOST_CLASSES = 8
DAY = 86_400_000


def confidence(card: ModelCard, pairs: pd.DataFrame, low: int, sure: int) -> Chart:
    """How sure the model is, by answer.

    ``pairs`` as `Pairs` gives it: ``x`` the low end of a bin, ``y`` the answer; ``low`` of the
    ``sure`` cases with a confidence are under the card's band.
    """
    band = percent(card.bands.low)
    title = f"The model is less than {band} sure of {low:,} of {plural(sure, 'case')}"
    title += f" ({share_text(low / sure)})" if sure else ""
    ends, stacked = _stacked(card, pairs)
    figure = go.Figure(_stack([float(end) + 0.025 for end in ends], stacked, 0.05, "Cases: %{y:,}"))
    numbers = pd.DataFrame({"From": [percent(float(end)) for end in ends], **stacked})
    figure.add_vline(x=card.bands.low, line={"dash": "dash", "width": 2, "color": REFERENCE})
    figure.add_annotation(
        x=card.bands.low,
        y=1,
        yref="paper",
        xanchor="right",
        showarrow=False,
        text="not sure  ",
        font_color=TEXT,
    )
    lay_out(figure, legend=True, direction="h")
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title_text="How sure (probability of the answer)", tickformat=".0%")
    figure.update_yaxes(title_text="Cases")
    return Chart(title, f"Histogram of how sure the model is, by answer. {title}.", figure, numbers)


def groups(card: ModelCard, answers: Iterable[Any]) -> list[list[Any]]:
    """The distinct answers in the card's order, as they are stacked: one by one, and where there
    are many, the last of them together."""
    values = list({key_of(value): value for value in answers}.values())
    ranks = {key_of(value): at for at, value in enumerate(card.class_values)}
    values.sort(key=lambda value: (ranks.get(key_of(value), len(ranks)), str(value)))
    if len(values) <= MOST_CLASSES:
        return [[value] for value in values]
    return [*([value] for value in values[: MOST_CLASSES - 1]), values[MOST_CLASSES - 1 :]]


def _stacked(card: ModelCard, pairs: pd.DataFrame) -> tuple[list[Any], dict[str, list[int]]]:
    """A result of `Pairs` as the places along the axis, in order, and the counts at each of them
    for each group of answers by its name."""
    places = {place: at for at, place in enumerate(sorted(set(pairs["x"])))}
    columns = groups(card, pairs["y"])
    column_of = {key_of(value): at for at, group in enumerate(columns) for value in group}
    counts = np.zeros((len(columns), len(places)), dtype=int)
    for x, y, count in zip(pairs["x"], pairs["y"], pairs["count"], strict=True):
        counts[column_of[key_of(y)], places[x]] += count
    names = [OTHERS if len(group) > 1 else _answer_name(card, group[0]) for group in columns]
    # Two classes may have one label.
    named = [f"{name} ({at})" if name in names[:at] else name for at, name in enumerate(names)]
    return list(places), dict(zip(named, counts.tolist(), strict=True))


def _stack(
    places: list[Any], stacked: Mapping[str, Sequence[float]], width: float, hover: str
) -> list[go.Bar]:
    """Bars on top of one another, numbered through all of them."""
    return [
        go.Bar(
            x=places,
            y=counts,
            width=width,
            name=shown(name),
            marker={
                "color": CLASSES[at % len(CLASSES)],
                "pattern": {"shape": PATTERNS[at % len(PATTERNS)], "solidity": 0.25},
            },
            customdata=[at * len(places) + place for place in range(len(places))],
            hovertemplate=hover + "<extra>%{fullData.name}</extra>",
        )
        for at, (name, counts) in enumerate(stacked.items())
    ]


def _answer_name(card: ModelCard, value: Any) -> str:
    return "Predictions" if card.task == "regression" else card.label(value)


def per_day(card: ModelCard, pairs: pd.DataFrame) -> Chart:
    """Predictions a day by answer; ``pairs`` as `Pairs` gives it: ``x`` the day, ``y`` the
    answer ("all" for a regression)."""
    days, stacked = _stacked(card, pairs)
    numbers = pd.DataFrame({"Day": days, **stacked})
    each = numbers.drop(columns="Day").sum(axis=1)
    title = f"{plural(int(each.sum()), 'prediction')} on {plural(len(days), 'day')}"
    fullest = [day for day, count in zip(days, each, strict=True) if count == each.max()]
    if len(days) > 1:
        most = "most of them" if len(fullest) == 1 else "equally many"
        title += f", {most} on {alike(fullest)} ({each.max():,}{' each' * (len(fullest) > 1)})"
    figure = go.Figure(_stack(days, stacked, DAY * 0.9, "%{x|%d %b %Y}: %{y:,}"))
    lay_out(figure, legend=len(stacked) > 1, direction="h")
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title_text="Day (UTC)", type="date", **day_ticks(days))
    figure.update_yaxes(title_text="Predictions")
    return Chart(title, f"Bars, one for each day. {title}.", figure, numbers)


def shares_per_day(card: ModelCard, pairs: pd.DataFrame) -> Chart:
    """The share of each answer by day; ``pairs`` and the numbers of the bars as in `per_day`."""
    days, stacked = _stacked(card, pairs)
    totals = np.sum(list(stacked.values()), axis=0)
    shares = {name: (np.array(counts) / totals).tolist() for name, counts in stacked.items()}
    last = {name: each[-1] for name, each in shares.items()}
    most = max(last, key=lambda name: last[name])
    title = f"{most} makes {share_text(last[most])} of the answers of {days[-1]}"
    if len(days) > 1:
        title += f", {share_text(shares[most][0])} of those of {days[0]}"
    figure = go.Figure(_stack(days, shares, DAY * 0.9, "%{x|%d %b %Y}: %{hovertext}"))
    for bar in figure.data:
        bar.hovertext = [share_text(share) for share in bar.y]
    lay_out(figure, legend=True, direction="h")
    figure.update_layout(barmode="stack")
    figure.update_xaxes(title_text="Day (UTC)", type="date", **day_ticks(days))
    figure.update_yaxes(title_text="Share of predictions", tickformat=".0%")
    table = pd.DataFrame({"Day": days, "Predictions": totals, **shares})
    return Chart(title, f"Bars, one for each day. {title}.", figure, table, tuple(shares))


def day_ticks(days: Sequence[str]) -> dict[str, Any]:
    """Ticks for ISO days in their order: each day where they lie close together."""
    first, last = (np.datetime64(day, "D") for day in (days[0], days[-1]))
    return (
        {"dtick": DAY, "tickformat": "%d %b"}
        if (last - first).astype(int) < 8
        else {"tickformat": "%d %b<br>%Y"}
    )


def mean_per_day(card: ModelCard, means: pd.DataFrame) -> Chart:
    """Mean confidence by day, of a regression the mean answer; ``means`` as `Means` gives it."""
    overall = float(np.average(means["mean"], weights=means["count"]))
    if card.task == "regression":
        unit = f" {card.target.unit}" if card.target.unit else ""
        title = f"The mean prediction is {round_to_three(overall)}{unit}"
        axis, digits = axis_of("Mean prediction", card.target.unit), ",.4~g"
        words = [round_to_three(mean) for mean in means["mean"]]
    else:
        title = f"The model is {percent(overall)} sure on average"
        axis, digits = "Mean confidence", ".0%"
        words = [percent(mean) for mean in means["mean"]]
    line = go.Scatter(
        x=means["group"].tolist(),
        y=means["mean"].tolist(),
        mode="lines+markers",
        line={"color": MODEL, "width": 2.5},
        marker={"size": 8},
        customdata=list(range(len(means))),
        text=[
            f"{mean}, {plural(count, 'case')}"
            for mean, count in zip(words, means["count"], strict=True)
        ],
        hovertemplate="%{x|%d %b %Y}: %{text}<extra></extra>",
    )
    figure = go.Figure([line])
    lay_out(figure, legend=False, direction="h")
    figure.update_xaxes(title_text="Day (UTC)", type="date", **day_ticks(means["group"].tolist()))
    figure.update_yaxes(title_text=shown(axis, 60), tickformat=digits)
    table = pd.DataFrame({"Day": means["group"], "Cases": means["count"], axis: means["mean"]})
    return Chart(title, f"A line over the days. {title}.", figure, table, SHARES)
