"""Where the model fails: kinds of cases in which it is wrong more often than in the rest.

Whoever looks at a hundred kinds of cases finds a bad one by chance. So the errors are shuffled over
the cases many times, and a slice is named only if it is worse than the worst slice of nearly all
shuffles (the max-z permutation test of Westfall and Young 1993): in data without any weak spot, one
time in twenty at most. What is named is a suspicion all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.formatting import number_text, percent
from second_opinion.records.feature_kinds import Shape
from second_opinion.records.value import plain
from second_opinion.schema import Feature, Schema
from second_opinion.statistics.agreement import wilson
from second_opinion.statistics.column_kinds import numbers, shape_of_column
from second_opinion.statistics.ratings import Array

FEWEST_CASES = 15
MOST_LEVELS = 50
MOST_SLICES = 5
SHUFFLES = 999
ALPHA = 0.05
# Beyond this many cases the shuffles are of a part of them: the worst of chance no longer changes.
MOST_SHUFFLED = 5_000
# Beyond this many cases the masks of all pairs would fill the memory.
MOST_PAIRED = 20_000
# A pair of conditions must be worse than each of the two alone by this many standard errors.
PAIR_GAIN = 3.3
# The pairs are many, and their worst by chance is bad: shuffled together with the others they would
# hide them. So they are a family of their own, with a part of the false alarms.
PAIRS_PART = 0.2
BANDS = (0.6, 0.75, 0.9)
CONFIDENCE, ANSWER = "Confidence", "Model's answer"
COLUMNS = "slice feature level cases errors rate low high z p_adjusted mask"


@dataclass(frozen=True)
class _Slice:
    feature: str
    level: str
    words: str
    mask: Array
    parts: tuple[_Slice, ...] = ()


def find(
    cases: pd.DataFrame,
    errors: Any,
    seed: int,
    confidence: Any = None,
    predicted: Any = None,
    schema: Schema | None = None,
    *,
    pairs: bool = True,
) -> pd.DataFrame:
    """Slices of the cases with more errors than the rest, the most striking first, at most five.

    ``errors``, ``confidence`` (0 to 1) and ``predicted`` (in words) have an entry a case; an error
    is 1, 0, or NaN where nobody could say, which leaves the case out. Slices are the levels of
    categories, the thirds of numbers and dates, bands of confidence, predicted classes, and
    ``pairs`` of conditions that are worse together than either alone (up to 20,000 cases); each
    with 15 cases or more.
    Columns: ``slice`` (words), ``feature``, ``level``, ``cases``, ``errors``, ``rate`` with its
    95 % Wilson interval ``low``, ``high``, ``z``, ``p_adjusted`` and ``mask``, booleans over the
    given cases. The same seed gives the same answer.
    """
    wrong = pd.to_numeric(pd.Series(list(errors), dtype=object), errors="coerce").to_numpy(float)
    is_known = ~np.isnan(wrong)
    slices = list(_singles(cases, is_known, confidence, predicted, schema))
    if not 0 < wrong[is_known].sum() < is_known.sum() or not slices:
        return pd.DataFrame(columns=COLUMNS.split())
    rows = _stand_outs(slices, wrong, is_known, seed, 1 - PAIRS_PART if pairs else 1)
    if pairs and is_known.sum() <= MOST_PAIRED:
        rows += _stand_outs(list(_pairs(slices, is_known)), wrong, is_known, seed, PAIRS_PART)
    rows.sort(key=lambda row: -row["z"])
    return pd.DataFrame(rows[:MOST_SLICES], columns=COLUMNS.split())


def _stand_outs(
    slices: list[_Slice], wrong: Array, is_known: Array, seed: int, part: float
) -> list[dict[str, Any]]:
    """The slices of one family that stand out; ``part`` of the 5 % of false alarms is its own."""
    if not slices:
        return []
    masks, errors = np.array([each.mask[is_known] for each in slices]), wrong[is_known]
    z = _z(masks[:, errors > 0].sum(axis=1), masks, errors)
    p = np.minimum(_adjusted(z, masks, errors, seed) / part, 1)
    return [
        _row(slices[at], wrong, float(z[at]), float(p[at]))
        for at in np.flatnonzero(p <= ALPHA)
        if _is_worse_than_its_parts(slices[at], wrong)
    ]


def _row(each: _Slice, wrong: Array, z: float, p: float) -> dict[str, Any]:
    mask = each.mask & ~np.isnan(wrong)
    cases, errors = int(mask.sum()), int(wrong[mask].sum())
    low, high = wilson(errors, cases)
    return {
        "slice": each.words,
        "feature": each.feature,
        "level": each.level,
        "cases": cases,
        "errors": errors,
        "rate": errors / cases,
        "low": low,
        "high": high,
        "z": z,
        "p_adjusted": p,
        "mask": mask,
    }


def _z(errors: Array, masks: Array, wrong: Array) -> Array:
    """How many standard errors the error rate of each slice lies above the rest's.

    ``errors`` are counts, slices or slices × shuffles; the spread is that of the rate in all cases.
    """
    n, share = len(wrong), wrong.mean()
    sizes = masks.sum(axis=1, dtype=float)
    spread = np.sqrt(share * (1 - share) * sizes * (n - sizes) / n)
    return np.asarray(((errors.T - share * sizes) / spread).T)


def _adjusted(z: Array, masks: Array, wrong: Array, seed: int) -> Array:
    """The share of shuffles whose worst slice is at least as bad, for each slice."""
    rng = np.random.default_rng(seed)
    if len(wrong) > MOST_SHUFFLED:
        part = rng.choice(len(wrong), MOST_SHUFFLED, replace=False)
        masks, wrong = masks[:, part], wrong[part]
        inside = masks.sum(axis=1)
        masks = masks[(inside >= FEWEST_CASES) & (inside < len(wrong))]
    members, errors = masks.astype(np.float32), wrong.astype(np.float32)
    at_once = max(1, 4_000_000 // len(wrong))
    worst = [
        _z(members @ rng.permuted(np.tile(errors, (count, 1)), axis=1).T, masks, wrong).max(axis=0)
        for count in _portions(SHUFFLES, at_once)
    ]
    # Counts of errors are whole, so equal figures may differ by their last digit alone.
    ordered = np.sort(np.concatenate(worst)) + 1e-6
    as_bad = SHUFFLES - np.searchsorted(ordered, z, side="left")
    return np.asarray((1 + as_bad) / (1 + SHUFFLES))


def _portions(total: int, at_once: int) -> list[int]:
    whole, rest = divmod(total, at_once)
    return [at_once] * whole + [rest] * (rest > 0)


def _is_worse_than_its_parts(each: _Slice, wrong: Array) -> bool:
    """Whether a pair says more than one of its conditions does by itself."""
    is_known = ~np.isnan(wrong)
    for part in each.parts:
        around = part.mask & is_known
        inside = each.mask[around][None, :]
        z = _z(inside.astype(float) @ wrong[around], inside, wrong[around])
        if not z[0] >= PAIR_GAIN:
            return False
    return True


def _pairs(singles: list[_Slice], is_known: Array) -> Iterator[_Slice]:
    for a, b in combinations(singles, 2):
        if a.feature == b.feature:
            continue
        mask = a.mask & b.mask
        size = int((mask & is_known).sum())
        # A pair that holds (nearly) all cases of one condition is that condition again.
        smaller = min(int((part.mask & is_known).sum()) for part in (a, b))
        if FEWEST_CASES <= size <= smaller - FEWEST_CASES:
            names = f"{a.feature} × {b.feature}", f"{a.level}, {b.level}"
            yield _Slice(*names, f"{a.words} and {b.words}", mask, (a, b))


def _singles(
    cases: pd.DataFrame, is_known: Array, confidence: Any, predicted: Any, schema: Schema | None
) -> Iterator[_Slice]:
    """Every slice by one condition that has enough cases, and leaves some outside."""
    for name, level, words, mask in _conditions(cases, confidence, predicted, schema):
        size = int((mask & is_known).sum())
        if FEWEST_CASES <= size < is_known.sum():
            yield _Slice(name, level, words, mask)


def _conditions(
    cases: pd.DataFrame, confidence: Any, predicted: Any, schema: Schema | None
) -> Iterator[tuple[str, str, str, Array]]:
    for name, feature, shape in _features(cases, schema):
        if shape == "text":
            continue
        label = feature.label if feature else name
        split = _thirds if shape in ("number", "date") else _levels
        for level, mask in split(cases[name], shape, feature):
            yield name, level, f"{label}: {level}", mask
    if confidence is not None:
        for level, mask in _bands(numbers(confidence)):
            yield CONFIDENCE, level, f"{CONFIDENCE}: {level}", mask
    if predicted is not None:
        for level, mask in _levels(pd.Series(list(predicted), dtype=object), "level", None):
            yield ANSWER, level, f"{ANSWER}: {level}", mask


def _features(
    cases: pd.DataFrame, schema: Schema | None
) -> list[tuple[str, Feature | None, Shape]]:
    if schema is None:
        return [(str(name), None, shape_of_column(cases[name])) for name in cases]
    return [(f.name, f, f.shape) for f in schema if f.name in cases]


def _levels(column: Any, shape: Shape, feature: Feature | None) -> Iterator[tuple[str, Array]]:
    """The commonest levels, and the cases where none is known."""
    codes, levels = pd.factorize(pd.Series(column))
    sizes = np.bincount(codes[codes >= 0], minlength=len(levels))
    for at in np.argsort(-sizes, kind="stable")[:MOST_LEVELS]:
        yield _text(levels[at], feature), codes == at
    yield "not known", codes < 0


def _thirds(column: Any, shape: Shape, feature: Feature | None) -> Iterator[tuple[str, Array]]:
    """Three parts with as many cases each, as far as ties allow, and those where none is known."""
    values = numbers(column, shape)
    missing = np.isnan(values)
    yield "not known", missing
    if missing.all():
        return
    first, second = np.quantile(values[~missing], (1 / 3, 2 / 3), method="inverted_cdf")
    low, high = (
        _text(np.datetime64(int(edge), "D") if shape == "date" else edge, feature)
        for edge in (first, second)
    )
    yield f"up to {low}", values <= first
    if first < second:
        yield f"over {low}, up to {high}", (values > first) & (values <= second)
    yield f"over {high}", values > second


def _bands(confidence: Array) -> Iterator[tuple[str, Array]]:
    yield f"under {percent(BANDS[0])}", confidence < BANDS[0]
    for low, high in pairwise(BANDS):
        yield f"{percent(low)} to {percent(high)}", (confidence >= low) & (confidence < high)
    yield f"{percent(BANDS[-1])} or more", confidence >= BANDS[-1]


def _text(value: Any, feature: Feature | None) -> str:
    value = plain(value)
    if feature is not None:
        return feature.text(value)
    return number_text(value) if type(value) in (int, float) else str(value)
