"""Two versions of a model compared: where they differ, and which of them the experts back.

The first is the one in use, the second the one that may take its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion.artifacts import loading
from second_opinion.card import ModelCard
from second_opinion.errors import UserError
from second_opinion.formatting import joined, plural
from second_opinion.pair import Case, Pair
from second_opinion.predictor import Model
from second_opinion.records.review import VersionTally
from second_opinion.records.value import plain, same_value
from second_opinion.registry import Registry
from second_opinion.statistics import agreement, paired

if TYPE_CHECKING:
    import pandas as pd

MADE_UP = 1000
MOST_SHOWN = 100


@dataclass(frozen=True)
class CaseSet:
    """Cases to compare versions on.

    ``about`` says where they come from, and ``key`` tells them from all others in a cache.
    """

    cases: Sequence[Case]
    about: str
    key: str


def cases_key(registry: Registry, card: ModelCard) -> str:
    """What tells the cases of `cases_of` from all others, read without reading them."""
    path = registry.rows_file(card)
    return f"{card.sha256} {loading.stamp_of(path) if path else MADE_UP}"


def cases_of(registry: Registry, card: ModelCard) -> CaseSet:
    """Cases like those that a version was trained on: its stored rows, or 1,000 made-up ones."""
    key, path = cases_key(registry, card), registry.rows_file(card)
    if path is None:
        known = registry.reference(card)
        made = [known.plausible(card.case_schema, seed) for seed in range(MADE_UP)]
        about = f"{MADE_UP:,} made-up cases that hang together like the training data"
        return CaseSet(made, f"{about} of version {card.version}", key)
    import pandas as pd

    rows = pd.read_parquet(path).drop(columns=card.target.name, errors="ignore")
    about = f"{plural(len(rows), 'stored row')} of the training data of version {card.version}"
    return CaseSet(cases_in(rows), about, key)


def cases_in(rows: pd.DataFrame) -> list[Case]:
    """The rows of a frame as plain cases, dates as ISO text."""
    days = rows.select_dtypes("datetime")
    for name in days:
        rows[name] = days[name].dt.strftime("%Y-%m-%d")
    return [{str(n): plain(v) for n, v in row.items()} for row in rows.to_dict("records")]


@dataclass(frozen=True)
class Comparison:
    """What two versions said of the same cases.

    ``cases`` counts those that both could read, ``same`` those with the same answer (None for
    numbers without a tolerance), with its Wilson interval ``low`` to ``high``. ``unread`` says in
    sentences what one of them could not read. ``answers`` and ``confidences`` count cases, with a
    column for each version; ``crossed`` has the first version's answers as rows and the second's
    as columns (None for numbers). ``differing`` shows the first 100 of ``different`` cases, the
    largest change first. ``mean_change`` is that of the number, or of the probability that changed
    most; NaN without probabilities. ``correlation`` is of numbers alone.
    """

    cases: int
    unread: tuple[str, ...]
    same: int | None
    low: float
    high: float
    mean_change: float
    correlation: float
    answers: pd.DataFrame
    confidences: pd.DataFrame
    crossed: pd.DataFrame | None
    different: int
    differing: pd.DataFrame


def compare(
    first: Model, second: Model, cases: Sequence[Case], tolerance: float | None = None
) -> Comparison:
    """Let both versions predict the cases. Numbers within ``tolerance`` of each other are the same.

    `UserError` where their answers are of different kinds, or neither could read a case.
    """
    pair = Pair.of(first, second, cases)
    if not pair.at:
        raise UserError(
            f"No case can be read by both: {joined(pair.unread)}. Compare them on other cases."
        )
    same = pair.same(tolerance)
    counted = None if pair.numbers and tolerance is None else int(same.sum())
    low, high = (np.nan, np.nan) if counted is None else agreement.wilson(counted, len(same))
    largest_first = np.argsort(-np.nan_to_num(pair.change), kind="stable")
    shown = [int(at) for at in largest_first if not same[at]]
    return Comparison(
        cases=len(pair.at),
        unread=tuple(pair.unread),
        same=counted,
        low=low,
        high=high,
        mean_change=float(np.mean(pair.change)),
        correlation=pair.correlation,
        answers=pair.distribution,
        confidences=pair.confidences,
        crossed=None if pair.numbers else pair.crossed,
        different=len(shown),
        differing=pair.table(shown[:MOST_SHOWN]),
    )


@dataclass(frozen=True)
class Backed:
    """Which of two versions the experts back, on the cases whose right answer they gave.

    ``fixed`` counts what the first had wrong and the second has right, ``broken`` the reverse; each
    table shows the first 100 of them. ``left_out`` says in sentences which cases do not count.
    ``p_value`` is of the exact McNemar test, and ``text`` what it says.
    """

    cases: int
    both: int
    neither: int
    fixed: int
    broken: int
    fixed_cases: pd.DataFrame
    broken_cases: pd.DataFrame
    left_out: tuple[str, ...]
    p_value: float
    text: str


def backed(
    first: Model,
    second: Model,
    judged: Sequence[Mapping[str, Any]],
    tolerance: float | None = None,
) -> Backed:
    """Compare two versions on what experts said of the predictions of either.

    ``judged`` has a row for each verdict, with ``version, inputs, value, judgement`` and
    ``correct_value``, as `Store.judged` gives them. The right answer of a case is what was accepted
    or given as right; equal inputs are one case. A number is right within ``tolerance``.
    """
    if first.card.task == "regression" and tolerance is None:
        raise UserError(
            "Which numbers are right is not known; expected a tolerance: how far a number may be "
            "off and still count as right. Give one."
        )
    known, left_out = _known(first.card, judged, tolerance)
    pair = Pair.of(first, second, [case.inputs for case in known])
    kept = [known[at] for at in pair.at]
    one, other = (
        _right_of(kept, card.version, values, tolerance)
        for card, values in zip(pair.cards, pair.values, strict=True)
    )
    fixed, broken = (np.flatnonzero(found).tolist() for found in (~one & other, one & ~other))
    shown = [
        pair.table(rows[:MOST_SHOWN], [kept[row].right for row in rows[:MOST_SHOWN]])
        for rows in (fixed, broken)
    ]
    return Backed(
        cases=len(kept),
        both=int((one & other).sum()),
        neither=int((~one & ~other).sum()),
        fixed=len(fixed),
        broken=len(broken),
        fixed_cases=shown[0],
        broken_cases=shown[1],
        left_out=(*left_out, *pair.unread),
        p_value=paired.mcnemar(len(fixed), len(broken)),
        text=paired.mcnemar_text(len(fixed), len(broken), pair.names[1], pair.names[0]),
    )


@dataclass(frozen=True)
class _Known:
    """A case with its right answer, and what the versions that were judged on it said."""

    inputs: Case
    right: Any
    said: Mapping[str, Any]

    def fits(self, value: Any, tolerance: float | None) -> bool:
        if tolerance is None:
            return same_value(value, self.right)
        return bool(abs(value - self.right) <= tolerance)


def _right_of(
    cases: Sequence[_Known], version: str, values: Sequence[Any], tolerance: float | None
) -> np.ndarray[Any, Any]:
    """Whether a version is right in each case; what was judged counts, where that is on record."""
    said = [case.said.get(version, value) for case, value in zip(cases, values, strict=True)]
    fits = [case.fits(value, tolerance) for case, value in zip(cases, said, strict=True)]
    return np.array(fits, dtype=bool)


def _known(
    card: ModelCard, judged: Sequence[Mapping[str, Any]], tolerance: float | None
) -> tuple[list[_Known], list[str]]:
    """The cases with one right answer, and sentences about the others."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in judged:
        groups.setdefault(json.dumps(row["inputs"], sort_keys=True), []).append(row)
    known, silent, conflicts = [], 0, 0
    for rows in groups.values():
        given = [value for row in rows if (value := _right(card, row)) is not None]
        if not given:
            silent += 1
        elif not _one_answer(given, tolerance):
            conflicts += 1
        else:
            right = given[0] if tolerance is None else float(np.median(given))
            known.append(_Known(rows[0]["inputs"], right, {r["version"]: r["value"] for r in rows}))
    counted = ((silent, "nobody said what is right"), (conflicts, "experts disagree"))
    return known, [f"in {plural(n, 'case')} {why}" for n, why in counted if n]


