"""What the verdicts add up to: the model against the expert, and how often it is wrong where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.records.review import NOT_NAMED
from second_opinion.records.value import key_of, plain
from second_opinion.statistics import clustered_share
from second_opinion.statistics.agreement import wilson

Key = tuple[bool, Any] | None


def confusion(
    model: Any, expert: Any, labels: Sequence[Hashable], times: Any = None
) -> pd.DataFrame:
    """How often the model said this (rows) where the expert said that (columns), in counts.

    ``labels`` are the class values in the card's order; answers that are not among them get a
    row and a column at the end, but for `NOT_NAMED`: a column alone, the last. Pairs without one of
    the answers are left out. ``times`` says how many cases each pair stands for, where they were
    counted before.
    """
    places = {key_of(plain(label)): at for at, label in enumerate(labels)}
    times = repeat(1) if times is None else times
    pairs: Counter[tuple[int, int]] = Counter()
    for answer, right, count in zip(model, expert, times, strict=False):
        keys = key_of(plain(answer)), key_of(plain(right))
        if None not in keys:
            pairs[_place(keys[0], places), _place(keys[1], places)] += int(count)
    counts = np.zeros((len(places), len(places)), dtype=int)
    for place, count in pairs.items():
        counts[place] = count
    names = pd.Index([key[1] for key in places if key], dtype=object)
    table = pd.DataFrame(counts, index=names, columns=names)
    if NOT_NAMED in names:
        table = table.drop(index=NOT_NAMED)
        table.insert(len(names) - 1, NOT_NAMED, table.pop(NOT_NAMED))
    return table.rename_axis(index="model", columns="expert")


def _place(key: Key, places: dict[Key, int]) -> int:
    return places.setdefault(key, len(places))


def normalised(counts: pd.DataFrame) -> pd.DataFrame:
    """Each row of a confusion table as shares of that row; NaN where the model never said so."""
    totals = counts.sum(axis=1).astype(float)
    return counts.div(totals.where(totals > 0), axis=0)


def errors_by(group: Any, errors: Any, case: Any = None) -> pd.DataFrame:
    """How often the model is wrong in each group (a class, a band, an expert, a day).

    ``errors`` is 1 or True where the model was wrong, 0 where not, and NaN or None where nobody
    could say; a group that is not known is None. Columns: ``group``, ``cases``, ``errors``,
    ``rate`` with its 95 % Wilson interval ``low``, ``high``, and ``unsure`` (the cases left out),
    in the order in which the groups first appear. With ``case``, a number for each row, several
    rows on one case count in the interval as `clustered_share` says.
    """
    places: dict[Key, int] = {}
    at = np.array([_place(key_of(plain(value)), places) for value in group], dtype=int)
    wrong = pd.to_numeric(pd.Series(list(errors), dtype=object), "coerce").to_numpy(float)
    mask = ~np.isnan(wrong)
    rows, cases = np.bincount(at, minlength=len(places)), np.bincount(at[mask], None, len(places))
    errors = np.bincount(at[mask], wrong[mask], len(places)).astype(int)
    number = cases.astype(float)
    if case is not None:
        own = np.asarray(case)[mask]
        number = clustered_share.numbers_by(at[mask], own, wrong[mask], len(places))
    rate = np.divide(errors, cases, out=np.full(len(cases), np.nan), where=cases > 0)
    low, high = wilson(np.where(cases > 0, rate, 0) * number, number)
    return pd.DataFrame(
        {
            "group": pd.Series([key and key[1] for key in places], dtype=object),
            "cases": cases,
            "errors": errors,
            "rate": rate,
            "low": low,
            "high": high,
            "unsure": rows - cases,
        }
    )
