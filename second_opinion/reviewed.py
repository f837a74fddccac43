"""What the verdicts of a filter add up to, and the tables that the statistics of a review take.

A filter by model and version alone is answered by the summaries that the database keeps, over all
verdicts. Anything narrower is counted from the newest matching verdicts, up to `MOST`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from second_opinion.filters import Filter
from second_opinion.records import Judged, SharedCase, folded, plain
from second_opinion.statistics import experts
from second_opinion.statistics.agreement import wilson
from second_opinion.statistics.slices import BANDS
from second_opinion.store.review import SAID, Review
from second_opinion.words import percent

MOST = 2_500
# Below this many verdicts a share says next to nothing.
FEW = 20


@dataclass(frozen=True)
class Figures:
    """Counts of verdicts, each frame with the columns of `SAID` after its own.

    ``counted`` verdicts of ``total`` were counted, the newest ones; with ``more`` there are more
    than ``total``. ``confusion`` has ``value, answer, verdicts``.
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


def is_whole(wanted: Filter) -> bool:
    """Whether the filter asks for all verdicts of a model or version."""
    return wanted == Filter(model=wanted.model, version=wanted.version)


def figures(review: Review, wanted: Filter) -> Figures:
    """The figures of a filter, from the summaries where these know them."""
    if not is_whole(wanted):
        page = review.page(wanted, size=MOST)
        return _counted(page.rows, page.total, more=page.more)
    about = (wanted.model, wanted.version)
    versions = review.by_version(wanted.model)
    if wanted.version is not None:
        versions = versions[versions["version"] == wanted.version]
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
    )


def _counted(rows: list[Judged], total: int, *, more: bool) -> Figures:
    classes = [row for row in rows if _is_class(row)]
    answered = [row for row in classes if row.answer is not None]
    pairs = Counter((_key(row.prediction.value), _key(row.answer)) for row in answered)
    confusion = [(json.loads(v), json.loads(a), n) for (v, a), n in sorted(pairs.items())]
    by_expert = _by(rows, ["expert"], lambda row: (folded(row.verdict.expert),))
    names = {folded(row.verdict.expert): row.verdict.expert for row in reversed(rows)}
    by_class = _by(classes, ["value"], lambda row: (_key(row.prediction.value),))
    return Figures(
        total=total,
        more=more,
        by_version=_by(
            rows, ["model", "version"], lambda row: (row.prediction.model, row.prediction.version)
        ),
        by_day=_by(rows, ["day"], lambda row: (row.verdict.created_at[:10],)),
        by_class=by_class.assign(value=[json.loads(text) for text in by_class["value"]]),
        by_confidence=_by(
            [row for row in rows if row.prediction.confidence is not None],
            ["percent"],
            lambda row: (int((row.prediction.confidence or 0) * 100 + 1e-9),),
        ),
        by_expert=by_expert.assign(expert=by_expert["expert"].map(names)).sort_values(
            "verdicts", ascending=False, kind="stable", ignore_index=True
        ),
        by_mode=_by(rows, ["mode"], lambda row: (row.verdict.mode,)),
        confusion=pd.DataFrame(confusion, columns=["value", "answer", "verdicts"]),
    )


def _is_class(row: Judged) -> bool:
    """As the database sees it: a class is whatever is no fraction."""
    made = row.prediction
    known = made.value is not None
    return known and (made.probabilities is not None or not isinstance(made.value, float))


def _key(value: Any) -> str:
    # Python takes True for 1, which in an answer are two different things.
    return json.dumps(plain(value))


def _by(
    rows: Iterable[Judged], columns: list[str], key: Callable[[Judged], tuple[Any, ...]]
) -> pd.DataFrame:
    counts: dict[tuple[Any, ...], dict[str, int]] = {}
    for row in rows:
        count = counts.setdefault(key(row), dict.fromkeys(SAID, 0))
        outcome = () if row.outcome == "unsure" else (row.outcome,)
        for name in ("verdicts", row.verdict.judgement, *outcome):
            count[name] += 1
    table = [(*each, *count.values()) for each, count in sorted(counts.items())]
    return pd.DataFrame(table, columns=[*columns, *SAID])


