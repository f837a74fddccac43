"""Groups of verdicts with the cases that they are on, so that their intervals do not take several
verdicts on one case for separate ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.records.namesakes import key_in
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review.totals import Figures
from second_opinion.statistics.ratings import Array
from second_opinion.store.review_queries import Review

# More verdicts on cases with several are not looked up one by one.
MOST_ON_SEVERAL = 10_000
AS_SEPARATE = (
    f"More than {MOST_ON_SEVERAL:,} verdicts are on cases with several: in these groups a case "
    "with two verdicts counts twice, so the true uncertainty is larger than shown."
)


def _class_text(text: Any) -> str:
    return json.dumps(json.loads(text)) if text else ""


# What the summaries and the verdicts call a group, where that is not the same text.
KEYS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "value": (json.dumps, _class_text),
    "expert": (str, key_in),
    "percent": (int, int),
}
GROUPS = {
    "by_version": "version",
    "by_day": "day",
    "by_class": "value",
    "by_confidence": "percent",
    "by_expert": "expert",
    "by_mode": "mode",
}


def clustered(review: Review, verdict_filter: VerdictFilter, figures: Figures) -> Figures | None:
    """The same figures of one model, with `clustered_share.SUMS` in each frame of groups.

    None where too many verdicts are on cases with several.
    """
    about = (verdict_filter.model, verdict_filter.version)
    several = figures.newest or review.on_several(*about, most=MOST_ON_SEVERAL)
    if several is None:
        return None
    facts = several.certain_facts(*GROUPS.values())
    frames: dict[str, Any] = {
        name: _with_sums(getattr(figures, name), facts, key) for name, key in GROUPS.items()
    }
    return replace(figures, **frames)


def _with_sums(table: pd.DataFrame, facts: pd.DataFrame, key: str) -> pd.DataFrame:
    """With the sums over the cases of the verdicts in ``facts``; all others are alone on theirs."""
    right, certain, group = _by_case(_places(table, facts[key], key), facts)

    def sums(counts: Array) -> Array:
        return np.bincount(group, weights=counts, minlength=len(table)).astype(int)

    alone_right = table["right"] - sums(right)
    alone = table["right"] + table["wrong"] - sums(certain)
    return table.assign(
        judged_cases=alone + sums(np.ones(len(group))),
        right_squared=alone_right + sums(right * right),
        right_certain=alone_right + sums(right * certain),
        certain_squared=alone + sums(certain * certain),
    )


def _places(table: pd.DataFrame, names: pd.Series[Any], key: str) -> Array:
    """The row of the table that each verdict belongs to; -1 where it is in none."""
    own, stored = KEYS.get(key, (str, str))
    # Two people may bear one label.
    named = table.index if key == "expert" else table[key]
    rows = {own(name): at for at, name in enumerate(named)}
    codes, levels = pd.factorize(names)
    return np.array([*(rows.get(stored(level), -1) for level in levels), -1])[codes]


def _by_case(places: Array, facts: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Of each case in each group: how many are right, how many right or wrong, and the group."""
    inside = places >= 0
    cases, levels = pd.factorize(facts["case_id"])
    many = max(len(levels), 1)
    pairs, at = np.unique(places[inside] * many + cases[inside], return_inverse=True)
    is_right = (facts["outcome"] == "right").to_numpy()[inside]
    right = np.bincount(at, weights=is_right, minlength=len(pairs))
    return right, np.bincount(at, minlength=len(pairs)), pairs // many
