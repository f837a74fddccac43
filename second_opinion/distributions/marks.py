"""What the bars of a chart stand for: parts of a selection, put together and said in words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.charts import stacked
from second_opinion.charts.chart import Chart
from second_opinion.charts.heatmap import MapAxis
from second_opinion.distributions.selection import Condition, Selection
from second_opinion.formatting import joined, number_text, percent
from second_opinion.models.card import ModelCard
from second_opinion.schema import Choice, Feature
from second_opinion.statistics.column_kinds import days
from second_opinion.statistics.tallies import OTHERS

BIN = 0.05
MOST_NAMES = 3
OR = " or "
NOBODY = "No case is like that. Ask for fewer things at once."

Mark = tuple[Condition, ...]


@dataclass(frozen=True)
class Exhibit:
    """A chart, or a sentence in its place; with a chart the sentence stands below it.

    ``picks`` has for each number in the chart's custom data the parts whose cases it stands for,
    ``opens`` instead the feature whose own chart it opens.
    """

    name: str
    chart: Chart | None = None
    sentence: str = ""
    picks: tuple[Mark, ...] = ()
    opens: tuple[str, ...] = ()


def of_rows(rows: pd.DataFrame, like: Condition, feature: Feature) -> tuple[Mark, ...]:
    """For each row of a result of levels or bars, the cases that it counts."""
    if "value" in rows:
        levels = tuple(value for value in rows["value"] if value != OTHERS)
        return tuple(
            (replace(like, levels=levels, besides=True),)
            if value == OTHERS
            else (replace(like, levels=(value,)),)
            for value in rows["value"]
        )
    ends = [
        days(rows[end]) if feature.shape == "date" else rows[end].to_numpy(float)
        for end in ("low", "high")
    ]
    pairs = zip(*(end.tolist() for end in ends), strict=True)
    return tuple((replace(like, ranges=(pair,)),) for pair in pairs)


def of_cells(cells: pd.DataFrame, sides: Sequence[MapAxis]) -> tuple[Mark, ...]:
    """For each row of a result of `Crossed`, the cases that it counts."""
    bins = [_bins(side) for side in sides]
    places = zip(*(cells[end] for end, _ in zip("xy", sides, strict=False)), strict=True)
    return tuple(
        tuple(parts[at] for parts, at in zip(bins, place, strict=True)) for place in places
    )


def _bins(side: MapAxis) -> list[Condition]:
    like, axis = Condition("feature", side.feature.name), side.axis
    if axis.shape in ("number", "date"):
        return [replace(like, ranges=(ends,)) for ends in axis.ranges]
    named = [replace(like, levels=(level,)) for level in axis.levels]
    return [*named, *[replace(like, levels=axis.levels, besides=True)] * axis.others]


def together(selection: Selection, picked: Sequence[Mark], marks: Iterable[Mark]) -> Mark:
    """Several marks of one chart as the parts that stand for all of them together.

    ``marks`` are all of the chart: those of a frame that is drawn over it are what two parts have
    in common, those that were clicked here and there may not be, and are then told case by case.
    """
    parts: dict[tuple[str, str], dict[Condition, None]] = {}
    for part in (part for mark in picked for part in mark):
        parts.setdefault(_place(part), {})[part] = None
    crossed = set(itertools.product(*parts.values()))
    if len(parts) < 2 or crossed & set(marks) <= set(picked):
        return merged(picked)
    ids: dict[Any, None] = {}
    for mark in picked:
        some = selection
        for part in mark:
            some = some.where(part)
        ids.update(dict.fromkeys(some.taken(some.ids).tolist()))
    return (Condition("case", levels=tuple(ids)),)


def merged(picks: Iterable[Mark]) -> Mark:
    """Several bars of one chart as the parts that all of them have in common."""
    by_place: dict[tuple[str, str], Condition] = {}
    for part in (part for parts in picks for part in parts):
        earlier = by_place.get(_place(part))
        by_place[_place(part)] = part if earlier is None else _either(earlier, part)
    return tuple(by_place.values())


def _place(part: Condition) -> tuple[str, str]:
    """Parts of one place are one or the other, those of two are both at once."""
    return part.kind, "" if part.kind == "case" else part.name


def _either(one: Condition, other: Condition) -> Condition:
    if one.kind == "case":
        names = list(dict.fromkeys([*one.name.split(OR), *other.name.split(OR)]))
        levels = tuple(dict.fromkeys(one.levels + other.levels))
        return replace(one, name=OR.join(names), levels=levels)
    if one.ranges:
        return replace(one, ranges=tuple(dict.fromkeys(one.ranges + other.ranges)))
    if one.besides == other.besides:
        return replace(one, levels=tuple(dict.fromkeys(one.levels + other.levels)))
    besides, named = (one, other) if one.besides else (other, one)
    return replace(besides, levels=tuple(v for v in besides.levels if v not in named.levels))


def words_of(card: ModelCard, part: Condition) -> str:
    """A part in words: ``Age from 30 up to 40``, ``the model says Leaves``."""
    if part.kind == "case":
        return _case_words(part)
    if part.kind == "confidence":
        low, high = min(r[0] for r in part.ranges), max(r[1] for r in part.ranges)
        return f"{percent(max(low, 0.0))} to {percent(min(high, 1.0))} sure"
    if part.kind == "day":
        ends = min(r[0] for r in part.ranges), max(r[1] for r in part.ranges) - 1
        first, last = (str(np.datetime64(int(end), "D")) for end in ends)
        return f"on {first}" if first == last else f"from {first} to {last}"
    feature = target(card) if part.kind == "prediction" else card.case_schema[part.name]
    label = "the model says" if part.kind == "prediction" else feature.label
    if part.ranges:
        low, high = min(r[0] for r in part.ranges), max(r[1] for r in part.ranges)
        return f"{label} {_between(feature, low, high)}"
    text_of = card.label if part.kind == "prediction" else feature.text
    names = ["not known" if value is None else text_of(value) for value in part.levels[:4]]
    more = [f"{len(part.levels) - 4} more"] if len(part.levels) > 4 else []
    return f"{label} {'none of ' if part.besides else ''}{joined([*names, *more])}"


def _case_words(part: Condition) -> str:
    names = [name for name in part.name.split(OR) if name]
    more = len(names) - MOST_NAMES
    return OR.join([*names[:MOST_NAMES], *[f"{more} more"] * (more > 0)]) or "chosen in the chart"


def _between(feature: Feature, low: float, high: float) -> str:
    def value_text(value: float) -> str:
        if feature.shape == "date":
            return str(np.datetime64(int(value), "D"))
        return number_text(value)

    begin = "" if low == -np.inf else f"from {value_text(low)} "
    return (begin + ("" if high == np.inf else f"up to {value_text(high)}")).strip()


def of_confidence(card: ModelCard, cells: pd.DataFrame) -> tuple[Mark, ...]:
    """For each bin of each answer in turn, as the chart numbers them."""
    ends = sorted(cells["x"].astype(float).unique())
    bins = [
        (-np.inf if end <= 0 else end, np.inf if end + BIN > 0.99 else round(end + BIN, 2))
        for end in ends
    ]
    parts = [Condition("confidence", ranges=(pair,)) for pair in bins]
    return tuple((part, answer) for answer in _answers(card, cells["y"]) for part in parts)


def _answers(card: ModelCard, answers: Iterable[Any]) -> list[Condition]:
    """The parts of the groups of answers that are stacked."""
    groups = stacked.groups(card, answers)
    parts = [Condition("prediction", levels=tuple(group)) for group in groups]
    if groups and OTHERS in groups[-1]:
        named = tuple(value for group in groups[:-1] for value in group)
        parts[-1] = Condition("prediction", levels=named, besides=True)
    return parts


def of_days(card: ModelCard, cells: pd.DataFrame) -> tuple[Mark, ...]:
    """For each day of each answer in turn, as the chart numbers them."""
    at = days(sorted(set(cells["x"]))).tolist()
    parts = [Condition("day", ranges=((day, day + 1),)) for day in at]
    if card.task == "regression":
        return tuple((part,) for part in parts)
    return tuple((part, answer) for answer in _answers(card, cells["y"]) for part in parts)


def of_days_alone(dates: Iterable[Any]) -> tuple[Mark, ...]:
    """For each day the cases of it."""
    return tuple(
        (Condition("day", ranges=((day, day + 1),)),) for day in days(list(dates)).tolist()
    )


def target(card: ModelCard) -> Feature:
    """The answers as a column: what the reference keeps of the target goes by its name."""
    if card.task == "regression":
        return Feature(name=card.target.name, kind="number")
    classes = tuple(Choice(value=c.value, label=c.label) for c in card.classes)
    return Feature(name=card.target.name, kind="category", choices=classes)
