"""What the experts said of a population, and how that and the answers went from day to day."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from second_opinion.charts import stacked, verdicts
from second_opinion.population import picks
from second_opinion.population.picks import NOBODY, Mark, Shown
from second_opinion.population.population import Part, Population
from second_opinion.statistics import calibration, feedback

FEWEST_VERDICTS = 10
SAID = {"experts agree": 0.0, "experts disagree": 1.0, "experts are unsure": np.nan}


def calibrated(judged: pd.DataFrame) -> list[Shown]:
    """Whether the model is as often right as it says, and how often where it is surest."""
    told = judged.dropna(subset=["confidence", "wrong"])
    if len(told) < FEWEST_VERDICTS:
        needed = "Whether the model is as often right as it says is drawn from"
        there = f"there {'is' if len(told) == 1 else 'are'} {len(told)} on these cases"
        said = f"{needed} {FEWEST_VERDICTS} verdicts on; {there}."
        return [Shown("reliability", sentence=said)]
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
        Shown("reliability", verdicts.reliability(bins), picked, _sure(ranges, own)),
        Shown("risk", verdicts.risk_coverage(curve), picks=_sure(surest, own)),
    ]


def _sure(ranges: Iterable[tuple[float, float]], own: Part) -> tuple[Mark, ...]:
    pairs = [(float(low), float(high)) for low, high in ranges]
    return tuple((Part("confidence", ranges=(pair,)), own) for pair in pairs)


def cases_of(judged: pd.DataFrame, name: str) -> Part:
    """The cases of some verdicts; two experts may have judged the same one."""
    return Part("case", name, levels=tuple(dict.fromkeys(judged["id"])))


def over_time(population: Population, judged: pd.DataFrame) -> list[Shown]:
    """Predictions, confidence, verdicts and agreement by day."""
    if not population.rows:
        return [Shown("days", sentence=NOBODY)]
    return [*_predicted(population), *_judged(judged)]


def _predicted(population: Population) -> list[Shown]:
    if population.when is None:
        said = "A batch is predicted at one time. Choose the single predictions above for days."
        return [Shown("days", sentence=said)]
    card, found = population.card, population.overview()
    table, daily = found.days.result(), found.daily.result()
    marks = picks.of_days(card, table)
    parts = [Shown("days", stacked.per_day(card, table), picks=marks)]
    if card.task != "regression" and table["y"].nunique() > 1:
        parts.append(Shown("shares", stacked.shares_per_day(card, table), picks=marks))
    if len(daily):
        drawn = stacked.mean_per_day(card, daily)
        parts.append(Shown("daily", drawn, picks=picks.of_days_alone(daily["group"])))
    return parts


def _judged(judged: pd.DataFrame) -> list[Shown]:
    if judged.empty:
        return [Shown("agreement", sentence="No verdict on these cases yet.")]
    by_day = feedback.errors_by(judged["day"], judged["wrong"])
    counts = verdicts.verdicts_per_day(by_day)
    parts = [Shown("verdicts", counts, picks=_marks(judged, by_day["group"]))]
    told = by_day[by_day["cases"] > 0].reset_index(drop=True)
    if told.empty:
        said = "The experts are unsure of each of these cases, so there is no agreement to draw."
        return [*parts, Shown("agreement", sentence=said)]
    own = judged[judged["wrong"].notna()]
    marks = tuple((cases_of(own[own["day"] == d], f"judged on {d}"),) for d in told["group"])
    return [*parts, Shown("agreement", verdicts.agreement_per_day(told), picks=marks)]


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
