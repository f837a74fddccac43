"""What the model says by one feature or by two: the chart, or a sentence in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.charts import heatmap, scatter
from second_opinion.charts.chart import Chart
from second_opinion.charts.heatmap import MapAxis, Measure
from second_opinion.distributions import marks
from second_opinion.distributions.marks import NOBODY, Exhibit
from second_opinion.distributions.sections import LEAST_DRAWN, one_answer, unfit
from second_opinion.distributions.selection import AT_ONCE, Condition, Selection
from second_opinion.formatting import plural, share_text
from second_opinion.models.card import ModelCard, value_text
from second_opinion.recent import Recent
from second_opinion.records.value import plain, same_value
from second_opinion.schema import Feature
from second_opinion.statistics.column_kinds import numbers
from second_opinion.statistics.crossed import MOST_BINS, Axis, Crossed, is_class
from second_opinion.statistics.histogram import Histogram
from second_opinion.statistics.ratings import Array
from second_opinion.statistics.tallies import OTHERS

MOST_POINTS = 300

_crossed: Recent[Crossed] = Recent(64)


def class_to_tell(card: ModelCard) -> Any:
    """The class that is told of at first: the positive one, else the last of the card."""
    return card.class_values[-1] if card.positive is None else card.positive


def crossed(selection: Selection, features: Sequence[Feature], value: Any = None) -> Exhibit:
    """What the model says by a feature, or by two; ``value`` is the class whose share is told."""
    card = selection.card
    value = class_to_tell(card) if value is None and card.task != "regression" else value
    name = "_".join(["by", *(feature.name for feature in features)])
    if not selection.rows:
        return Exhibit(name, sentence=NOBODY)
    for feature in features:
        if sentence := unfit(selection, feature) or _too_many(selection, feature):
            return Exhibit(name, sentence=sentence)
    sides = [_side(selection, feature) for feature in features]
    crosstab = _count(selection, sides, value)
    sentence = one_answer(selection) or _nothing(selection, crosstab, sides, value)
    if sentence:
        return Exhibit(name, sentence=sentence)
    if len(sides) > 1 and crosstab.rows <= MOST_POINTS:
        return _each(selection, name, sides, value)
    return _binned(selection, name, crosstab, sides, value)


def _binned(
    selection: Selection, name: str, crosstab: Crossed, sides: list[MapAxis], value: Any
) -> Exhibit:
    """Many cases: what the model says of those in each bin."""
    measure, cells = _measure(selection.card, value), crosstab.result()
    if len(sides) == 1:
        chart = heatmap.by_bin(measure, cells, sides[0], crosstab.mean)
        below = f"The dashed line is all cases together: {measure.text(crosstab.mean)}."
    else:
        chart = heatmap.heatmap(measure, cells, sides[0], sides[1])
        below = "Where nothing is drawn there is no case."
    left = _left_out(selection, crosstab.rows, sides)
    return Exhibit(name, chart, f"{below} {left}".strip(), marks.of_cells(cells, sides))


def _each(selection: Selection, name: str, sides: list[MapAxis], value: Any) -> Exhibit:
    """Few cases: what the model says of each of them."""
    places = _complete_places(selection, sides)
    chart = _points(selection, sides, places, value)
    marks = tuple((Condition("case", levels=(one,)),) for one in selection.ids[places].tolist())
    return Exhibit(name, chart, _left_out(selection, len(places), sides), marks)


def _measure(card: ModelCard, value: Any) -> Measure:
    return Measure(unit=card.target.unit) if value is None else Measure(card.label(value))


def _side(selection: Selection, feature: Feature) -> MapAxis:
    column = selection.cases[feature.name]
    return MapAxis(feature, Axis.of(feature, _bins(selection, feature), column))


def _bins(selection: Selection, feature: Feature) -> Any:
    return selection.described().features[feature.name]


def _too_many(selection: Selection, feature: Feature) -> str:
    """Where so many levels are not drawn that the drawn ones show nothing."""
    tally = _bins(selection, feature)
    if isinstance(tally, Histogram):
        return ""
    table = tally.result(MOST_BINS)
    drawn_share = 1 - float(table.loc[table["value"] == OTHERS, "share"].sum())
    if drawn_share >= LEAST_DRAWN:
        return ""
    return f"{feature.label} has {plural(tally.distinct, 'different value')}, too many to draw."


def _count(selection: Selection, sides: list[MapAxis], value: Any) -> Crossed:
    names = tuple(side.feature.name for side in sides)
    key = selection.key, selection.parts, selection.card.sha256, names, repr(value)
    earlier = _crossed.get(key)
    if earlier is not None:
        return earlier
    crosstab = Crossed(*(side.axis for side in sides))
    cases, answers = selection.cases, selection.taken(selection.answers)
    columns = [cases[name] for name in names]
    for at in range(0, selection.rows, AT_ONCE):
        piece = slice(at, at + AT_ONCE)
        x, y = columns[0][piece], columns[1][piece] if len(columns) > 1 else None
        crosstab.add(x, y, _number(answers[piece], value))
    return _crossed.keep(key, crosstab, 1)


def _number(answers: Any, value: Any) -> Array:
    return numbers(answers) if value is None else is_class(answers, value)


def _nothing(selection: Selection, crosstab: Crossed, sides: list[MapAxis], value: Any) -> str:
    """The sentence where there is nothing to compare; empty where there is."""
    labels = " and ".join(side.feature.label for side in sides)
    if not crosstab.rows:
        return f"No case knows both {labels}."
    if value is None:
        return ""
    start = f"The model says {selection.card.label(value)} in"
    if crosstab.mean == 0:
        return f"{start} none of {plural(crosstab.rows, 'case')}."
    if crosstab.mean == 1:
        cases = f"all {plural(crosstab.rows, 'case')} that know"
        return f"{start} {'the one case that knows' if crosstab.rows == 1 else cases} {labels}."
    return ""


def _left_out(selection: Selection, drawn_rows: int, sides: list[MapAxis]) -> str:
    left = selection.rows - drawn_rows
    if not left:
        return ""
    labels = " or ".join(side.feature.label for side in sides)
    verb = "is" if left == 1 else "are"
    return f"{plural(left, 'case')} where {labels} is not known {verb} left out."


def _complete_places(selection: Selection, sides: list[MapAxis]) -> Array:
    """The places of the cases that know all that is drawn."""
    whole = np.arange(len(selection.answers)) if selection.places is None else selection.places
    is_known = ~pd.isna(pd.Series(selection.taken(selection.answers))).to_numpy()
    for side in sides:
        is_known &= side.axis.places(selection.cases[side.feature.name]) >= 0
    return np.asarray(whole[is_known])


def _points(selection: Selection, sides: list[MapAxis], places: Array, value: Any) -> Chart:
    card = selection.card
    answers = [plain(answer) for answer in selection.answers[places]]
    texts = [value_text(card, answer) for answer in answers]
    columns = [[plain(cell) for cell in selection.columns[s.feature.name][places]] for s in sides]
    groups = [
        (card.label(one), [at for at, answer in enumerate(answers) if same_value(answer, one)])
        for one in ([] if value is None else card.class_values)
    ]
    measure = _measure(card, value)
    title = _title(measure, sides, answers, value)
    x, y = zip(sides, columns, strict=True)
    filled_groups = [group for group in groups if group[1]]
    return scatter.scatter(title, measure, x, y, filled_groups, texts, answers)


def _title(measure: Measure, sides: list[MapAxis], answers: list[Any], value: Any) -> str:
    by = f"by {sides[0].feature.label} and {sides[1].feature.label}"
    cases = plural(len(answers), "case")
    if value is None:
        low, high = measure.text(min(answers)), measure.text(max(answers))
        return f"The predictions of {cases} lie between {low} and {high}, {by}"
    count = sum(same_value(answer, value) for answer in answers)
    share = share_text(count / len(answers))
    return f"The model says {measure.label} in {count:,} of {cases} ({share}), {by}"
