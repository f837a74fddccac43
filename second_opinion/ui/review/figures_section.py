"""Feedback review: the model against the experts, and how often it is right where."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review.totals import MOST_READ, Figures
from second_opinion.statistics import calibration, error_rates
from second_opinion.ui import drawing
from second_opinion.ui.drawing import height_for
from second_opinion.ui.frame import escape
from second_opinion.ui.review import filter_bar
from second_opinion.ui.visit import Visit

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.charts.chart import Chart
    from second_opinion.review.groups import Groups, Pick

# Of more classes than this the tiles would be too small to read.
MOST_TILES = 12
CLICK = (
    "Click a bar, a point or a tile to list the verdicts behind it. On a touch screen, tap twice."
)
# No filter leaves the verdicts that call a risk too low, or those with a number of their own.
CLICK_GROUPS = CLICK.replace("a bar, a point or a tile", "a bar or a point of these")


def figures(visit: Visit, filters: VerdictFilter, summary: Figures) -> None:
    """The model against the experts, and how often it is right in each group."""
    from second_opinion.review import clustered_groups

    if not summary.counted:
        st.text("No verdict is like that, so there is nothing to count.")
        return
    st.header("The model against the experts", anchor=False)
    has_tiles = visit.card.task != "regression" and visit.card.answer != "probability"
    if visit.card.task == "regression":
        distances(visit, summary)
    elif visit.card.answer == "probability":
        risks(visit, filters)
    else:
        confusion(visit.card, summary)
    st.header("How often the model is right", anchor=False)
    st.text("By what counts as right, of the verdicts that say so, with the 95 % Wilson interval.")
    by_case = clustered_groups.clustered(visit.review, filters, summary)
    groups(visit.card, by_case or summary)
    if by_case is None:
        st.caption(clustered_groups.AS_SEPARATE)
    st.caption(CLICK if has_tiles else CLICK_GROUPS)


def draw(
    chart: Chart, name: str, card: ModelCard, picks: Sequence[Pick] = (), below: str = ""
) -> None:
    """A figure; with ``picks`` a click on it lists the verdicts that it stands for."""
    drawing.draw(
        chart,
        f"review_figure_{name}",
        name=f"review-{name}",
        below=below,
        picked=partial(_pick, picks) if picks else None,
        range_too=False,
        generation=filter_bar.turns(),
        names=partial(filter_bar.names_of, picks, card) if picks else None,
    )


def _pick(picks: Sequence[Pick], places: list[int]) -> None:
    if places and places[0] < len(picks):
        filter_bar.turn_to(picks[places[0]])
        st.rerun()


def groups(card: ModelCard, summary: Figures) -> None:
    """How often the model is right, by day and group by group."""
    from second_opinion.review import groups as by

    days(card, by.by_day(summary.by_day))
    panels: list[tuple[str, str, str, Groups]] = [
        ("class", "where it says {}", "The model said", by.by_class(card, summary.by_class)),
        ("expert", "by {}", "Expert", by.by_name(summary.by_expert, "expert")),
        ("version", "on version {}", "Version", by.by_name(summary.by_version, "version")),
        ("mode", "given {}", "Given", by.by_mode(summary.by_mode)),
    ]
    # How sure a risk makes of its class is not how often it comes true.
    if card.answer != "probability":
        sure = by.by_band(summary.by_confidence)
        panels.insert(1, ("band", "where it is {} sure", "How sure", sure))
    with st.grid(2, min_column_width=360, gap="medium"):
        for name, where, axis, each in panels:
            if len(each.figures) > (name in ("version", "mode")):
                with st.container():
                    group(card, name, where, axis, each)


def group(card: ModelCard, name: str, where: str, axis: str, each: Groups) -> None:
    """How often the model is right in each of some groups."""
    from second_opinion.charts import accuracy

    more = len(each.figures) - accuracy.MOST_GROUPS
    below = f"The first {accuracy.MOST_GROUPS} are drawn; the table has all." * (more > 0)
    draw(accuracy.right_by(where, axis, each.figures), name, card, each.picks, below)


def days(card: ModelCard, each: Groups) -> None:
    """How often the model was right from day to day, where there are several."""
    if len(each.figures) > 1:
        from second_opinion.charts import verdict_charts
        from second_opinion.review import groups

        errors = groups.as_errors(each.figures)
        chart = verdict_charts.agreement_per_day(errors, verdict_charts.RIGHT, clickable=True)
        draw(chart, "days", card, each.picks)


def confusion(card: ModelCard, summary: Figures) -> None:
    """What the model said against what counts as right."""
    from second_opinion.charts import accuracy
    from second_opinion.review import groups

    pairs = summary.confusion
    if not len(pairs):
        st.text("No verdict says right or wrong yet.")
        return
    counts = error_rates.confusion(
        pairs["value"], pairs["answer"], card.class_values, pairs["verdicts"]
    )
    names = groups.class_names(card, counts)
    total = plural(int(pairs["verdicts"].sum()), "verdict")
    below = f"Of {total} that say right or wrong. Shares are of the row; framed, the model is "
    below += "right."
    as_shares = accuracy.MOST_BOTH < len(names) and _as_shares()
    if len(names) > MOST_TILES:
        _matrix(counts, names, as_shares=as_shares)
        return
    chart = accuracy.confusion(counts, names, as_shares=as_shares)
    draw(chart, "confusion", card, groups.of_tiles(counts), below)


def _as_shares() -> bool:
    option = st.segmented_control(
        "Show",
        ["Counts", "Shares of each row"],
        default="Counts",
        key="review_confusion",
        required=True,
        label_visibility="collapsed",
    )
    return bool(option != "Counts")


def _matrix(counts: pd.DataFrame, names: list[str], *, as_shares: bool) -> None:
    """Many classes as a table: the model in the rows, what counts as right in the columns."""
    from second_opinion.charts import accuracy

    st.markdown(f"**{escape(accuracy.confusion_title(counts, names))}**")
    cells: pd.DataFrame = error_rates.normalised(counts) if as_shares else counts
    table = cells.set_axis([f"Right: {name}" for name in names], axis=1)
    shares = list(table.columns) if as_shares else []
    table.insert(0, "The model said", names[: len(counts)])
    table.insert(1, "All", counts.sum(axis=1))
    st.dataframe(
        drawing.with_shares(table, shares),
        hide_index=True,
        height=height_for(len(counts), 20),
        alt="How often the model said each class (rows) where each class counts as right (columns)",
    )
    drawing.numbers_file(table, "review-confusion", "review_figure_confusion_csv")


def risks(visit: Visit, filters: VerdictFilter) -> None:
    """What experts say of the risks, band by band."""
    from second_opinion.charts import risk_charts
    from second_opinion.review import judged_risks

    counts = judged_risks.by_band(visit.review, filters, visit.card)
    if counts.empty:
        st.text("No verdict says whether a risk is right yet.")
        return
    newest = f"Of the newest {MOST_READ:,} verdicts of the filters. "
    draw(risk_charts.by_band(counts), "risks", visit.card, below=newest + risk_charts.NOT_OUTCOMES)


def distances(visit: Visit, summary: Figures) -> None:
    """How far the numbers of the model lie from those that experts give (Bland and Altman)."""
    from second_opinion.charts import accuracy

    versions = summary.by_version["version"]
    version = versions.iloc[0] if len(versions) == 1 else None
    pairs = visit.review.numbers(visit.version[0], version)
    own = pairs.dropna(subset=["answer"])
    limits = calibration.bland_altman(own["value"], own["answer"])
    agreed = f"The model's number is right in {int(pairs['right'].sum()):,} of "
    agreed += f"{plural(len(pairs), 'verdict')}"
    if limits.n < 2:
        st.text(f"{agreed}. Fewer than two give a number of their own: no distance can be told.")
        return
    unit = visit.card.target.unit
    which = f"version {version}" if version else "all versions"
    basis = f"{plural(limits.n, 'number')} that experts gave themselves or that were decided, of "
    basis += f"{which}. {agreed}; who agrees gives no number. "
    left, right = st.columns(2, gap="medium")
    with left:
        chart = accuracy.bland_altman(own, limits, unit)
        below = f"{basis}The other filters do not narrow this."
        draw(chart, "distances", visit.card, below=below)
    with right:
        draw(accuracy.errors(own, unit), "errors", visit.card)
