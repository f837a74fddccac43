"""The chart of a release decision: bound and estimate after each answer, with the target."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from second_opinion.charts.chart import EXPERTS, MODEL, REFERENCE, TEXT, Chart, lay_out
from second_opinion.formatting import plural, share_text

# A line of one answer has no length; up to so many, points show where each answer stands.
MOST_POINTS = 30
COLUMNS = {"answers": "Answers", "bound": "At least", "estimate": "Estimate"}


def evidence(course: pd.DataFrame, target: float) -> Chart:
    """How bound and estimate moved; ``course`` as `evidence_course.course` gives it."""
    last = course.iloc[-1]
    answers, bound = int(last["answers"]), float(last["bound"])
    side = "over" if bound >= target else "under"
    title = (
        f"After {plural(answers, 'answer')} the bound is {side} the target of {share_text(target)}"
    )
    figure = go.Figure([_bound(course), _estimate(course)])
    figure.add_hline(y=target, line={"dash": "dash", "width": 2, "color": REFERENCE})
    figure.add_annotation(
        x=0,
        xref="paper",
        y=target,
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        text=f"target {share_text(target)}",
        font_color=TEXT,
    )
    lay_out(figure, legend=True)
    figure.update_xaxes(title_text="Answers in draw order", rangemode="tozero", tickformat="d")
    if answers <= 10:
        figure.update_xaxes(dtick=1)
    lowest = max(0.0, min(float(course["bound"].tail(max(1, answers // 2)).min()), target) - 0.25)
    figure.update_yaxes(title_text="Share right", tickformat=".0%", range=[lowest, 1.01])
    table = course.rename(columns=COLUMNS)
    alt = f"Lines over the answers: the least share right, and the estimate. {title}."
    return Chart(title, alt, figure, table, ("At least", "Estimate"))


def _bound(course: pd.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=course["answers"].tolist(),
        y=course["bound"].tolist(),
        mode="lines+markers" if len(course) <= MOST_POINTS else "lines",
        line={"color": MODEL, "width": 3, "shape": "hv"},
        name="at least",
        text=[share_text(share) for share in course["bound"]],
        customdata=list(range(len(course))),
        hovertemplate="After %{x} answers: at least %{text}<extra></extra>",
    )


def _estimate(course: pd.DataFrame) -> go.Scatter:
    return go.Scatter(
        x=course["answers"].tolist(),
        y=course["estimate"].tolist(),
        mode="lines+markers" if len(course) <= MOST_POINTS else "lines",
        line={"color": EXPERTS, "width": 2, "dash": "dot"},
        name="estimate",
        text=[share_text(share) for share in course["estimate"]],
        hovertemplate="After %{x} answers: probably %{text}<extra></extra>",
    )
