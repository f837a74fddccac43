"""The scored rows of a batch: filtered, sorted, a page at a time, and summed up.

Only the scored columns are read whole, once, and kept as small arrays; of the rows themselves no
more is read than a page shows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from second_opinion.access import roles
from second_opinion.batches import column_rights
from second_opinion.batches.packing import taken, unpacked, unpacked_text
from second_opinion.errors import UserError
from second_opinion.formatting import round_down
from second_opinion.models.card import ModelCard
from second_opinion.recent import Recent, bytes_of
from second_opinion.records.answer_scale import AnswerScale
from second_opinion.records.batch import Batch, prediction_id
from second_opinion.records.expert import Expert
from second_opinion.records.prediction import Prediction
from second_opinion.records.value import plain
from second_opinion.store import Store
from second_opinion.store.batches import ChunkPlace

if TYPE_CHECKING:
    import pyarrow as pa

PAGE_ROWS = 100
# So many bars at least, and at most two and a half times as many.
BARS = 8
# A million rows take 16 MB, and 4 MB more for each order in which they are looked at.
MOST_SCORES, MOST_ORDERS = 48_000_000, 24_000_000

SortBy = Literal["row", "prediction", "confidence"]


@dataclass(frozen=True)
class RowFilter:
    """Which rows of a batch are looked at; an empty filter means all of them.

    ``prediction`` is the JSON text of a class; ``text`` is looked for in ``column`` whatever its
    case; ``review_state`` is about the verdicts of the person who asks, ``by``.
    """

    prediction: str = ""
    flagged: bool = False
    low_confidence: bool = False
    column: str = ""
    text: str = ""
    review_state: Literal["", "judged", "open"] = ""
    by: Expert | None = None


@dataclass(frozen=True)
class RowPage:
    """Some rows of a batch: their numbers (1 is the first good row) and lines of the file, the
    columns of the file as text, the scored columns, and how many rows the filter lets through."""

    rows: np.ndarray
    lines: np.ndarray
    text: pa.Table
    scored: pa.Table
    total: int


@dataclass(frozen=True)
class BatchSummary:
    """What a model said of a batch.

    ``classes`` counts rows by the JSON text of their prediction; for a regression ``bars`` counts
    them between ``edges`` instead. ``flags`` counts rows by flag, ``flagged`` those with any.
    ``confidence`` is the mean, 0 to 1, or None; ``low_confidence`` is a share of the rows.
    """

    rows: int
    classes: dict[str, int]
    edges: tuple[float, ...]
    bars: tuple[int, ...]
    confidence: float | None
    low_confidence: float
    flagged: int
    flags: dict[str, int]


@dataclass(frozen=True)
class Scores:
    """The scored columns as arrays, row after row. A code is a place in ``values`` or ``flags``,
    or -1; ``numbers`` are those of a regression, whose predictions have no codes."""

    values: tuple[str, ...]
    codes: np.ndarray
    numbers: np.ndarray | None
    confidence: np.ndarray
    flags: tuple[str, ...]
    flag_codes: np.ndarray

    @property
    def has_answer(self) -> np.ndarray:
        """Which rows have an answer: the model fails on others."""
        return self.codes >= 0 if self.numbers is None else ~np.isnan(self.numbers)


# By batch, whatever the store: an id says what a batch is.
_kept_scores: Recent[Scores] = Recent(MOST_SCORES)
_kept_orders: Recent[np.ndarray] = Recent(MOST_ORDERS)


class Judging(NamedTuple):
    """``judged`` of ``total`` rows in view have a verdict of somebody; ``next_row`` has none.

    Rows without an answer are in neither: there is nothing to judge.
    """

    judged: int
    total: int
    next_row: int | None


class ScoredRows:
    """Reads the scored rows of the batches in a store, for ``by``.

    `UserError` of a batch whose answers are closed to this person (`BlindCases`).
    """

    def __init__(self, store: Store, by: Expert = roles.PROGRAM) -> None:
        self._store, self._by = store, by
        self._batches = store.batches

    def rows(
        self,
        batch: Batch,
        only: RowFilter | None = None,
        sort: SortBy = "row",
        *,
        descending: bool = False,
        page: int = 1,
    ) -> RowPage:
        """One page of at most `PAGE_ROWS` scored rows; the first page is 1."""
        only = only or RowFilter()
        numbers = self._order(batch, only, sort, descending)
        if only.review_state:
            numbers = self._by_verdict(batch, only, numbers)
        start = (page - 1) * PAGE_ROWS
        return self.fetched(batch, numbers[start : start + PAGE_ROWS].tolist(), len(numbers))

    def judging(
        self, batch: Batch, only: RowFilter, sort: SortBy, *, descending: bool, row: int
    ) -> Judging:
        """How many of the rows in view ``only.by`` has judged, and which comes next after a row.

        In view is what the filter lets through, whatever its ``review_state``.
        """
        # Also after a row without an answer, which is none of those that count.
        in_view = self._order(batch, only, sort, descending)
        after = in_view[_place_after(in_view, row) :]
        numbers = in_view[self.scores(batch).has_answer[in_view - 1]]
        waiting = self._by_verdict(batch, replace(only, review_state="open"), numbers)
        others = waiting[waiting != row]
        later = others[np.isin(others, after)]
        order = [*later[:1].tolist(), *others[:1].tolist()]
        return Judging(len(numbers) - len(waiting), len(numbers), order[0] if order else None)

    def fetched(self, batch: Batch, rows: Sequence[int], total: int | None = None) -> RowPage:
        """The rows with these numbers, in this order; those that are not scored are left out."""
        import pyarrow as pa

        self.check(batch)
        numbers = np.asarray(rows, dtype=np.int64)
        numbers = numbers[(numbers >= 1) & (numbers <= batch.rows_done)]
        texts, scores, order = [], [], []
        chunks = self._batches.scored_chunks(batch)
        if len(numbers):
            chunks = [chunk for chunk in chunks if len(_within(chunk, numbers))]
        else:
            # The columns of no row are those of the first chunk.
            chunks = chunks[:1]
        contents = self._batches.contents(batch.id, [chunk.position for chunk in chunks])
        for chunk, (text, answers) in zip(chunks, contents, strict=True):
            at = _within(chunk, numbers)
            texts.append(taken(text, numbers[at] - chunk.first_row))
            scores.append(taken(answers, numbers[at] - chunk.first_row))
            order.append(at)
        if not texts:
            return RowPage(numbers, numbers, pa.table({}), pa.table({}), 0)
        back = pa.array(np.argsort(np.concatenate(order), kind="stable"))
        text, lines = unpacked_text(pa.concat_tables(texts).take(back), batch.columns)
        scored = pa.concat_tables(scores).take(back)
        return RowPage(numbers, lines, text, scored, len(numbers) if total is None else total)

    def scored_chunks(self, batch: Batch) -> Iterator[tuple[pa.Table, pa.Table, np.ndarray]]:
        """Every scored chunk: the file's columns as text, the scored ones, the lines."""
        self.check(batch)
        for chunk in self._batches.scored_chunks(batch):
            ((text, scored),) = self._batches.contents(batch.id, [chunk.position])
            rows, lines = unpacked_text(unpacked(text), batch.columns)
            yield rows, unpacked(scored), lines

    def texts(self, batch: Batch, names: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns of the file as text, chunk by chunk; those that it lacks are left out."""
        places = {f"c{batch.columns.index(name)}": name for name in names if name in batch.columns}
        for chunk in self._batches.scored_chunks(batch):
            blob = self._batches.text_of(batch.id, chunk.position)
            # Without a column of its own, a chunk still has its rows.
            table = unpacked(blob, list(places) or ["line"])
            yield table.rename_columns(list(places.values())) if places else table

    def summary(self, batch: Batch) -> BatchSummary:
        """Counts over all scored rows."""
        scores = self.scores(batch)
        classes = _code_counts(scores.codes, len(scores.values))
        combined = _code_counts(scores.flag_codes, len(scores.flags))
        flags: Counter[str] = Counter()
        for text, count in zip(scores.flags, combined, strict=True):
            flags.update(dict.fromkeys(flags_of(text), count))
        edges, bars = _bars(scores.numbers)
        confidences = scores.confidence[~np.isnan(scores.confidence)]
        rows = len(scores.codes)
        return BatchSummary(
            rows=rows,
            classes=dict(zip(scores.values, classes, strict=True)),
            edges=edges,
            bars=bars,
            confidence=float(confidences.mean()) if len(confidences) else None,
            low_confidence=flags["low_confidence"] / rows if rows else 0.0,
            flagged=int(_with_flag(scores, "").sum()),
            flags=dict(flags),
        )

    def scores(self, batch: Batch) -> Scores:
        """The scored columns of a batch as arrays, kept for the next question."""
        self.check(batch)
        key = batch.id, batch.rows_done
        scores = _kept_scores.get(key)
        if scores is None:
            scores = _scores(
                [self._scored_chunk(batch, one) for one in self._batches.scored_chunks(batch)]
            )
            _kept_scores.keep(key, scores, bytes_of(*vars(scores).values()))
        return scores

    def opened(self, batch: Batch, row: int, card: ModelCard) -> Prediction:
        """A row (1 is the first good one) as a prediction, stored when it is opened first.

        Its id is made from batch and row, so that it is the same for everybody, at any time.
        `UserError` where the row has no answer.
        """
        self.check(batch)
        stored_prediction = self._store.prediction(prediction_id(batch.id, row))
        if stored_prediction is not None:
            return replace(stored_prediction, scale=_scale(batch, card))
        prediction = self._prediction(batch, row, card)
        self._store.add_prediction(prediction)
        return prediction

    def check(self, batch: Batch) -> None:
        """Raise `UserError` where the answers of this batch are closed to who asks."""
        if self._by != roles.PROGRAM:
            self._store.blind_cases.check_batch(batch, by=self._by)

    def _prediction(self, batch: Batch, row: int, card: ModelCard) -> Prediction:
        page = self.fetched(batch, [row])
        scored = page.scored.to_pylist()[0] if page.scored.num_rows else {}
        if scored.get("prediction") is None:
            raise UserError(
                f"Row {row} of {batch.name} has no answer; expected a row that was scored, from 1 "
                f"to {batch.rows_done}. Choose another row."
            )
        probabilities = scored["probabilities"]
        return Prediction(
            id=prediction_id(batch.id, row),
            batch_id=batch.id,
            row_number=row,
            model=batch.model,
            version=batch.version,
            model_sha256=batch.model_sha256,
            card_sha256=batch.card_sha256,
            inputs=inputs_of(page.text, card, batch.decimal),
            value=json.loads(scored["prediction"]),
            confidence=scored["confidence"],
            probabilities=None if probabilities is None else tuple(probabilities),
            flags=tuple(flags_of(scored["flags"])),
            source="batch",
            asked_by=batch.asked_by,
            expert_key=batch.expert_key,
            latency_ms=0.0,
            created_at=batch.finished_at or batch.started_at or batch.created_at,
            scale=_scale(batch, card),
        )

    def _order(self, batch: Batch, only: RowFilter, sort: SortBy, descending: bool) -> np.ndarray:
        """The numbers of the rows, filtered by all but verdicts, and sorted."""
        # What is kept was asked for by somebody who may.
        if only.text:
            column_rights.check_column(self._store, batch, only.column, only.by)
        conditions = (only.prediction, only.flagged, only.low_confidence, only.column, only.text)
        key = batch.id, batch.rows_done, conditions, sort, descending
        order = _kept_orders.get(key)
        if order is None:
            places = self._filtered(batch, only)
            order = (_in_order(self.scores(batch), places, sort, descending) + 1).astype(np.uint32)
            _kept_orders.keep(key, order, order.nbytes)
        return order

    def _filtered(self, batch: Batch, only: RowFilter) -> np.ndarray:
        scores = self.scores(batch)
        let_through = np.ones(len(scores.codes), dtype=bool)
        if only.prediction:
            code = scores.values.index(only.prediction) if only.prediction in scores.values else -2
            let_through &= scores.codes == code
        if only.flagged:
            let_through &= _with_flag(scores, "")
        if only.low_confidence:
            let_through &= _with_flag(scores, "low_confidence")
        if only.text and only.column in batch.columns:
            let_through &= self._with_text(batch, only.column, only.text)
        return np.flatnonzero(let_through)

    def _with_text(self, batch: Batch, column: str, text: str) -> np.ndarray:
        import pyarrow.compute as pc

        at = f"c{batch.columns.index(column)}"
        masks = []
        for chunk in self._batches.scored_chunks(batch):
            blob = self._batches.text_of(batch.id, chunk.position)
            cells = unpacked(blob, [at])[at]
            masks.append(pc.match_substring(cells, text, ignore_case=True).fill_null(False))
        return np.concatenate([mask.to_numpy() for mask in masks]) if masks else np.empty(0, bool)

    def _by_verdict(self, batch: Batch, only: RowFilter, numbers: np.ndarray) -> np.ndarray:
        own = [] if only.by is None else self._batches.judged_rows(batch.id, by=only.by)
        judged_rows = np.array(own, dtype=np.uint32)
        return numbers[np.isin(numbers, judged_rows, invert=only.review_state == "open")]

    def _scored_chunk(self, batch: Batch, chunk: ChunkPlace) -> pa.Table:
        blob = self._batches.scored_of(batch.id, chunk.position)
        return unpacked(blob).drop_columns(["probabilities"])


def _scale(batch: Batch, card: ModelCard) -> AnswerScale | None:
    """What the card says of its answers, where it is the one that the batch was asked under."""
    return card.answer_scale if card.is_asked_by(batch.card_sha256) else None


def _place_after(numbers: np.ndarray, row: int) -> int:
    """Where the rows after this one begin; 0 where it is not among them."""
    places = np.flatnonzero(numbers == row)
    return int(places[0]) + 1 if len(places) else 0


def _within(chunk: ChunkPlace, numbers: np.ndarray) -> np.ndarray:
    """Where the numbers of rows of this chunk stand."""
    first, after = chunk.first_row, chunk.first_row + chunk.rows
    return np.flatnonzero((numbers >= first) & (numbers < after))


def inputs_of(text: pa.Table, card: ModelCard, decimal: str = ".") -> dict[str, Any]:
    """The first row as the model takes it: the inputs that a form would give for the same case."""
    from second_opinion.tables import typed

    schema = card.case_schema
    cases, _ = typed(text.slice(0, 1), schema, decimal=decimal)
    case = {name: plain(cases[name].iloc[0]) for name in schema.names}
    inputs, _ = schema.read(case)
    return inputs


def _scores(chunks: list[pa.Table]) -> Scores:
    import pyarrow as pa

    if not chunks:
        nothing = np.empty(0)
        return Scores((), nothing.astype(np.int32), None, nothing, (), nothing.astype(np.int32))
    table = pa.concat_tables(chunks).combine_chunks()
    numbers = table["number"].to_numpy() if "number" in table.column_names else None
    values, codes = _coded(table["prediction"]) if numbers is None else ((), None)
    flags, flag_codes = _coded(table["flags"])
    confidence = table["confidence"].to_numpy()
    if codes is None:
        codes = np.full(table.num_rows, -1, dtype=np.int32)
    return Scores(values, codes, numbers, confidence.astype(np.float64), flags, flag_codes)


def _coded(column: pa.ChunkedArray) -> tuple[tuple[str, ...], np.ndarray]:
    coded = column.combine_chunks().dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return tuple(coded.dictionary.to_pylist()), codes


def _code_counts(codes: np.ndarray, size: int) -> list[int]:
    """How often each code stands there; a row without an answer has none."""
    counts: list[int] = np.bincount(codes[codes >= 0], minlength=size).tolist()
    return counts


def _with_flag(scores: Scores, flag: str) -> np.ndarray:
    """Which rows have the flag; with an empty one, which have any."""
    has = [bool(text) if not flag else flag in flags_of(text) for text in scores.flags]
    mask: np.ndarray = np.array([*has, False])[scores.flag_codes]
    return mask


def _in_order(scores: Scores, places: np.ndarray, sort: SortBy, descending: bool) -> np.ndarray:
    """The places in this order; equal ones in the order of the file, unknown ones last."""
    if sort == "row":
        return places[::-1] if descending else places
    if sort == "confidence":
        key = scores.confidence
    elif scores.numbers is not None:
        key = scores.numbers
    else:
        rank = np.argsort(np.argsort(np.array(scores.values)))
        key = np.append(rank.astype(np.float64), np.nan)[scores.codes]
    part = key[places]
    return places[np.argsort(-part if descending else part, kind="stable")]


def _bars(numbers: np.ndarray | None) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Bars between round numbers, and how many rows each holds."""
    if numbers is None:
        return (), ()
    values = numbers[np.isfinite(numbers)]
    if not len(values) or values.min() == values.max():
        counts, edges = np.histogram(values, bins=1)
        return tuple(edges.tolist()), tuple(counts.tolist())
    step = round_down(float(values.max() - values.min()) / BARS)
    first, last = np.floor(values.min() / step), np.ceil(values.max() / step)
    counts, edges = np.histogram(values, bins=np.arange(first, last + 1) * step)
    return tuple(edges.tolist()), tuple(counts.tolist())


def flags_of(text: str | None) -> list[str]:
    """The flags of a row, as a chunk stores them."""
    return [flag for flag in (text or "").split(";") if flag]
