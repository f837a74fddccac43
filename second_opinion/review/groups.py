"""Groups of verdicts that the figures of a review show, each with the filters that leave it alone.

Where a bar or a tile is clicked, its filters are what the page turns to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from second_opinion.models.card import ModelCard
from second_opinion.records.review import NOT_NAMED
from second_opinion.review import totals
from second_opinion.statistics.slices import BANDS

# The parts of an address, as `VerdictFilter.read` takes them.
Pick = dict[str, str]
MODES = {"open": "after seeing it", "blind": "before seeing it"}
MOST_DAYS = 366


@dataclass(frozen=True)
class Groups:
    """``figures`` has the ``name`` of each group and what `totals.with_agreement` gives;
    ``picks`` the filters of each."""

    figures: pd.DataFrame
    picks: tuple[Pick, ...]


def by_class(card: ModelCard, counts: pd.DataFrame) -> Groups:
    """By what the model said, the commonest first; of a number there are no classes."""
    if card.task == "regression":
        counts = counts.iloc[:0]
    counts = counts.sort_values("verdicts", ascending=False, kind="stable")
    names = _apart([card.label(value) for value in counts["value"]])
    return _groups(counts, names, [{"value": json.dumps(value)} for value in counts["value"]])


def by_band(by_confidence: pd.DataFrame) -> Groups:
    """By how sure the model was."""
    counts = totals.by_band(by_confidence)
    sure = by_confidence["percent"] / 100 + 1e-9
    edges = [0.0, *BANDS, 1.01]
    picks = [
        ({"at_least": f"{low:g}"} if low else {}) | ({"below": f"{high:g}"} if high <= 1 else {})
        for low, high in pairwise(edges)
        if sure.between(low, high, inclusive="left").any()
    ]
    return _groups(counts, counts["band"], picks)


def by_name(counts: pd.DataFrame, column: str) -> Groups:
    """By expert or version."""
    return _groups(counts, counts[column], [{column: str(name)} for name in counts[column]])


def by_mode(counts: pd.DataFrame) -> Groups:
    """By when the verdict was given."""
    return _groups(counts, counts["mode"].map(MODES), [{"mode": mode} for mode in counts["mode"]])


def by_day(counts: pd.DataFrame) -> Groups:
    """By the day of the verdict, the last year of those on which one says right or wrong."""
    days = counts[counts["right"] + counts["wrong"] > 0].sort_values("day").tail(MOST_DAYS)
    return _groups(days, days["day"], [{"since": day, "until": day} for day in days["day"]])


def as_errors(figures: pd.DataFrame) -> pd.DataFrame:
    """Groups turned round: how often the model is wrong, as `error_rates.errors_by` has it."""
    cases = figures["right"] + figures["wrong"]
    return pd.DataFrame(
        {
            "group": figures["name"],
            "cases": cases,
            "errors": figures["wrong"],
            "rate": 1 - figures["share"],
            "low": 1 - figures["high"],
            "high": 1 - figures["low"],
            "unsure": figures["verdicts"] - cases,
        }
    )


def of_tiles(counts: pd.DataFrame) -> tuple[Pick, ...]:
    """The filters of each tile of a confusion table, row by row."""
    return tuple(
        {"value": json.dumps(value), **_right(answer)}
        for value in counts.index
        for answer in counts.columns
    )


def _right(answer: Any) -> Pick:
    if answer == NOT_NAMED:
        return {"outcome": "wrong", "corrected": "false", "adjudicated": "false"}
    return {"answer": json.dumps(answer)}


def class_names(card: ModelCard, counts: pd.DataFrame) -> list[str]:
    """The classes of a confusion table in words."""
    return _apart([card.label(value) for value in counts.columns])


def _apart(names: list[str]) -> list[str]:
    """Two classes may have one label."""
    return [f"{name} ({at})" if names.count(name) > 1 else name for at, name in enumerate(names, 1)]


def _groups(counts: pd.DataFrame, names: Iterable[str], picks: list[Pick]) -> Groups:
    figures = totals.with_agreement(counts.reset_index(drop=True))
    return Groups(figures.assign(name=list(names)), tuple(picks))
