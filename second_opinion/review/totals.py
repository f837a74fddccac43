"""What the verdicts of a filter add up to, and the tables that the statistics of a review take.

A filter by model and version alone is answered by the summaries that the database keeps, over all
verdicts. Anything narrower is counted from the newest matching verdicts, up to `MOST`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from second_opinion.formatting import percent
from second_opinion.records import namesakes
from second_opinion.records.answer_scale import is_number
from second_opinion.records.review import CERTAIN, NOT_NAMED, Conflict, Judged, Opinion, SharedCase
from second_opinion.records.value import plain, same_value
from second_opinion.records.verdict import Verdict
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.statistics import calibration, expert_agreement
from second_opinion.statistics.agreement import wilson
from second_opinion.statistics.clustered_share import SUMS, CaseSums, numbers
from second_opinion.statistics.slices import BANDS
from second_opinion.store.recent_counts import SAID, Newest, people
from second_opinion.store.review_queries import Review
from second_opinion.store.review_summaries import class_named
from second_opinion.verdicts import meaning

MOST = 50_000
# Cases whose inputs are read: a row costs as much as a hundred that are only counted.
MOST_READ = 2_500
MOST_SHARED = 2_000
ABOUT_RIGHT = "about_right"
# Below this many verdicts a share says next to nothing.
FEW = 20


@dataclass(frozen=True)
class Figures:
    """Counts of verdicts, each frame with the columns of `SAID` after its own.

    ``counted`` verdicts of ``total`` were counted, the newest ones; with ``more`` there are more
    than ``total``. ``by_case`` sums up the cases that they are on. ``newest`` is what was counted,
    None where the summaries answered. ``confusion`` has ``value,
    answer, verdicts``, as `Review.confusion` gives it.
    """

    total: int
    more: bool
    by_version: pd.DataFrame
    by_day: pd.DataFrame
    by_class: pd.DataFrame
    by_confidence: pd.DataFrame
    by_expert: pd.DataFrame
    by_mode: pd.DataFrame
    confusion: pd.DataFrame
    by_case: CaseSums
    newest: Newest | None = None

    def of(self, name: str) -> int:
        """How many verdicts say this, by a name of `SAID`."""
        return int(self.by_version[name].sum())

    @property
    def counted(self) -> int:
        """How many verdicts the figures rest on."""
        return self.of("verdicts")

    @property
    def after_seeing(self) -> int:
        """How many of them were given after the expert saw the model's answer."""
        return int(self.by_mode.loc[self.by_mode["mode"] == "open", "verdicts"].sum())


def is_whole(verdict_filter: VerdictFilter) -> bool:
    """Whether the filter asks for all verdicts of a model or version."""
    return verdict_filter == VerdictFilter(
        model=verdict_filter.model, version=verdict_filter.version
    )


def figures(review: Review, verdict_filter: VerdictFilter) -> Figures:
    """The figures of a filter, from the summaries where these know them."""
    if not is_whole(verdict_filter):
        return _figures_of(review.newest(verdict_filter, MOST))
    about = (verdict_filter.model, verdict_filter.version)
    versions = review.by_version(verdict_filter.model)
    if verdict_filter.version is not None:
        versions = versions[versions["version"] == verdict_filter.version]
    return Figures(
        total=int(versions["verdicts"].sum()),
        more=False,
        by_version=versions.reset_index(drop=True),
        by_day=review.by_day(*about),
        by_class=review.by_class(*about),
        by_confidence=review.by_confidence(*about),
        by_expert=review.by_expert(*about),
        by_mode=review.by_mode(*about),
        confusion=review.confusion(*about),
        by_case=_by_case(review, verdict_filter, versions),
    )


def _by_case(review: Review, verdict_filter: VerdictFilter, versions: pd.DataFrame) -> CaseSums:
    several = CaseSums(**review.case_sums(verdict_filter.model, verdict_filter.version))
    right, wrong = int(versions["right"].sum()), int(versions["wrong"].sum())
    return several.with_single(right - several.right, right + wrong - several.certain)


def _figures_of(newest: Newest) -> Figures:
    by_class, pairs = newest.by("value"), newest.by("value", "answer")
    by_class = by_class[by_class["value"] != ""].reset_index(drop=True)
    pairs["verdicts"] = pairs["right"] + pairs["wrong"]
    pairs = pairs[(pairs["value"] != "") & (pairs["verdicts"] > 0)].reset_index(drop=True)
    pairs = _decoded(pairs, "value").assign(answer=list(map(class_named, pairs["answer"])))
    return Figures(
        total=newest.total,
        more=newest.more,
        by_version=newest.by("model", "version"),
        by_day=newest.by("day"),
        by_class=_decoded(by_class, "value"),
        by_confidence=newest.by("percent"),
        by_expert=people(newest.by("expert")),
        by_mode=newest.by("mode"),
        confusion=pairs[["value", "answer", "verdicts"]],
        by_case=_sums_of(newest),
        newest=newest,
    )


