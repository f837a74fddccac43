"""Have the cases changed since the training data? Two gates, and both must fire.

A feature has moved when a test says that it is no accident (p after Holm under .05) and the
distance says that it is of a size to mind (.10). Tests alone alarm on nothing in a large batch,
distances alone in a small one. A comparison with a summary of the training data rests on its
quantiles, and each row says which it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from second_opinion.formatting import joined, plural, quoted, share_text
from second_opinion.records.feature_kinds import Shape
from second_opinion.records.value import key_of
from second_opinion.schema import Feature, Schema
from second_opinion.statistics.column_kinds import Columns, shape_of_column
from second_opinion.statistics.ratings import Array
from second_opinion.statistics.samples import (
    Difference,
    KnownColumn,
    Levels,
    kolmogorov_smirnov,
    levels_test,
    side_of,
    summary_shape,
)
from second_opinion.statistics.training_summary import Reference

FEWEST_ROWS = 50
LEAST_SIZE = 0.10
LARGE = 0.25
ALPHA = 0.05
LEAST_MISSING = 0.01
# A share of nothing would make the index infinite.
LEAST_SHARE = 1e-4
TOO_FEW = "too few rows to judge"
NOT_COMPARED = "not compared"
COLUMNS = (
    "feature kind test statistic p_value p_holm size moved verdict psi psi_noise "
    "missing_reference missing_current unseen note"
)
FIGURES = "statistic p_value p_holm size psi psi_noise missing_reference missing_current"


def compare(
    reference: Columns | Reference, current: Columns | Reference, schema: Schema | None = None
) -> pd.DataFrame:
    """How far each feature of the current cases lies from the reference: one row a feature.

    Either side is a frame of cases (or a mapping of names to columns, read one at a time) or a
    stored summary. Columns: ``feature``, ``kind``; ``test`` ("Kolmogorov-Smirnov" for numbers and
    dates, "chi-square" for levels, "Fisher" where their rare ones decide) with ``statistic`` (for
    Fisher the odds ratio), ``p_value`` and ``p_holm`` (over all tested features); ``size``, the
    Kolmogorov-Smirnov distance or the total variation, 0 to 1; ``moved``; ``verdict`` ("moved",
    "steady", "too few rows to judge", "not compared"); ``psi`` with its ``psi_noise`` for those who
    must report it; ``missing_reference``, ``missing_current`` (shares); ``unseen`` (rows with a
    level that the reference does not know); ``note``, sentences that may quote data. NaN where
    there is no such figure. Nothing in the data raises.
    """
    rows = [
        _row(name, feature, shape, reference, current)
        for name, feature, shape in _features(reference, current, schema)
    ]
    comparison = pd.DataFrame(rows, columns=COLUMNS.split())
    comparison = comparison.astype(dict.fromkeys(FIGURES.split(), float))
    comparison["p_holm"] = holm(comparison["p_value"])
    comparison["moved"] = (comparison["p_holm"] < ALPHA) & (comparison["size"] >= LEAST_SIZE)
    is_tested = comparison["p_value"].notna()
    comparison.loc[is_tested, "verdict"] = np.where(
        comparison.loc[is_tested, "moved"], "moved", "steady"
    )
    return comparison


def holm(p: Any) -> Array:
    """p-values adjusted for being several; NaN stays and does not count. Source: Holm 1979."""
    p = np.asarray(p, dtype=float)
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p, kind="stable")[: int((~np.isnan(p)).sum())]
    scaled = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted


def psi(expected: Any, actual: Any) -> float:
    """The population stability index of two sets of shares (or counts) over the same bins.

    sum (actual − expected) · ln(actual / expected); an empty bin counts as a share of 1e-4. Banks
    call .1 a little and .25 much, whatever the number of rows: see `psi_expected_noise`.
    """
    shares = [np.asarray(each, dtype=float) for each in (expected, actual)]
    if not all(each.sum() > 0 for each in shares):
        return float("nan")
    before, after = (np.maximum(each / each.sum(), LEAST_SHARE) for each in shares)
    return float(((after - before) * np.log(after / before)).sum())


def psi_expected_noise(bins: int, n: int, m: int) -> float:
    """The index that nothing but chance makes: (bins − 1)(1/n + 1/m), for n against m rows."""
    return (bins - 1) * (1 / n + 1 / m) if n and m else float("nan")


def _features(
    reference: Columns | Reference, current: Columns | Reference, schema: Schema | None
) -> list[tuple[str, Feature | None, Shape]]:
    if schema is not None:
        return [(f.name, f, f.shape) for f in schema]
    for side in (reference, current):
        if isinstance(side, Reference):
            return [(name, None, summary_shape(summary)) for name, summary in side.features.items()]
    columns: Any = reference
    return [(name, None, shape_of_column(columns[name])) for name in columns]


def _row(
    name: str,
    feature: Feature | None,
    shape: Shape,
    reference: Columns | Reference,
    current: Columns | Reference,
) -> dict[str, Any]:
    row = {"feature": name, "kind": feature.kind if feature else shape, "test": "", "unseen": 0}
    before, after = side_of(reference, name, shape), side_of(current, name, shape)
    if before is None or after is None:
        where = "The reference" if before is None else "The current data"
        return {**row, "verdict": NOT_COMPARED, "note": f"{where} has no such column."}
    row |= {"missing_reference": before.missing, "missing_current": after.missing}
    row["unseen"], new_levels = _unseen(before, after, feature)
    test, verdict, reason = _judged(before, after, shape)
    if test:
        row |= {"test": test.name, "statistic": test.statistic, "p_value": test.p_value}
        row |= {"size": test.size, "psi": psi(test.expected, test.actual)}
        row["psi_noise"] = psi_expected_noise(len(test.expected), before.n, after.n)
    notes = [reason, new_levels, _missing(before, after), _basis(before, after)]
    return {**row, "verdict": verdict, "note": " ".join(note for note in notes if note)}


def _judged(
    before: KnownColumn, after: KnownColumn, shape: Shape
) -> tuple[Difference | None, str, str]:
    """The test of one feature, or the words for why there is none: verdict and reason."""
    for side, where in ((before, "reference"), (after, "current data")):
        if side.rows and side.missing == 1:
            return None, NOT_COMPARED, f"No value is known in the {where}."
    if before.distribution is None or after.distribution is None:
        free = "Free text is not compared." if shape == "text" else "The summary keeps no values."
        return None, NOT_COMPARED, free
    for side, where in ((before, "the reference"), (after, "the current data")):
        if side.n < FEWEST_ROWS:
            phrase = (
                f"{plural(side.n, 'row')} {'has' if side.n == 1 else 'have'} a value in {where}"
            )
            return None, TOO_FEW, f"{phrase}; judged from {FEWEST_ROWS} on."
    if isinstance(before.distribution, Levels) and isinstance(after.distribution, Levels):
        test = levels_test(before.distribution, after.distribution)
        return test, NOT_COMPARED, "" if test else "No level is listed on both sides."
    if isinstance(before.distribution, Levels) or isinstance(after.distribution, Levels):
        return None, NOT_COMPARED, "One side has numbers, the other levels."
    return kolmogorov_smirnov(before.distribution, after.distribution), NOT_COMPARED, ""


def _unseen(before: KnownColumn, after: KnownColumn, feature: Feature | None) -> tuple[int, str]:
    """Rows with a level that the reference does not know, and which those are."""
    if not isinstance(before.distribution, Levels) or not isinstance(after.distribution, Levels):
        return 0, ""
    old_levels = before.distribution.counts.keys() | _choices(feature)
    new = {key: count for key, count in after.distribution.counts.items() if key not in old_levels}
    if before.distribution.rest and not (feature and feature.values):
        return 0, "The reference keeps the commonest levels alone; new ones cannot be told."
    if not new:
        return 0, ""
    rows = sum(new.values())
    examples = [quoted(key[1]) for key in list(new)[:3]]
    more = [f"{len(new) - 3} more"] if len(new) > 3 else []
    count_text = plural(rows, "row")
    return rows, f"Not in the reference: {joined([*examples, *more])} ({count_text})."


def _choices(feature: Feature | None) -> set[Any]:
    return {key_of(value) for value in feature.values} if feature else set()


def _missing(before: KnownColumn, after: KnownColumn) -> str:
    if abs(before.missing - after.missing) < LEAST_MISSING:
        return ""
    shares = f"{share_text(before.missing)} in the reference, {share_text(after.missing)} here"
    return f"Not known: {shares}."


def _basis(before: KnownColumn, after: KnownColumn) -> str:
    """What the comparison rests on, as the two sides may not be rows."""
    summary = [
        f"a summary of the {plural(side.rows, f'{name} row')}"
        for side, name in ((before, "reference"), (after, "current"))
        if side.from_summary
    ]
    return f"Rests on {joined(summary) or plural(before.rows, 'reference row')}."
