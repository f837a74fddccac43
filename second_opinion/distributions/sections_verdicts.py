"""What the experts said of a selection, and how that and the answers went from day to day."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from second_opinion.charts import risk_charts, stacked, verdict_charts
from second_opinion.distributions import marks
from second_opinion.distributions.marks import NOBODY, Exhibit, Mark
from second_opinion.distributions.selection import Condition, Selection
from second_opinion.statistics import calibration, error_rates, risk_bands

# In the place of verdicts: why they are not shown.
FOR_REVIEWERS = "What experts said of these cases is shown to reviewers and the owner."
NOT_YET = (
    "You are in the midst of judging these cases: how often experts agree with the model is shown "
    "once you have judged all of them."
)
FEWEST_VERDICTS = 10
SAID = {"experts agree": 0.0, "experts disagree": 1.0, "experts are unsure": np.nan}


def calibrated(verdicts: pd.DataFrame | str) -> list[Exhibit]:
    """Whether the model is as often right as it says, and how often where it is surest."""
    if isinstance(verdicts, str):
        return [Exhibit("reliability", sentence=verdicts)]
    if verdicts["risk"].notna().any():
        return [_by_risk(verdicts.dropna(subset=["risk", "wrong"]).reset_index(drop=True))]
    rows = verdicts.dropna(subset=["confidence", "wrong"])
    if len(rows) < FEWEST_VERDICTS:
        sentence = (
            f"From {FEWEST_VERDICTS} verdicts on, a chart here shows if '80 % sure' is right 8 "
            f"times in 10. Now: {len(rows)}."
        )
        return [Exhibit("reliability", sentence=sentence)]
    bins = calibration.bins(rows["confidence"], 1 - rows["wrong"], case=rows["case"])
    brier = calibration.brier(1 - rows["wrong"], rows["confidence"])
    picked = f"Brier score {brier:.3f} (0 is perfect, always saying 50 % gives 0.250). Cases that "
    picked += "somebody chose to judge are not a fair sample of all."
    curve = calibration.risk_coverage(rows["confidence"], rows["wrong"], case=rows["case"])
    own = cases_of(rows, "judged")
    # A bin of `calibration.bins` holds its upper end, and the first one its lower end too.
    ends = [*[-np.inf] * (len(bins) > 0), *np.nextafter(bins["from"].iloc[1:], np.inf)]
    ranges = zip(ends, np.nextafter(bins["to"], np.inf), strict=True)
    surest = [(low, np.inf) for low in curve["threshold"]]
    return [
        Exhibit("reliability", verdict_charts.reliability(bins), picked, _sure(ranges, own)),
        Exhibit("risk", verdict_charts.risk_coverage(curve), picks=_sure(surest, own)),
    ]


def _by_risk(verdicts: pd.DataFrame) -> Exhibit:
    """Of a probability: how many say too low, about right and too high in each band."""
    if verdicts.empty:
        sentence = "No verdict on these cases says whether the risk is right."
        return Exhibit("risks", sentence=sentence)
    counts = risk_bands.counts(verdicts["risk"], verdicts["says"])
    chart = risk_charts.by_band(counts)
    places, says = risk_bands.places_of(verdicts["risk"]), verdicts["says"].replace("", "not_said")
    picks = tuple(
        (cases_of(verdicts[(places == at) & (says == side)], f"risk {band}: {words}"),)
        for side, words in risk_charts.drawn(counts).items()
        for at, band in zip(counts["place"], counts["band"], strict=True)
    )
    return Exhibit("risks", chart, risk_charts.NOT_OUTCOMES, picks)


def _sure(ranges: Iterable[tuple[float, float]], own: Condition) -> tuple[Mark, ...]:
    pairs = [(float(low), float(high)) for low, high in ranges]
    return tuple((Condition("confidence", ranges=(pair,)), own) for pair in pairs)


def cases_of(verdicts: pd.DataFrame, name: str) -> Condition:
    """The cases of some verdicts; two experts may have judged the same one."""
    return Condition("case", name, levels=tuple(dict.fromkeys(verdicts["id"])))


def over_time(selection: Selection, verdicts: pd.DataFrame | str) -> list[Exhibit]:
    """Predictions, confidence, verdicts and agreement by day.

    ``verdicts`` is None for a person who may not see what others said.
    """
    if not selection.rows:
        return [Exhibit("days", sentence=NOBODY)]
    return [*_by_day(selection), *_judged(verdicts)]


def _by_day(selection: Selection) -> list[Exhibit]:
    if selection.when is None:
        sentence = "A file is scored in one go, so there is no time line."
        return [Exhibit("days", sentence=sentence)]
    card, overview = selection.card, selection.overview()
    table, daily = overview.days.result(), overview.daily.result()
    day_marks = marks.of_days(card, table)
    parts = [Exhibit("days", stacked.per_day(card, table), picks=day_marks)]
    if card.task != "regression" and table["y"].nunique() > 1:
        parts.append(Exhibit("shares", stacked.shares_per_day(card, table), picks=day_marks))
    if len(daily):
        chart = stacked.mean_per_day(card, daily)
        parts.append(Exhibit("daily", chart, picks=marks.of_days_alone(daily["group"])))
    return parts


def _judged(verdicts: pd.DataFrame | str) -> list[Exhibit]:
    if isinstance(verdicts, str):
        return [Exhibit("agreement", sentence=verdicts)]
    if verdicts.empty:
        return [Exhibit("agreement", sentence="No verdict on these cases yet.")]
    by_day = error_rates.errors_by(verdicts["day"], verdicts["wrong"], verdicts["case"])
    counts = verdict_charts.verdicts_per_day(by_day)
    parts = [Exhibit("verdicts", counts, picks=_marks(verdicts, by_day["group"]))]
    days = by_day[by_day["cases"] > 0].reset_index(drop=True)
    if days.empty:
        reason = "The experts are unsure of each of these cases, so there is no agreement to draw."
        return [*parts, Exhibit("agreement", sentence=reason)]
    own = verdicts[verdicts["wrong"].notna()]
    day_marks = tuple((cases_of(own[own["day"] == d], f"judged on {d}"),) for d in days["group"])
    return [*parts, Exhibit("agreement", verdict_charts.agreement_per_day(days), picks=day_marks)]


def _marks(verdicts: pd.DataFrame, days: pd.Series[str]) -> tuple[Mark, ...]:
    """For each day of each judgement in turn, as the chart numbers them."""
    day_marks = []
    for name, wrong in SAID.items():
        rows = verdicts[verdicts["wrong"].isna() if wrong != wrong else verdicts["wrong"] == wrong]
        by_day = dict(list(rows.groupby("day")))
        for day in days:
            some = by_day.get(day, rows.iloc[:0])
            day_marks.append((cases_of(some, f"{name} on {day}"),))
    return tuple(day_marks)
