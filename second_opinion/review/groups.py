"""Groups of verdicts that the figures of a review show, each with the filters that leave it alone.

Where a bar or a tile is clicked, its filters are what the page turns to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from second_opinion.models.card import ModelCard
from second_opinion.review import totals
from second_opinion.statistics.slices import BANDS

# The parts of an address, as `VerdictFilter.read` takes them.
Pick = dict[str, str]
MODES = {"open": "after seeing it", "blind": "before seeing it"}
MOST_DAYS = 366


@dataclass(frozen=True)
class Groups:
    """``known`` has the ``name`` of each group and what `totals.with_agreement` gives;
    ``picks`` the filters of each."""

    known: pd.DataFrame
    picks: tuple[Pick, ...]


def by_class(card: ModelCard, found: pd.DataFrame) -> Groups:
    """By what the model said, the commonest first; of a number there are no classes."""
    if card.task == "regression":
        found = found.iloc[:0]
    found = found.sort_values("verdicts", ascending=False, kind="stable")
    names = _apart([card.label(value) for value in found["value"]])
    return _groups(found, names, [{"value": json.dumps(value)} for value in found["value"]])


def by_band(by_confidence: pd.DataFrame) -> Groups:
    """By how sure the model was."""
    found = totals.by_band(by_confidence)
    sure = by_confidence["percent"] / 100 + 1e-9
    edges = [0.0, *BANDS, 1.01]
    picks = [
        ({"at_least": f"{low:g}"} if low else {}) | ({"below": f"{high:g}"} if high <= 1 else {})
        for low, high in pairwise(edges)
        if sure.between(low, high, inclusive="left").any()
    ]
    return _groups(found, found["band"], picks)


def by_name(found: pd.DataFrame, column: str) -> Groups:
    """By expert or version."""
    return _groups(found, found[column], [{column: str(name)} for name in found[column]])


def by_mode(found: pd.DataFrame) -> Groups:
    """By when the verdict was given."""
    return _groups(found, found["mode"].map(MODES), [{"mode": mode} for mode in found["mode"]])


def by_day(found: pd.DataFrame) -> Groups:
    """By the day of the verdict, the last year of those on which one says right or wrong."""
    told = found[found["right"] + found["wrong"] > 0].sort_values("day").tail(MOST_DAYS)
    return _groups(told, told["day"], [{"since": day, "until": day} for day in told["day"]])


def as_errors(known: pd.DataFrame) -> pd.DataFrame:
    """Groups turned round: how often the model is wrong, as `error_rates.errors_by` has it."""
    judged = known["right"] + known["wrong"]
    return pd.DataFrame(
        {
            "group": known["name"],
            "cases": judged,
            "errors": known["wrong"],
            "rate": 1 - known["share"],
            "low": 1 - known["high"],
            "high": 1 - known["low"],
            "unsure": known["verdicts"] - judged,
        }
    )


def of_tiles(counts: pd.DataFrame) -> tuple[Pick, ...]:
    """The filters of each tile of a confusion table, row by row."""
    values = [json.dumps(value) for value in counts.columns]
    return tuple({"value": said, "answer": right} for said in values for right in values)


def class_names(card: ModelCard, counts: pd.DataFrame) -> list[str]:
    """The classes of a confusion table in words."""
    return _apart([card.label(value) for value in counts.columns])


def _apart(names: list[str]) -> list[str]:
    """Two classes may have one label."""
    return [f"{name} ({at})" if names.count(name) > 1 else name for at, name in enumerate(names, 1)]


def _groups(found: pd.DataFrame, names: Iterable[str], picks: list[Pick]) -> Groups:
    known = totals.with_agreement(found.reset_index(drop=True))
    return Groups(known.assign(name=list(names)), tuple(picks))
