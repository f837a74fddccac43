"""What the experts said of a selection, and how that and the answers went from day to day."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from second_opinion.charts import stacked, verdict_charts
from second_opinion.distributions import marks
from second_opinion.distributions.marks import NOBODY, Exhibit, Mark
from second_opinion.distributions.selection import Condition, Selection
from second_opinion.statistics import calibration, error_rates

FEWEST_VERDICTS = 10
SAID = {"experts agree": 0.0, "experts disagree": 1.0, "experts are unsure": np.nan}


def calibrated(judged: pd.DataFrame) -> list[Exhibit]:
    """Whether the model is as often right as it says, and how often where it is surest."""
    told = judged.dropna(subset=["confidence", "wrong"])
    if len(told) < FEWEST_VERDICTS:
        needed = "Whether the model is as often right as it says is drawn from"
        there = f"there {'is' if len(told) == 1 else 'are'} {len(told)} on these cases"
        said = f"{needed} {FEWEST_VERDICTS} verdicts on; {there}."
        return [Exhibit("reliability", sentence=said)]
    bins = calibration.bins(told["confidence"], 1 - told["wrong"])
    brier = calibration.brier(1 - told["wrong"], told["confidence"])
    picked = f"Brier score {brier:.3f} (0 is perfect, always saying 50 % gives 0.250). Cases that "
    picked += "somebody chose to judge are not a fair sample of all."
    curve = calibration.risk_coverage(told["confidence"], told["wrong"])
    own = cases_of(told, "judged")
    # A bin of `calibration.bins` holds its upper end, and the first one its lower end too.
    ends = [*[-np.inf] * (len(bins) > 0), *np.nextafter(bins["from"].iloc[1:], np.inf)]
    ranges = zip(ends, np.nextafter(bins["to"], np.inf), strict=True)
    surest = [(low, np.inf) for low in curve["threshold"]]
    return [
        Exhibit("reliability", verdict_charts.reliability(bins), picked, _sure(ranges, own)),
        Exhibit("risk", verdict_charts.risk_coverage(curve), picks=_sure(surest, own)),
    ]


def _sure(ranges: Iterable[tuple[float, float]], own: Condition) -> tuple[Mark, ...]:
    pairs = [(float(low), float(high)) for low, high in ranges]
    return tuple((Condition("confidence", ranges=(pair,)), own) for pair in pairs)


def cases_of(judged: pd.DataFrame, name: str) -> Condition:
    """The cases of some verdicts; two experts may have judged the same one."""
    return Condition("case", name, levels=tuple(dict.fromkeys(judged["id"])))


def over_time(selection: Selection, judged: pd.DataFrame) -> list[Exhibit]:
    """Predictions, confidence, verdicts and agreement by day."""
    if not selection.rows:
        return [Exhibit("days", sentence=NOBODY)]
    return [*_predicted(selection), *_judged(judged)]


def _predicted(selection: Selection) -> list[Exhibit]:
    if selection.when is None:
        said = "A batch is predicted at one time. Choose the single predictions above for days."
        return [Exhibit("days", sentence=said)]
    card, found = selection.card, selection.overview()
    table, daily = found.days.result(), found.daily.result()
    day_marks = marks.of_days(card, table)
    parts = [Exhibit("days", stacked.per_day(card, table), picks=day_marks)]
    if card.task != "regression" and table["y"].nunique() > 1:
        parts.append(Exhibit("shares", stacked.shares_per_day(card, table), picks=day_marks))
    if len(daily):
        drawn = stacked.mean_per_day(card, daily)
        parts.append(Exhibit("daily", drawn, picks=marks.of_days_alone(daily["group"])))
    return parts


def _judged(judged: pd.DataFrame) -> list[Exhibit]:
    if judged.empty:
        return [Exhibit("agreement", sentence="No verdict on these cases yet.")]
    by_day = error_rates.errors_by(judged["day"], judged["wrong"])
    counts = verdict_charts.verdicts_per_day(by_day)
    parts = [Exhibit("verdicts", counts, picks=_marks(judged, by_day["group"]))]
    told = by_day[by_day["cases"] > 0].reset_index(drop=True)
    if told.empty:
        said = "The experts are unsure of each of these cases, so there is no agreement to draw."
        return [*parts, Exhibit("agreement", sentence=said)]
    own = judged[judged["wrong"].notna()]
    day_marks = tuple((cases_of(own[own["day"] == d], f"judged on {d}"),) for d in told["group"])
    return [*parts, Exhibit("agreement", verdict_charts.agreement_per_day(told), picks=day_marks)]


def _marks(judged: pd.DataFrame, days: pd.Series[str]) -> tuple[Mark, ...]:
    """For each day of each judgement in turn, as the chart numbers them."""
    found = []
    for name, wrong in SAID.items():
        given = judged[judged["wrong"].isna() if wrong != wrong else judged["wrong"] == wrong]
        by_day = dict(list(given.groupby("day")))
        for day in days:
            some = by_day.get(day, given.iloc[:0])
            found.append((cases_of(some, f"{name} on {day}"),))
    return tuple(found)
