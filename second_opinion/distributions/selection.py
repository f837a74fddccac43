"""Which predictions are looked at: those of a batch, or all that were asked for one by one.

A batch of a million rows is read once, a few columns at a time, and kept as small arrays, of which
the least used go first. Filters and lists are places in these arrays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from second_opinion.access import roles
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.distributions.batch_columns import BatchColumns
from second_opinion.distributions.overview import Overview
from second_opinion.formatting import plural
from second_opinion.models.card import ModelCard, value_text
from second_opinion.recent import Recent
from second_opinion.records.batch import Batch
from second_opinion.records.expert import Expert
from second_opinion.records.value import key_of, plain
from second_opinion.schema import Feature
from second_opinion.statistics.column_kinds import numbers
from second_opinion.statistics.ratings import Array
from second_opinion.store import Store
from second_opinion.store.single_predictions import MOST_SINGLES
from second_opinion.verdicts import meaning

MOST_OVERVIEWS = 32
AT_ONCE = 100_000
LISTED = 100

_overviews: Recent[Overview] = Recent(MOST_OVERVIEWS)
_singles: Recent[Selection] = Recent(2)


@dataclass(frozen=True)
class Condition:
    """Cases by one thing about them: it is one of ``levels``, or within one of ``ranges`` (from,
    and up to but without; dates as days since 1970).

    With ``besides`` the levels are left out instead. None among them is a value that is not known.
    A "case" is one of the ids ``levels``, and ``name`` says in words why these.
    """

    kind: Literal["prediction", "confidence", "day", "feature", "case"]
    name: str = ""
    levels: tuple[Any, ...] = ()
    ranges: tuple[tuple[float, float], ...] = ()
    besides: bool = False

    def mask(self, column: Any, *, is_date: bool = False) -> Array:
        """Which rows of the column are among them."""
        if self.ranges:
            points = numbers(column, "date" if is_date else "number")
            with np.errstate(invalid="ignore"):
                inside = [(points >= low) & (points < high) for low, high in self.ranges]
            return np.asarray(np.logical_or.reduce(inside))
        codes, values = pd.factorize(pd.Series(column))
        keys = {key_of(plain(level)) for level in self.levels}
        among = np.array([key_of(plain(v)) in keys for v in values] + [None in keys], bool)
        if self.besides:
            among = ~among
            among[-1] = False
        return np.asarray(among[codes])


@dataclass(frozen=True)
class Only:
    """Filters of the single predictions; an empty one lets all through. Days as ISO texts."""

    version: str = ""
    source: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def bounds(self) -> tuple[str, str]:
        """The times from which on and up to which; the last day counts whole."""
        after = "" if self.until is None else str(np.datetime64(self.until) + 1)
        return "" if self.since is None else self.since.isoformat(), after


@dataclass(frozen=True)
class Selection:
    """Some predictions, column by column.

    ``places`` are the rows looked at, None for all; ``ids`` are row numbers of the batch or
    prediction ids. ``columns`` gives whole columns of the features by name; free text is there as
    known or not, as nothing more of it is shown. ``key`` tells populations apart.
    """

    key: Hashable
    about: str
    card: ModelCard
    columns: Mapping[str, Any]
    answers: Any
    confidence: Array
    ids: Any
    when: Any = None
    batch: Batch | None = None
    parts: tuple[Condition, ...] = ()
    places: Array | None = None

    @property
    def rows(self) -> int:
        """How many predictions are looked at."""
        return len(self.answers if self.places is None else self.places)

    def where(self, part: Condition) -> Selection:
        """Those of them that are among the part."""
        if part.kind == "feature":
            is_date = self.card.case_schema[part.name].shape == "date"
            inside = part.mask(self.columns[part.name], is_date=is_date)
        elif part.kind == "day":
            inside = part.mask(self.when, is_date=True)
        elif part.kind == "case":
            inside = pd.Series(self.ids).isin(list(part.levels)).to_numpy()
        else:
            inside = part.mask(self.answers if part.kind == "prediction" else self.confidence)
        places = np.flatnonzero(inside) if self.places is None else self.places[inside[self.places]]
        return replace(self, places=places, parts=(*self.parts, part))

    def taken(self, whole: Any) -> Any:
        """The rows looked at of a whole column."""
        return whole if self.places is None or whole is None else whole[self.places]

    @property
    def cases(self) -> Mapping[str, Any]:
        """The features of the rows looked at, each read when it is asked for."""
        return _Taken(self)

    def overview(self) -> Overview:
        """All that is shown of their answers and confidences, added up."""
        return self._added((), "answers")

    def described(self) -> Overview:
        """All that is shown of their features, added up."""
        names = tuple(self.card.case_schema.names)
        return self._added(names, "features")

    def _added(self, names: Sequence[str], what: str) -> Overview:
        key = self.key, self.parts, self.card.sha256, what
        earlier = _overviews.get(key)
        if earlier is not None:
            return earlier
        overview = Overview(self.card)
        answers, sure, when = map(self.taken, (self.answers, self.confidence, self.when))
        cases = self.cases
        columns = {name: cases[name] for name in names if name in cases}
        for at in range(0, max(self.rows, 1), AT_ONCE):
            piece = slice(at, at + AT_ONCE)
            some = {name: column[piece] for name, column in columns.items()}
            overview.add(some, answers[piece], sure[piece], None if when is None else when[piece])
        return _overviews.keep(key, overview, 1)

    def page(self, number: int) -> list[Any]:
        """The ids of one page of at most 100 rows; the first page is 1."""
        ids: list[Any] = self.ids[self._places_of(number)].tolist()
        return ids

    def listed(self, number: int) -> pd.DataFrame:
        """One page of the cases as people read them: the answer, how sure, and the features."""
        at = self._places_of(number)
        columns: dict[str, Any] = {}
        if self.batch is not None:
            columns["Row"] = self.ids[at]
        else:
            columns["Time (UTC)"] = [moment[:16].replace("T", " ") for moment in self.when[at]]
        columns["The model says"] = [_or_nothing(v, self._answer_text) for v in self.answers[at]]
        columns["Sure"] = self.confidence[at]
        for feature in self._listed_features:
            cells = self.columns[feature.name][at]
            if feature.shape == "date":
                cells = [None if pd.isna(cell) else str(cell)[:10] for cell in cells]
            columns[feature.label] = [_or_nothing(cell, feature.text) for cell in cells]
        return pd.DataFrame(columns)

    def _answer_text(self, value: Any) -> str:
        return value_text(self.card, value)

    @property
    def _listed_features(self) -> list[Feature]:
        return [f for f in self.card.features if f.shape != "text" and f.name in self.columns]

    def _places_of(self, page: int) -> Array:
        whole = np.arange(len(self.answers)) if self.places is None else self.places
        return np.asarray(whole[(page - 1) * LISTED : page * LISTED])


def _or_nothing(value: Any, text_of: Callable[[Any], str]) -> str:
    value = plain(value)
    return "" if value is None else text_of(value)


class _Taken(Mapping[str, Any]):
    def __init__(self, selection: Selection) -> None:
        self._of = selection

    def __getitem__(self, name: str) -> Any:
        return self._of.taken(self._of.columns[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._of.columns)

    def __len__(self) -> int:
        return len(self._of.columns)


def of_batch(
    store: Store, batch: Batch, card: ModelCard, *, by: Expert = roles.PROGRAM
) -> Selection:
    """The rows of a batch that have an answer, for ``by``, who asks."""
    scores = ScoredRows(store, by).scores(batch)
    if scores.numbers is not None:
        answers: Any = scores.numbers
        answered = ~np.isnan(scores.numbers)
    else:
        values = np.empty(len(scores.values) + 1, dtype=object)
        values[:] = [*map(json.loads, scores.values), None]
        answers = pd.Categorical.from_codes(scores.codes, pd.Index(values[:-1], dtype=object))
        answered = scores.codes >= 0
    places = None if answered.all() else np.flatnonzero(answered)
    key = "batch", str(store.path), batch.id, batch.rows_done
    columns = BatchColumns(store, batch, card.case_schema, key)
    numbers_of_rows = np.arange(1, len(scores.codes) + 1)
    return Selection(
        key,
        f"{batch.name}, {plural(batch.rows_done, 'row')}",
        card,
        columns,
        answers,
        scores.confidence,
        numbers_of_rows,
        batch=batch,
        places=places,
    )


def of_singles(store: Store, card: ModelCard, only: Only | None = None) -> Selection:
    """The latest 50,000 predictions of the model that belong to no batch, newest first."""
    only = only or Only()
    counts = store.singles.counts(card.name)
    key = "singles", str(store.path), card.name, card.sha256, only, tuple(counts)
    earlier = _singles.get(key)
    if earlier is not None:
        return earlier
    since, until = only.bounds
    rows = store.singles.listed(
        card.name, version=only.version, source=only.source, since=since, until=until
    )
    about = plural(len(rows), "single prediction")
    if len(rows) == MOST_SINGLES:
        about = f"the latest {about}"
    selection = Selection(
        key,
        about,
        card,
        {feature.name: _of_inputs(rows, feature) for feature in card.case_schema},
        _answers(rows, card),
        np.array([row["confidence"] for row in rows], dtype=float),
        np.array([row["id"] for row in rows], dtype=object),
        np.array([row["created_at"] for row in rows], dtype=object),
    )
    return _singles.keep(key, selection, 1)


def _of_inputs(rows: list[dict[str, Any]], feature: Feature) -> Any:
    values = [row["inputs"].get(feature.name) for row in rows]
    shape = feature.shape
    if shape == "number":
        return numbers(pd.Series(values, dtype=object))
    if shape == "text":
        values = [None if value is None else "text" for value in values]
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _answers(rows: list[dict[str, Any]], card: ModelCard) -> Any:
    values = np.empty(len(rows), dtype=object)
    values[:] = [row["value"] for row in rows]
    return numbers(pd.Series(values)) if card.task == "regression" else values


def verdicts(store: Store, selection: Selection, *, by: Expert | None = None) -> pd.DataFrame:
    """The verdicts on these predictions, by what counts: a final answer goes before each.

    ``by`` is who asks, refused below a reviewer with a `UserError`; without it, it is the program
    that has the file.

    Columns ``id`` (that of the selection), ``case`` (a number: predictions with the same inputs are
    one case), ``confidence`` (0 to 1; NaN where there is none, and of
    a risk, which is about right without having come true), ``risk`` (0 to 1, NaN of all others),
    ``says`` (of a risk: too_low, about_right or too_high, empty where none is said), ``wrong`` (1
    where the model is wrong, 0 where it is right, NaN where nobody could say) and ``day`` (ISO,
    UTC), in the order of their times.
    """
    if by is not None:
        roles.check(by, "see every verdict")
    batch = selection.batch
    rows = store.singles.verdicts(selection.card.name, batch.id if batch else None)
    ids = selection.taken(selection.ids)
    name = "row_number" if batch else "prediction_id"
    # Of a million rows a few are judged.
    judged_ids = set(ids[pd.Series(ids).isin([row[name] for row in rows]).to_numpy()].tolist())
    own = [row for row in rows if row[name] in judged_ids]
    wrong = {"right": 0.0, "wrong": 1.0}
    is_risk = selection.card.answer == "probability"
    sure = [None if is_risk else row["confidence"] for row in own]
    risks = [selection.card.probability(row["probabilities"]) if is_risk else None for row in own]
    return pd.DataFrame(
        {
            "id": pd.Series([row[name] for row in own], dtype=object),
            "case": np.array([row["case_id"] for row in own], dtype=int),
            "confidence": np.array(sure, dtype=float),
            "risk": np.array(risks, dtype=float),
            "says": [
                meaning.side_of(row["outcome"], row["direction"]) if is_risk else "" for row in own
            ],
            "wrong": np.array([wrong.get(row["outcome"], np.nan) for row in own], dtype=float),
            "day": [row["created_at"][:10] for row in own],
        }
    )