def with_agreement(table: pd.DataFrame) -> pd.DataFrame:
    """The same with the share right of those that say so: ``share, low, high`` (95 % Wilson).

    NaN where every verdict is unsure.
    """
    judged = table["right"] + table["wrong"]
    low, high = wilson(table["right"], judged)
    known = table.assign(share=table["right"] / judged.where(judged > 0), low=low, high=high)
    known[["low", "high"]] = known[["low", "high"]].where(judged > 0)
    return known


def by_band(by_confidence: pd.DataFrame) -> pd.DataFrame:
    """Verdicts by bands of confidence: ``band`` in words, and `SAID`; empty bands are left out."""
    edges = [0.0, *BANDS, 1.01]
    names = [f"under {percent(BANDS[0])}"]
    names += [f"{percent(low)} to {percent(high)}" for low, high in pairwise(BANDS)]
    names.append(f"{percent(BANDS[-1])} or more")
    at = pd.cut(by_confidence["percent"] / 100 + 1e-9, edges, right=False, labels=names)
    summed = by_confidence.groupby(at, observed=True)[SAID].sum()
    return summed.rename_axis("band").reset_index().astype({"band": str})


@dataclass(frozen=True)
class Cases:
    """Judged cases, each once, the newest first.

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


def cases(review: Review, wanted: Filter, most: int = MOST) -> Cases:
    """The newest cases of a filter with whether the model was wrong, from ``most`` verdicts."""
    outcomes: dict[str, set[str]] = {}
    first: dict[str, Judged] = {}
    for row in review.page(wanted, size=most).rows:
        first.setdefault(row.prediction.id, row)
        outcomes.setdefault(row.prediction.id, set()).add(row.outcome)
    return Cases(list(first.values()), [_error(outcomes[case]) for case in first])


def _error(outcomes: set[str]) -> float:
    said = outcomes - {"unsure"}
    return float(said == {"wrong"}) if len(said) == 1 else float("nan")


def shared(review: Review, wanted: Filter, most: int = 2_000) -> list[SharedCase]:
    """The newest cases that two experts or more judged; of a narrow filter, those it finds."""
    found = review.shared_cases(wanted.model, wanted.version, most)
    if is_whole(wanted):
        return found
    within = {row.prediction.id for row in review.page(wanted, size=MOST).rows}
    return [case for case in found if case.prediction_id in within]


def ratings(found: Sequence[SharedCase]) -> pd.DataFrame:
    """What each expert (row) said is right of each case (column); None where nothing."""
    answers: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for case in found:
        for name, _, value in case.answers:
            names.setdefault(folded(name), name)
            answers.setdefault(folded(name), {})[case.prediction_id] = plain(value)
    ids = [case.prediction_id for case in found]
    table = [[given.get(case) for case in ids] for given in answers.values()]
    return pd.DataFrame(table, index=[names[key] for key in answers], columns=ids, dtype=object)


def agreement(table: pd.DataFrame, *, numbers: bool) -> experts.Agreement:
    """How far experts agree with each other on what the answer is."""
    return experts.between(table, "interval" if numbers else "nominal")


def in_order(case: SharedCase) -> Iterator[tuple[str, str, str, Any]]:
    """The answers of a case under letters: ``letter, name, judgement, answer``.

    The letters are given anew for each case, so that nobody is known by theirs.
    """
    from hashlib import sha256

    def shuffled(answer: tuple[str, str, Any]) -> bytes:
        return sha256(f"{case.prediction_id} {folded(answer[0])}".encode()).digest()

    for at, (name, judgement, value) in enumerate(sorted(case.answers, key=shuffled)):
        yield _letter(at), name, judgement, value


def _letter(at: int) -> str:
    return chr(65 + at) if at < 26 else f"{chr(64 + at // 26)}{chr(65 + at % 26)}"
