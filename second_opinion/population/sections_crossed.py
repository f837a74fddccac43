"""What the model says by one feature or by two: the chart, or a sentence in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.batch.recent import Recent
from second_opinion.card import ModelCard, value_text
from second_opinion.charts import heat, points
from second_opinion.charts.chart import Chart
from second_opinion.charts.heat import Side, Told
from second_opinion.formatting import percent, plural
from second_opinion.population import picks
from second_opinion.population.picks import NOBODY, Shown
from second_opinion.population.population import AT_ONCE, Part, Population
from second_opinion.population.sections import LEAST_DRAWN, one_answer, unfit
from second_opinion.records.value import plain, same_value
from second_opinion.schema import Feature
from second_opinion.statistics.bars import Bars
from second_opinion.statistics.columns import numbers
from second_opinion.statistics.crossed import MOST_BINS, Axis, Crossed, is_class
from second_opinion.statistics.distributions import OTHERS
from second_opinion.statistics.ratings import Array

MOST_POINTS = 300

_crossed: Recent[Crossed] = Recent(64)


def class_to_tell(card: ModelCard) -> Any:
    """The class that is told of at first: the positive one, else the last of the card."""
    return card.class_values[-1] if card.positive is None else card.positive


def crossed(population: Population, features: Sequence[Feature], value: Any = None) -> Shown:
    """What the model says by a feature, or by two; ``value`` is the class whose share is told."""
    card = population.card
    value = class_to_tell(card) if value is None and card.task != "regression" else value
    name = "_".join(["by", *(feature.name for feature in features)])
    if not population.rows:
        return Shown(name, sentence=NOBODY)
    for feature in features:
        if said := unfit(population, feature) or _too_many(population, feature):
            return Shown(name, sentence=said)
    sides = [_side(population, feature) for feature in features]
    counted = _count(population, sides, value)
    said = one_answer(population) or _nothing(population, counted, sides, value)
    if said:
        return Shown(name, sentence=said)
    if len(sides) > 1 and counted.rows <= MOST_POINTS:
        return _each(population, name, sides, value)
    return _binned(population, name, counted, sides, value)


def _binned(
    population: Population, name: str, counted: Crossed, sides: list[Side], value: Any
) -> Shown:
    """Many cases: what the model says of those in each bin."""
    told, found = _told(population.card, value), counted.result()
    if len(sides) == 1:
        chart = heat.by_bin(told, found, sides[0], counted.mean)
        below = f"The dashed line is all cases together: {told.text(counted.mean)}."
    else:
        chart = heat.heat(told, found, sides[0], sides[1])
        below = "Where nothing is drawn there is no case."
    left = _left_out(population, counted.rows, sides)
    return Shown(name, chart, f"{below} {left}".strip(), picks.of_cells(found, sides))


def _each(population: Population, name: str, sides: list[Side], value: Any) -> Shown:
    """Few cases: what the model says of each of them."""
    places = _known(population, sides)
    chart = _points(population, sides, places, value)
    marks = tuple((Part("case", levels=(one,)),) for one in population.ids[places].tolist())
    return Shown(name, chart, _left_out(population, len(places), sides), marks)


def _told(card: ModelCard, value: Any) -> Told:
    return Told(unit=card.target.unit) if value is None else Told(card.label(value))


def _side(population: Population, feature: Feature) -> Side:
    column = population.cases[feature.name]
    return Side(feature, Axis.of(feature, _counted(population, feature), column))


def _counted(population: Population, feature: Feature) -> Any:
    return population.described().features[feature.name]


def _too_many(population: Population, feature: Feature) -> str:
    """Where so many levels are not drawn that the drawn ones show nothing."""
    counted = _counted(population, feature)
    if isinstance(counted, Bars):
        return ""
    table = counted.result(MOST_BINS)
    drawn = 1 - float(table.loc[table["value"] == OTHERS, "share"].sum())
    if drawn >= LEAST_DRAWN:
        return ""
    return f"{feature.label} has {plural(counted.distinct, 'different value')}, too many to draw."


def _count(population: Population, sides: list[Side], value: Any) -> Crossed:
    names = tuple(side.feature.name for side in sides)
    key = population.key, population.parts, population.card.sha256, names, repr(value)
    known = _crossed.get(key)
    if known is not None:
        return known
    found = Crossed(*(side.axis for side in sides))
    cases, answers = population.cases, population.taken(population.answers)
    columns = [cases[name] for name in names]
    for at in range(0, population.rows, AT_ONCE):
        piece = slice(at, at + AT_ONCE)
        x, y = columns[0][piece], columns[1][piece] if len(columns) > 1 else None
        found.add(x, y, _number(answers[piece], value))
    return _crossed.keep(key, found, 1)


def _number(answers: Any, value: Any) -> Array:
    return numbers(answers) if value is None else is_class(answers, value)


def _nothing(population: Population, counted: Crossed, sides: list[Side], value: Any) -> str:
    """The sentence where there is nothing to compare; empty where there is."""
    labels = " and ".join(side.feature.label for side in sides)
    if not counted.rows:
        return f"No case knows both {labels}."
    if value is None:
        return ""
    said = f"The model says {population.card.label(value)} in"
    if counted.mean == 0:
        return f"{said} none of {plural(counted.rows, 'case')}."
    if counted.mean == 1:
        cases = f"all {plural(counted.rows, 'case')} that know"
        return f"{said} {'the one case that knows' if counted.rows == 1 else cases} {labels}."
    return ""


def _left_out(population: Population, drawn: int, sides: list[Side]) -> str:
    left = population.rows - drawn
    if not left:
        return ""
    labels = " or ".join(side.feature.label for side in sides)
    verb = "is" if left == 1 else "are"
    return f"{plural(left, 'case')} where {labels} is not known {verb} left out."


def _known(population: Population, sides: list[Side]) -> Array:
    """The places of the cases that know all that is drawn."""
    whole = np.arange(len(population.answers)) if population.places is None else population.places
    known = ~pd.isna(pd.Series(population.taken(population.answers))).to_numpy()
    for side in sides:
        known &= side.axis.places(population.cases[side.feature.name]) >= 0
    return np.asarray(whole[known])


def _points(population: Population, sides: list[Side], places: Array, value: Any) -> Chart:
    card = population.card
    answers = [plain(answer) for answer in population.answers[places]]
    said = [value_text(card, answer) for answer in answers]
    columns = [[plain(cell) for cell in population.columns[s.feature.name][places]] for s in sides]
    groups = [
        (card.label(one), [at for at, answer in enumerate(answers) if same_value(answer, one)])
        for one in ([] if value is None else card.class_values)
    ]
    told = _told(card, value)
    title = _title(told, sides, answers, value)
    x, y = zip(sides, columns, strict=True)
    drawn = [group for group in groups if group[1]]
    return points.points(title, told, x, y, drawn, said, answers)


def _title(told: Told, sides: list[Side], answers: list[Any], value: Any) -> str:
    by = f"by {sides[0].feature.label} and {sides[1].feature.label}"
    cases = plural(len(answers), "case")
    if value is None:
        low, high = told.text(min(answers)), told.text(max(answers))
        return f"The predictions of {cases} lie between {low} and {high}, {by}"
    count = sum(same_value(answer, value) for answer in answers)
    share = percent(count / len(answers))
    return f"The model says {told.label} in {count:,} of {cases} ({share}), {by}"
