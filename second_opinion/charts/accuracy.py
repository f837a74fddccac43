"""Charts of a review: how often the model is right, and how far its numbers lie off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from second_opinion.charts import bars
from second_opinion.charts.chart import (
    BAR_HEIGHT,
    EXPERTS,
    MODEL,
    REFERENCE,
    TEXT,
    Chart,
    axis_of,
    lay_out,
    shown,
    whiskers,
)
from second_opinion.formatting import (
    FEWEST_FOR_A_SHARE,
    alike,
    number_text,
    plural,
    share_of,
    share_text,
)
from second_opinion.records.review import NOT_NAMED
from second_opinion.statistics.calibration import BlandAltman
from second_opinion.statistics.error_rates import normalised
from second_opinion.statistics.histogram import Histogram

MOST_POINTS = 400
MOST_GROUPS = 30
# Of more classes than this a tile has no room for a share below its count.
MOST_BOTH = 5
# The words on a tile are as dark as those of the page: above this they could not be read.
DARKEST, LIGHTEST = 0.42, 0.04
TILE, GAP = 0.96, 0.02
INTERVAL = ("At least", "At most")


def right_by(where: str, axis: str, groups: pd.DataFrame) -> Chart:
    """How often the model is right in each group, with the 95 % interval; the first are drawn.

    ``groups`` has ``name`` and what `totals.with_agreement` gives; ``where`` tells of a name in
    the title, as ``by {}``.
    """
    title = _right_title(where, groups)
    rows = groups.head(MOST_GROUPS)
    places = list(range(len(rows)))
    numbers = (rows["right"] + rows["wrong"]).tolist()
    names = rows["name"].astype(str).tolist()
    labels = [
        share_of(right, n) if n else "nobody could say"
        for right, n in zip(rows["right"].tolist(), numbers, strict=True)
    ]
    figure = go.Figure([_tracks(places, names, labels), _diamonds(places, rows)])
    figure.add_scatter(
        y=places,
        x=[1.08] * len(places),
        mode="text",
        text=labels,
        textposition="middle right",
        textfont_color=TEXT,
        unselected_textfont_color=TEXT,
        hoverinfo="skip",
    )
    height = 110 + (BAR_HEIGHT + 4) * max(len(rows), 2)
    lay_out(figure, height=height, legend=False, direction="v")
    figure.update_layout(bargap=0.25)
    ticks = {"tickvals": [0, 0.5, 1], "tickformat": ".0%", "range": [0, 1.6]}
    figure.update_xaxes(title_text="Share right", zeroline=False, **ticks)
    figure.update_yaxes(
        title_text=shown(axis),
        tickvals=places,
        ticktext=[shown(name, 24) for name in names],
        autorange="reversed",
        showgrid=False,
    )
    alt = f"Points with 95 % intervals, one for each group. {title}."
    return Chart(title, alt, figure, _right_table(axis, groups), ("Share right", *INTERVAL))


def _right_title(where: str, groups: pd.DataFrame) -> str:
    judged = groups.dropna(subset=["share"])
    if not len(judged):
        return f"None of {plural(int(groups['verdicts'].sum()), 'verdict')} says right or wrong"
    right, certain = int(judged["right"].sum()), int((judged["right"] + judged["wrong"]).sum())
    if len(judged) == 1:
        verdicts = share_of(right, certain, "verdict")
        return f"The model is right in {verdicts} {where.format(judged['name'].iloc[0])}"
    enough = judged[judged["right"] + judged["wrong"] >= FEWEST_FOR_A_SHARE]
    if len(enough) < 2:
        few = f"groups of fewer than {FEWEST_FOR_A_SHARE} are not compared"
        return f"The model is right in {share_of(right, certain, 'verdict')}; {few}"
    low, high = enough["share"].min(), enough["share"].max()
    worst, best = (_tied(where, enough[enough["share"] == share]) for share in (low, high))
    title = f"The model is right in {share_text(high)} of verdicts {best}"
    return f"{title} alike" if low == high else f"{title} and {share_text(low)} {worst}"


def _tied(where: str, groups: pd.DataFrame) -> str:
    return where.format(alike(groups["name"].astype(str).tolist()))


def _right_table(axis: str, groups: pd.DataFrame) -> pd.DataFrame:
    unsure = groups["verdicts"] - groups["right"] - groups["wrong"]
    table = groups[["name", "right", "wrong"]].assign(unsure=unsure)
    table = table.join(groups[["share", "low", "high"]])
    heads = [axis, "Right", "Wrong", "Unsure", "Share right", *INTERVAL]
    return table.set_axis(heads, axis=1).reset_index(drop=True)


def _tracks(places: list[int], names: list[str], labels: list[str]) -> go.Bar:
    """A pale bar over the whole width of each group: where a click finds it."""
    return go.Bar(
        y=places,
        x=[1] * len(places),
        orientation="h",
        marker={"color": REFERENCE, "opacity": 0.14},
        unselected_marker_opacity=0.14,
        customdata=places,
        hovertext=[shown(name, 80) for name in names],
        text=labels,
        textposition="none",
        hovertemplate="%{hovertext}<br>right in %{text}<extra></extra>",
    )


def _diamonds(places: list[int], rows: pd.DataFrame) -> go.Scatter:
    return go.Scatter(
        y=places,
        x=rows["share"].tolist(),
        mode="markers",
        marker={"color": MODEL, "size": 12, "symbol": "diamond"},
        unselected_marker_opacity=1,
        error_x=whiskers(rows["share"], rows["low"], rows["high"]),
        customdata=places,
        text=[share_text(share) for share in rows["share"]],
        hovertemplate="right in %{text}<extra></extra>",
    )


def confusion(counts: pd.DataFrame, names: Sequence[str], *, as_shares: bool = False) -> Chart:
    """The model (rows) against what counts as right (columns), tile by tile, and the row sums.

    ``counts`` as `error_rates.confusion` gives them, ``names`` those of its columns. Tiles are as
    dark as their share of the row; where there is room they have the count and the share, else
    ``as_shares`` says which.
    """
    cells = _cells(counts, names)
    title = confusion_title(counts, names)
    figure = go.Figure([_tiles(cells, len(names), as_shares=as_shares), _row_sums(counts)])
    for at in range(len(counts)):
        corner = {"x0": at - 0.5 + GAP, "x1": at + 0.5 - GAP, "y0": at - 0.47, "y1": at + 0.47}
        figure.add_shape(type="rect", line={"color": MODEL, "width": 2.5}, **corner)
    height = 120 + (56 if len(names) <= MOST_BOTH else 38) * max(len(counts), 2)
    lay_out(figure, height=height, legend=False, direction="v")
    ticks: dict[str, Any] = {"showgrid": False, "zeroline": False}
    short_names = [shown(name, 24) for name in names]
    places = list(range(len(short_names)))
    last = _place_of_sums(len(short_names))
    reach = [-0.5, last + 0.35]
    labels = {"tickvals": [*places, last], "ticktext": [*short_names, "All"], "range": reach}
    figure.update_xaxes(title_text="What counts as right", **labels, **ticks)
    figure.update_yaxes(
        title_text="The model said",
        tickvals=places[: len(counts)],
        ticktext=short_names[: len(counts)],
        range=[len(counts) - 0.5, -0.5],
        **ticks,
    )
    alt = f"A table of tiles, what the model said against what counts as right. {title}."
    table = cells[["said", "right", "verdicts", "share"]]
    heads = ["The model said", "What counts as right", "Verdicts", "Share of the row"]
    return Chart(title, alt, figure, table.set_axis(heads, axis=1), (heads[-1],))


def _cells(counts: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The tiles row by row: ``row, column, said, right, verdicts, share`` (of the row)."""
    shares = normalised(counts).to_numpy(float)
    row = [at for at in range(len(counts)) for _ in names]
    column = list(range(len(names))) * len(counts)
    return pd.DataFrame(
        {
            "row": row,
            "column": column,
            "said": [names[at] for at in row],
            "right": [names[at] for at in column],
            "verdicts": counts.to_numpy().ravel(),
            "share": shares.ravel(),
        }
    )