def _right(card: ModelCard, row: Mapping[str, Any]) -> Any:
    """What an expert says is right; None where that is not known."""
    if card.answer == "probability":
        # A risk that is "about right" does not make its class the right one.
        return None
    if row["judgement"] == "agree":
        return row["value"]
    if row["correct_value"] is None and card.task == "binary":
        others = [v for v in card.class_values if not same_value(v, row["value"])]
        return others[0] if len(others) == 1 else None
    return row["correct_value"]


def _one_answer(given: Sequence[Any], tolerance: float | None) -> bool:
    if tolerance is not None:
        return bool(max(given) - min(given) <= tolerance)
    return all(same_value(value, given[0]) for value in given)


def arm_table(arms: Sequence[VersionTally]) -> pd.DataFrame:
    """A row for each version of an A/B alias: its verdicts, and the share that agrees.

    ``agreement`` with its 95 % Wilson interval ``low`` to ``high``, 0 to 1; unsure counts in
    neither. Without a verdict the share is NaN, and may be anything from 0 to 1.
    """
    import pandas as pd

    table = pd.DataFrame([vars(arm) for arm in arms])
    judged = table["agree"] + table["disagree"]
    low, high = agreement.wilson(table["agree"], judged)
    return table.assign(agreement=table["agree"] / judged, low=low, high=high)


def arm_texts(arms: Sequence[VersionTally]) -> list[str]:
    """Whether the arms can be told apart, a sentence for each pair; several share the 5 %."""
    pairs = list(combinations(arms, 2))
    return [
        ("" if len(pairs) == 1 else f"Versions {one.version} and {other.version}: ")
        + paired.fisher_text(
            (one.agree, one.disagree),
            (other.agree, other.disagree),
            (f"version {one.version}", f"version {other.version}"),
            paired.ALPHA / len(pairs),
        )
        for one, other in pairs
    ]
