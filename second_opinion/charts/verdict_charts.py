"""Charts of what the experts said of the model's answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from second_opinion.charts.chart import EXPERTS, MODEL, REFERENCE, SHARES, Chart, lay_out, whiskers
from second_opinion.charts.stacked import DAY, day_ticks
from second_opinion.formatting import FEWEST_FOR_A_SHARE, percent, plural, share_of, share_text
from second_opinion.records.verdict_kinds import ORDER, column_kind

# All that count as the same are one bar, named after the first of them.
LOOKS = {kind.label: kind.bar or (REFERENCE, ".") for kind in map(column_kind, ORDER)}


@dataclass(frozen=True)
class Words:
    """What a chart by day counts: in its title, on its axis, above its column; and its colour."""

    title: str
    axis: str
    column: str
    colour: str


AGREE = Words("Experts agree with the model in", "Share of verdicts that agree", "Agree", EXPERTS)
RIGHT = Words("The model is right in", "Share right", "Share right", MODEL)


def agreement_per_day(
    by_day: pd.DataFrame, words: Words = AGREE, *, clickable: bool = False
) -> Chart:
    """How often experts agree, by the day of the verdict; ``by_day`` as `errors_by` gives it.

    With `RIGHT`, how often the model is right by what counts as right.
    """
    cases, right = int(by_day["cases"].sum()), int((by_day["cases"] - by_day["errors"]).sum())
    share = f" ({share_text(right / cases)})" if cases >= FEWEST_FOR_A_SHARE else ""
    title = f"{words.title} {right:,} of {plural(cases, 'verdict')}{share}"
    rate = 1 - by_day["rate"]
    line = go.Scatter(
        x=by_day["group"].tolist(),
        y=rate.tolist(),
        mode="markers+lines",
        line={"color": words.colour, "width": 2},
        marker={"size": 9, "symbol": "diamond"},
        unselected_marker_opacity=1,
        error_y=whiskers(rate, 1 - by_day["high"], 1 - by_day["low"]),
        customdata=list(range(len(by_day))),
        text=[
            f"{share_text(share)} of {plural(n, 'verdict')}"
            for share, n in zip(rate, by_day["cases"].tolist(), strict=True)
        ],
        hovertemplate="%{x|%d %b %Y}: %{text}<extra></extra>",
    )
    figure = go.Figure([line])
    lay_out(figure, legend=False, direction="h" if clickable else None)
    figure.update_xaxes(
        title_text="Day of the verdict (UTC)", type="date", **day_ticks(by_day["group"].tolist())
    )
    figure.update_yaxes(title_text=words.axis, tickformat=".0%", range=[0, 1.04])
    table = pd.DataFrame(
        {
            "Day": by_day["group"],
            "Verdicts": by_day["cases"],
            words.column: rate,
            "At least": 1 - by_day["high"],
            "At most": 1 - by_day["low"],
            column_kind("nothing").label: by_day["unsure"],
        }
    )
    shares = (words.column, "At least", "At most")
    return Chart(
        title, f"A line over the days with 95 % intervals. {title}.", figure, table, shares
    )


def verdicts_per_day(by_day: pd.DataFrame) -> Chart:
    """How many verdicts of each kind, by day; ``by_day`` as `errors_by` gives it. The bars are
    numbered through agree, disagree and unsure."""
    columns = (by_day["cases"] - by_day["errors"], by_day["errors"], by_day["unsure"])
    counts = dict(zip(LOOKS, columns, strict=True))
    days = by_day["group"].tolist()
    figure = go.Figure(
        [
            go.Bar(
                x=days,
                y=counts[name].tolist(),
                width=DAY * 0.9,
                name=name,
                marker={"color": color, "pattern": {"shape": pattern, "solidity": 0.25}},
                customdata=[at * len(days) + day for day in range(len(days))],
                hovertemplate="%{x|%d %b %Y}: %{y:,}<extra>%{fullData.name}</extra>",
            )
            for at, (name, (color, pattern)) in enumerate(LOOKS.items())
        ]
    )
    lay_out(figure, legend=True, direction="h")
    figure.update_layout(barmode="stack")
    figure.update_xaxes(
        title_text="Day of the verdict (UTC)", type="date", **day_ticks(by_day["group"].tolist())
    )
    figure.update_yaxes(title_text="Verdicts")
    parts = [f"{int(each.sum()):,} {name.lower()}" for name, each in counts.items()]
    verdicts = plural(int(sum(each.sum() for each in counts.values())), "verdict")
    title = f"{verdicts} on {plural(len(days), 'day')}: {', '.join(parts)}"
    table = pd.DataFrame({"Day": days, **counts}).reset_index(drop=True)
    return Chart(title, f"Bars, one for each day. {title}.", figure, table)


def reliability(bins: pd.DataFrame) -> Chart:
    """Whether the model is as often right as it says; ``bins`` as `calibration.bins` gives it."""
    cases = bins["cases"].to_numpy()
    sure = float(np.average(bins["confidence"], weights=cases))
    right = float(np.average(bins["right"], weights=cases))
    total = int(cases.sum())
    outcome = f"right in {share_of(round(right * total), total, 'verdict')}"
    title = f"The model is {percent(sure)} sure on average and {outcome}"
    points = go.Scatter(
        x=bins["confidence"].tolist(),
        y=bins["right"].tolist(),
        mode="markers",
        name="Judged cases, 95 % interval",
        marker={"color": EXPERTS, "size": 10, "symbol": "diamond"},
        error_y=whiskers(bins["right"], bins["low"], bins["high"]),
        customdata=list(range(len(bins))),
        text=[
            f"{percent(sure)} sure, right in {share_text(right)} of {plural(n, 'case')}"
            for sure, right, n in zip(
                bins["confidence"], bins["right"], cases.tolist(), strict=True
            )
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    line = go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="As often right as it says",
        line={"color": REFERENCE, "dash": "dot", "width": 2},
        hoverinfo="skip",
    )
    figure = go.Figure([points, line])
    lay_out(figure, height=380, legend=True, direction="any")
    lowest = max(0.0, min(bins["confidence"].min(), bins["low"].min()) - 0.05)
    figure.update_xaxes(title_text="How sure the model is", tickformat=".0%", range=[lowest, 1.02])
    figure.update_yaxes(title_text="How often it is right", tickformat=".0%", range=[lowest, 1.04])
    table = bins[["confidence", "cases", "right", "low", "high"]]
    table = table.set_axis(["How sure", "Cases", "Right", "At least", "At most"], axis=1)
    return Chart(
        title, f"Points with intervals, one for each tenth. {title}.", figure, table, SHARES
    )


def risk_coverage(points: pd.DataFrame) -> Chart:
    """How often the model is wrong when its surest answers alone are used; ``points`` as
    `calibration.risk_coverage` gives it."""
    half = points.iloc[(points["coverage"] - 0.5).abs().argmin()]
    part, risk, all_risk = half["coverage"], half["risk"], points["risk"].iloc[-1]
    title = (
        f"Of the surest {share_text(part)} the model has {share_text(risk)} wrong, "
        f"of all {share_text(all_risk)}"
    )
    cases = int(points["cases"].iloc[-1])
    if cases < FEWEST_FOR_A_SHARE:
        title = f"The model is wrong in {share_of(round(all_risk * cases), cases, 'verdict')}"
    curve = go.Scatter(
        x=points["coverage"].tolist(),
        y=points["risk"].tolist(),
        # A line without marks hears no click: of many points the marks are not seen.
        mode="lines+markers",
        name="Wrong",
        marker={"size": 8, "opacity": 1 if len(points) < 20 else 0},
        selected_marker_opacity=1,
        unselected_marker_opacity=1 if len(points) < 20 else 0,
        line={"color": EXPERTS, "width": 2.5},
        customdata=list(range(len(points))),
        text=[
            f"{share_text(part)} of cases, {percent(sure)} sure or more: {share_text(risk)} wrong"
            for part, sure, risk in points[["coverage", "threshold", "risk"]].to_numpy()
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    ends = [
        go.Scatter(
            x=points["coverage"].tolist(),
            y=points[end].tolist(),
            mode="lines",
            name="95 % interval",
            showlegend=end == "low",
            line={"color": REFERENCE, "dash": "dot", "width": 1.5},
            hoverinfo="skip",
        )
        for end in ("low", "high")
    ]
    figure = go.Figure([curve, *ends])
    lay_out(figure, height=380, legend=True, direction="h")
    figure.update_xaxes(title_text="Share of cases that are used, surest first", tickformat=".0%")
    figure.update_yaxes(
        title_text="Share of these that are wrong", tickformat=".0%", rangemode="tozero"
    )
    table = points[["threshold", "coverage", "cases", "risk", "low", "high"]]
    table = table.set_axis(
        ["At least so sure", "Share of cases", "Cases", "Wrong", "At least", "At most"], axis=1
    )
    return Chart(title, f"A curve with its 95 % interval. {title}.", figure, table, SHARES)