def _tiles(cells: pd.DataFrame, size: int, *, as_shares: bool) -> go.Bar:
    """Bars beside one another: of a heat map a click tells nothing."""
    shares = cells["share"].fillna(0)
    words = [
        _tile_words(count, share, size, as_shares=as_shares)
        for count, share in zip(cells["verdicts"], cells["share"], strict=True)
    ]
    depth = (LIGHTEST + (DARKEST - LIGHTEST) * shares).round(3).tolist()
    return go.Bar(
        y=cells["row"].tolist(),
        x=[TILE] * len(cells),
        base=(cells["column"] - TILE / 2).tolist(),
        width=0.94,
        orientation="h",
        marker={"color": MODEL, "opacity": depth},
        customdata=list(range(len(cells))),
        text=words,
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        constraintext="none",
        textfont={"color": TEXT, "size": 15 if size <= MOST_BOTH else 12},
        # Without both of them a click ends in an error of plotly's.
        selected_textfont_color=TEXT,
        unselected_textfont_color=TEXT,
        hovertext=[
            f"says {shown(answer)}, right is {shown(right)}: {count:,}"
            for answer, right, count in cells[["said", "right", "verdicts"]].values
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _tile_words(count: int, share: float, size: int, *, as_shares: bool) -> str:
    part = share_text(share)
    if size <= MOST_BOTH:
        return f"{count:,}<br>{part}"
    # Of many tiles most are empty: without a nought the others are seen.
    return "" if not count else part if as_shares else f"{count:,}"


def _row_sums(counts: pd.DataFrame) -> go.Scatter:
    sums = counts.sum(axis=1).tolist()
    return go.Scatter(
        x=[_place_of_sums(counts.shape[1])] * len(sums),
        y=list(range(len(sums))),
        mode="text",
        text=[f"{total:,}" for total in sums],
        textfont={"color": TEXT, "size": 13},
        unselected_textfont_color=TEXT,
        hoverinfo="skip",
    )


def _place_of_sums(classes: int) -> float:
    """Where their column stands: on a phone there is room for it beside two classes."""
    return classes - 0.5 + 0.06 * classes + 0.1


def confusion_title(counts: pd.DataFrame, names: Sequence[str]) -> str:
    """How often the model is right, and its commonest mistake."""
    values = counts.to_numpy()
    total, right = int(values.sum()), int(values.diagonal().sum())
    title = f"The model is right in {share_of(right, total, 'verdict')}"
    if right == total:
        return title
    cells = _cells(counts, names)
    mistakes = cells[cells["row"] != cells["column"]]
    worst = mistakes[mistakes["verdicts"] == mistakes["verdicts"].max()]
    texts = [_mistake(counts, mistake) for _, mistake in worst.iterrows()]
    often = f"{int(worst['verdicts'].iloc[0]):,}"
    if len(texts) > 1:
        return f"{title}; equally often wrong ({often} each): {alike(texts)}"
    return f"{title}; most often wrong: {texts[0]} ({often})"


def _mistake(counts: pd.DataFrame, cell: pd.Series[Any]) -> str:
    answer = "another class" if counts.columns[cell["column"]] == NOT_NAMED else cell["right"]
    return f"it says {cell['said']} where {answer} is right"


def bland_altman(pairs: pd.DataFrame, limits: BlandAltman, unit: str) -> Chart:
    """The differences over the means, with the bias and the limits of agreement as lines.

    Of many pairs, ``value`` and ``answer``, an even part is drawn.
    """
    title = _distance_title(limits, unit)
    sample = pairs.iloc[:: max(1, -(-len(pairs) // MOST_POINTS))]
    means, gaps = (sample["value"] + sample["answer"]) / 2, sample["value"] - sample["answer"]
    points = go.Scatter(
        x=means.tolist(),
        y=gaps.tolist(),
        mode="markers",
        marker={"color": MODEL, "size": 7, "opacity": 0.6},
        customdata=list(range(len(sample))),
        hovertemplate="%{y:.3g}<extra></extra>",
    )
    figure = go.Figure([points])
    _limit_lines(figure, limits)
    lay_out(figure, height=340, legend=False)
    across, up = (axis_of(name, unit) for name in ("Mean of model and expert", GAPS))
    figure.update_xaxes(title_text=shown(across, 60), zeroline=False)
    figure.update_yaxes(title_text=shown(up, 60), zeroline=False)
    columns = {"The model said": sample["value"], "What counts as right": sample["answer"]}
    table = pd.DataFrame(columns | {across: means, up: gaps}).reset_index(drop=True)
    return Chart(title, f"Points, one for each verdict, and lines. {title}.", figure, table)


GAPS = "Model − expert"


def _limit_lines(figure: go.Figure, limits: BlandAltman) -> None:
    lines = ((limits.bias, "solid"), (limits.low, "dash"), (limits.high, "dash"))
    for at, dash in lines:
        figure.add_hline(y=at, line={"color": EXPERTS, "dash": dash, "width": 2})
    for at, name, side in (
        (limits.high, "95 % limit", "bottom"),
        (limits.low, "95 % limit", "top"),
    ):
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="right",
            y=at,
            yanchor=side,
            text=f"{name} {short(at)}",
            showarrow=False,
            font_color=TEXT,
        )


def _distance_title(limits: BlandAltman, unit: str) -> str:
    unit = f" {unit}" if unit else ""
    side = "above" if limits.bias >= 0 else "below"
    mean = f"The model lies {short(abs(limits.bias))}{unit} {side} what counts as right on average"
    return f"{mean}; 95 % of differences lie from {short(limits.low)} to {short(limits.high)}{unit}"


def errors(pairs: pd.DataFrame, unit: str) -> Chart:
    """How many differences lie between round numbers."""
    gaps = pairs["value"] - pairs["answer"]
    apart = gaps[gaps != 0].abs()
    same = f"{len(gaps) - len(apart):,} of {plural(len(gaps), 'verdict')}"
    title = f"{same} name the model's own number"
    if len(apart):
        within = f"{short(float(apart.median()))}{f' {unit}' if unit else ''}"
        title += f"; half of the others lie within {within} of it"
    bins = Histogram().add(gaps).result(24)
    return bars.histogram(title, bins, axis_of(GAPS, unit), of="verdicts")


def short(value: float) -> str:
    """Three significant digits: ``27.7``, ``-0.041``."""
    return number_text(float(f"{value:.3g}")).replace("-", "−")