def _sums_of(newest: Newest) -> CaseSums:
    facts = newest.certain_facts()
    cases, _ = pd.factorize(facts["case_id"])
    right = np.bincount(cases, weights=facts["outcome"] == "right")
    return CaseSums.of(right, np.bincount(cases))


def _decoded(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The same with values where JSON texts stand: 1, True and "1" stay apart."""
    values = {name: pd.Series(map(json.loads, table[name]), dtype="object") for name in names}
    return table.assign(**values)


def with_agreement(table: pd.DataFrame) -> pd.DataFrame:
    """The same with the share right of those that say so: ``share, low, high`` (95 % Wilson, on
    what `clustered_share.numbers` says).

    NaN where every verdict is unsure.
    """
    sure_verdicts = table["right"] + table["wrong"]
    share = table["right"] / sure_verdicts.where(sure_verdicts > 0)
    number = numbers(table)
    low, high = wilson((share * number).fillna(0), number)
    shares = table.assign(share=share, low=low, high=high)
    shares[["low", "high"]] = shares[["low", "high"]].where(sure_verdicts > 0)
    return shares


def by_band(by_confidence: pd.DataFrame) -> pd.DataFrame:
    """Verdicts by bands of confidence: ``band`` in words, `SAID` and what there is of `SUMS`; empty
    bands are left out."""
    edges = [0.0, *BANDS, 1.01]
    names = [f"under {percent(BANDS[0])}"]
    names += [f"{percent(low)} to {percent(high)}" for low, high in pairwise(BANDS)]
    names.append(f"{percent(BANDS[-1])} or more")
    at = pd.cut(by_confidence["percent"] / 100 + 1e-9, edges, right=False, labels=names)
    counts = [*SAID, *(name for name in SUMS if name in by_confidence)]
    summed = by_confidence.groupby(at, observed=True)[counts].sum()
    return summed.rename_axis("band").reset_index().astype({"band": str})


@dataclass(frozen=True)
class JudgedCases:
    """Judged cases, each once whatever the number of its predictions, the newest first.

    ``errors`` is 1 where the model was wrong by what counts, 0 where it was right, and NaN where
    nobody could say or experts contradict each other.
    """

    rows: list[Judged]
    errors: list[float]

    @property
    def inputs(self) -> pd.DataFrame:
        """One row a case."""
        return pd.DataFrame([dict(row.prediction.inputs) for row in self.rows])

    @property
    def confidence(self) -> list[float | None]:
        """How sure the model was of each."""
        return [row.prediction.confidence for row in self.rows]


def cases(review: Review, verdict_filter: VerdictFilter, most: int = MOST_READ) -> JudgedCases:
    """The newest cases of a filter with whether the model was wrong, from ``most`` verdicts."""
    outcomes: dict[int, set[str]] = {}
    first: dict[int, Judged] = {}
    for row in review.page(verdict_filter, size=most).rows:
        first.setdefault(row.case_id, row)
        outcomes.setdefault(row.case_id, set()).add(row.outcome)
    return JudgedCases(list(first.values()), [_error(outcomes[case]) for case in first])


def _error(outcomes: set[str]) -> float:
    sure_outcomes = outcomes - {"unsure"}
    return float(sure_outcomes == {"wrong"}) if len(sure_outcomes) == 1 else float("nan")


def shared(
    review: Review, verdict_filter: VerdictFilter, most: int = MOST_SHARED
) -> list[SharedCase]:
    """The newest cases that two experts or more judged; of a narrow filter, those it finds."""
    shared_cases = review.shared_cases(verdict_filter.model, verdict_filter.version, most)
    if is_whole(verdict_filter):
        return shared_cases
    within = {row.case_id for row in review.page(verdict_filter, size=MOST_READ).rows}
    return [case for case in shared_cases if case.case_id in within]


def ratings(shared_cases: Sequence[SharedCase]) -> pd.DataFrame:
    """What each expert (row) says is right of each case (column); None where nothing.

    Where a disagreement names nothing that is "not the model's", or which way a number or a risk is
    off: a word, and for who takes a risk as it is "about right".
    """
    answers: dict[str, dict[str, Any]] = {}
    names = _names(shared_cases)
    for case in shared_cases:
        wrong = [o.answer for o in case.opinions if o.outcome == "wrong" and o.answer is not None]
        for opinion in case.opinions:
            answers.setdefault(opinion.by_key, {})[case.prediction_id] = _rating(opinion, wrong)
    ids = [case.prediction_id for case in shared_cases]
    table = [[by_case.get(case) for case in ids] for by_case in answers.values()]
    return pd.DataFrame(table, index=[names[key] for key in answers], columns=ids, dtype=object)


def _names(shared_cases: Sequence[SharedCase]) -> dict[str, str]:
    """What to call each expert, by key: by the label that stands first."""
    opinions = [opinion for case in shared_cases for opinion in case.opinions]
    return namesakes.names({one.by_key: one.expert for one in reversed(opinions)})


def _rating(opinion: Opinion, named: list[Any]) -> Any:
    if opinion.outcome not in CERTAIN or opinion.answer is not None:
        return plain(opinion.answer)
    if opinion.outcome == "right":
        return ABOUT_RIGHT
    if opinion.direction is not None:
        return opinion.direction
    # "Not this one" goes with the one other class that somebody names.
    return plain(named[0]) if named and all(same_value(n, named[0]) for n in named) else NOT_NAMED


def agreement(
    table: pd.DataFrame, *, numbers: bool, shared_cases: Sequence[SharedCase] = ()
) -> expert_agreement.Agreement:
    """How far experts agree with each other on what the answer is.

    Of numbers ``shared_cases`` has the tolerance of each, and who named none.
    """
    if not numbers:
        return expert_agreement.between(table, "nominal")
    counted = same_answers(shared_cases, numbers=True)
    return expert_agreement.between(_numbers(table), "interval", counted=counted)


def same_answers(shared_cases: Sequence[SharedCase], *, numbers: bool) -> tuple[int, int]:
    """How many cases two experts or more answered, and in how many all answers are the same."""
    if not numbers:
        return expert_agreement.same_answers(ratings(shared_cases))
    several = [case for case in shared_cases if len(_certain(case.opinions)) > 1]
    same = sum(not meaning.contradict(case.opinions, case.tolerance) for case in several)
    return len(several), same


def number_pairs(shared_cases: Sequence[SharedCase]) -> pd.DataFrame:
    """Each two experts who share cases with a number, those with most of them first.

    ``rater_a, rater_b, cases, agreed`` (within the tolerance), ``share, low, high``, ``numbers``
    (cases with a number of both), ``distance`` (the mean of how far these lie apart) and ``lower,
    upper``, the limits between which 95 % of a − b lie (Bland and Altman 1986).
    """
    pairs: dict[tuple[str, str], list[tuple[bool, Any, Any]]] = {}
    names = _names(shared_cases)
    for case in shared_cases:
        by_person = {opinion.by_key: opinion for opinion in _certain(case.opinions)}
        for a, b in combinations(sorted(by_person), 2):
            two = by_person[a], by_person[b]
            same = not meaning.contradict(two, case.tolerance)
            pairs.setdefault((a, b), []).append((same, two[0].answer, two[1].answer))
    rows = [
        {"rater_a": names[a], "rater_b": names[b], **_pair(both)} for (a, b), both in pairs.items()
    ]
    columns = ["rater_a", "rater_b", "cases", "agreed", "share", "low", "high"]
    table = pd.DataFrame(rows, columns=[*columns, "numbers", "distance", "lower", "upper"])
    return table.sort_values("cases", ascending=False, kind="stable", ignore_index=True)


def _pair(both: list[tuple[bool, Any, Any]]) -> dict[str, Any]:
    agreed, cases = sum(same for same, _, _ in both), len(both)
    low, high = wilson(agreed, cases)
    one, other = ([number_or_nan(pair[at]) for pair in both] for at in (1, 2))
    limits = calibration.bland_altman(one, other)
    gaps = pd.Series(one) - pd.Series(other)
    return {
        **{"cases": cases, "agreed": agreed, "share": agreed / cases, "low": low, "high": high},
        **{"numbers": limits.n, "distance": float(gaps.abs().mean())},
        **{"lower": limits.low, "upper": limits.high},
    }


def number_or_nan(value: Any) -> float:
    """The number, NaN of what is none."""
    return float(value) if is_number(value) else float("nan")


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with its numbers alone."""
    return table.map(lambda value: value if is_number(value) else None).astype(object)


def _certain(opinions: Sequence[Opinion]) -> list[Opinion]:
    return [opinion for opinion in opinions if opinion.outcome in CERTAIN]


def in_order(case: Conflict) -> Iterator[tuple[str, Verdict]]:
    """What experts say of a case, each under a letter.

    The letters are given anew for each case, so that nobody is known by theirs.
    """
    from hashlib import sha256

    def shuffled(person: str) -> bytes:
        return sha256(f"{case.case_id} {person}".encode()).digest()

    people = sorted({verdict.by_key for verdict in case.verdicts}, key=shuffled)
    for at, person in enumerate(people):
        for verdict in case.verdicts:
            if verdict.by_key == person:
                yield _letter(at), verdict


def _letter(at: int) -> str:
    return chr(65 + at) if at < 26 else f"{chr(64 + at // 26)}{chr(65 + at % 26)}"
