"""Batches in the feedback database: stored as they were uploaded, scored chunk by chunk.

Whoever checks or scores a batch holds it as its worker, and says so again every few seconds. Each
write of a worker asks whether it still holds the batch: one that was cancelled, or that another
process took over, gets no further.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid5

from second_opinion.errors import UserError
from second_opinion.records import Batch, Prediction, now, plain, same_person
from second_opinion.store import queries, queries_batches, rows
from second_opinion.store.batch_rows import BatchRows
from second_opinion.store.chunks import (
    packed,
    packed_problems,
    packed_text,
    unpacked,
    unpacked_problems,
    unpacked_text,
)
from second_opinion.store.file import DatabaseFile

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from second_opinion.card import ModelCard
    from second_opinion.tables import Chunk, TableProblem

# A worker that was silent for so long is gone.
LEASE_SECONDS = 12.0

CUT_OFF = (
    "The check stopped before the end of the file, because the server was restarted. Nothing of "
    "the file was kept. Choose the file again."
)


class TextChunk(NamedTuple):
    """Good rows of a batch as the file has them, with the line of each in the file."""

    position: int
    first_row: int
    text: pa.Table
    lines: np.ndarray


class Batches(BatchRows):
    """The verbs of a store that are about batches. Get one as ``store.batches``."""

    def __init__(self, file: DatabaseFile) -> None:
        super().__init__(file)

    def create(self, batch: Batch) -> None:
        """Store a batch that is about to be checked; one whose id is there is left as it is."""
        with self._file.writing() as connection:
            row = rows.to_row(replace(batch, heartbeat_at=now()))
            connection.execute(queries_batches.ADD_BATCH, row)

    def find(self, batch_id: str) -> Batch | None:
        """The batch with this id, or None."""
        found = self._select(queries_batches.BATCH, id=batch_id)
        return rows.batch(found[0]) if found else None

    def listed(
        self, ids: Iterable[str] | None = None, asked_by: str = "", limit: int = 30
    ) -> list[Batch]:
        """Batches, newest first: all, or those with these ids, or those of one person."""
        known = None if ids is None else json.dumps(list(ids))
        # Names are compared in Python, where two spellings of one person are one.
        most = -1 if asked_by else limit
        found = map(rows.batch, self._select(queries_batches.BATCHES, ids=known, limit=most))
        own = [b for b in found if not asked_by or same_person(b.asked_by, asked_by)]
        return own[:limit]

    def add_chunk(self, batch_id: str, worker: str, chunk: Chunk) -> bool:
        """Store what was read of the file; False when the check is not this worker's any more."""
        count = chunk.text.num_rows
        about = {"id": batch_id, "worker": worker, "now": now(), "rows": count}
        size = {
            "bytes_read": chunk.bytes_read,
            "bad_rows": len({problem.line for problem in chunk.problems}),
            "problems": len(chunk.problems),
        }
        blobs = {
            "text": packed_text(chunk.text, chunk.lines),
            "found": packed_problems(chunk.problems),
            "rejected": chunk.rejected,
        }
        with self._file.writing() as connection:
            held = connection.execute(queries_batches.GROW, about | size).rowcount == 1
            if held:
                connection.execute(queries_batches.ADD_CHUNK, about | blobs)
        return held

    def finish_check(self, batch_id: str, worker: str) -> bool:
        """Say that the whole file is stored; False when the check is not this worker's any more."""
        return self._moved(queries_batches.FINISH_CHECK, batch_id, worker)

    def claim(self, batch_id: str, worker: str) -> bool:
        """Take a checked or stopped batch to score it; False when another worker has it.

        A batch in scoring is free when its worker was silent for `LEASE_SECONDS`.
        """
        return self._moved(queries_batches.CLAIM, batch_id, worker, stale=_long_ago())

    def begin(self, batch_id: str, worker: str) -> bool:
        """Say that the scoring starts now, which its pace is counted from."""
        return self._moved(queries_batches.BEGIN_SCORING, batch_id, worker)

    def beat(self, batch_id: str, worker: str) -> bool:
        """Say that the worker is still there; False when the batch is not its own any more."""
        return self._moved(queries_batches.BEAT, batch_id, worker)

    def release(self, batch_id: str, worker: str) -> bool:
        """Let go of a batch in scoring, so that another worker can go on at once."""
        return self._moved(queries_batches.RELEASE, batch_id, worker)

    def next_chunk(self, batch: Batch) -> TextChunk | None:
        """The first chunk that is not scored yet, or None."""
        found = self._select(queries_batches.NEXT_CHUNK, id=batch.id)
        if not found:
            return None
        text, lines = unpacked_text(unpacked(found[0]["text"]), batch.columns)
        return TextChunk(found[0]["position"], found[0]["first_row"], text, lines)

    def add_scored(
        self,
        batch_id: str,
        worker: str,
        position: int,
        scored: pa.Table,
        faults: Iterable[TableProblem] = (),
    ) -> bool:
        """Store the answers of a chunk; False when the batch is not this worker's any more.

        ``scored`` has a row for each of the chunk: ``prediction`` (JSON text; null where the model
        gave no answer, which ``faults`` explains), ``confidence``, ``probabilities``, ``flags``
        (joined by ``;``) and, for a regression, ``number``.
        """
        about = {"id": batch_id, "worker": worker, "now": now()}
        size = {"rows": scored.num_rows, "failed": scored["prediction"].null_count}
        blobs = {"scored": packed(scored), "faults": packed_problems(faults)}
        with self._file.writing() as connection:
            held = connection.execute(queries_batches.SCORED, about | size).rowcount == 1
            if held:
                place = {"id": batch_id, "position": position}
                connection.execute(queries_batches.ADD_SCORED, place | blobs)
        return held

    def finish(self, batch_id: str, worker: str) -> bool:
        """Say that every row is scored; False when that is not so, or not this worker's to say."""
        return self._moved(queries_batches.FINISH_SCORING, batch_id, worker)

    def cancel(self, batch_id: str) -> None:
        """Stop a batch. What was only checked is let go; what was scored stays and can go on."""
        self._end(batch_id, "cancelled", "", None)

    def fail(self, batch_id: str, message: str, worker: str | None = None) -> None:
        """Stop a batch for a reason. Nothing stays of a file that was not stored whole."""
        self._end(batch_id, "failed", message, worker)

    def give_up_stale_check(self, batch_id: str) -> None:
        """Say plainly of a check whose worker is gone that it stopped."""
        about = {"id": batch_id, "message": CUT_OFF, "now": now(), "stale": _long_ago()}
        with self._file.writing() as connection:
            if connection.execute(queries_batches.END_STALE_CHECK, about).rowcount:
                connection.execute(queries_batches.DROP_CHUNKS, {"id": batch_id})

    def is_whole(self, batch_id: str) -> bool:
        """Whether the rows of a batch are there, so that it can be scored or gone on with."""
        return bool(self._select(queries_batches.HAS_CHUNKS, id=batch_id))

    def problems(self, batch_id: str, limit: int | None = None) -> list[TableProblem]:
        """What is wrong with the rows that were not scored, in the order of the file."""
        found: list[TableProblem] = []
        for row in self._select(queries_batches.PROBLEMS, id=batch_id):
            of_chunk = unpacked_problems(row["problems"]) + unpacked_problems(row["faults"])
            found += sorted(of_chunk, key=lambda problem: problem.line)
            if limit is not None and len(found) >= limit:
                break
        return found[:limit]

    def rejected(self, batch_id: str) -> Iterator[bytes]:
        """The bad rows as they stand in the file, chunk after chunk."""
        for row in self._select(queries_batches.REJECTED, id=batch_id):
            yield row["rejected"]

    def opened(self, batch: Batch, row: int, card: ModelCard) -> Prediction:
        """A row (1 is the first good one) as a prediction, stored when it is opened first.

        Its id is made from batch and row, so that it is the same for everybody, at any time.
        `UserError` where the row has no answer.
        """
        known = self._select(queries.PREDICTION, id=prediction_id(batch.id, row))
        if known:
            return rows.prediction(known[0])
        made = self._predicted(batch, row, card)
        with self._file.writing() as connection:
            connection.execute(queries.ADD_PREDICTION, rows.to_row(made))
        return made

    def _predicted(self, batch: Batch, row: int, card: ModelCard) -> Prediction:
        found = self.fetched(batch, [row])
        scored = found.scored.to_pylist()[0] if found.scored.num_rows else {}
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
            inputs=inputs_of(found.text, card, batch.decimal),
            value=json.loads(scored["prediction"]),
            confidence=scored["confidence"],
            probabilities=None if probabilities is None else tuple(probabilities),
            flags=tuple(scored["flags"].split(";")) if scored["flags"] else (),
            source="batch",
            asked_by=batch.asked_by,
            latency_ms=0.0,
            created_at=batch.finished_at or batch.started_at or batch.created_at,
        )

    def _moved(self, query: str, batch_id: str, worker: str, **more: Any) -> bool:
        about = {"id": batch_id, "worker": worker, "now": now(), **more}
        with self._file.writing() as connection:
            return connection.execute(query, about).rowcount == 1

    def _end(self, batch_id: str, state: str, message: str, worker: str | None) -> None:
        about = {"id": batch_id, "state": state, "message": message, "worker": worker, "now": now()}
        with self._file.writing() as connection:
            before = connection.execute(queries_batches.BATCH, {"id": batch_id}).fetchone()
            ended = connection.execute(queries_batches.END, about).rowcount == 1
            if ended and before["state"] in ("checking", "checked"):
                connection.execute(queries_batches.DROP_CHUNKS, {"id": batch_id})

    def _select(self, query: str, **parameters: Any) -> list[sqlite3.Row]:
        with self._file.reading() as connection:
            return connection.execute(query, parameters).fetchall()


def prediction_id(batch_id: str, row: int) -> str:
    """The id of the prediction that a row of a batch becomes when it is opened."""
    return uuid5(UUID(hex=batch_id), str(row)).hex


def inputs_of(text: pa.Table, card: ModelCard, decimal: str = ".") -> dict[str, Any]:
    """The first row as the model takes it: the inputs that a form would give for the same case."""
    from second_opinion.tables import typed

    schema = card.case_schema
    cases, _ = typed(text.slice(0, 1), schema, decimal=decimal)
    case = {name: plain(cases[name].iloc[0]) for name in schema.names}
    for feature in schema:
        if feature.kind == "date" and case[feature.name]:
            case[feature.name] = case[feature.name][:10]
    inputs, _ = schema.read(case)
    return inputs


def _long_ago() -> str:
    moment = datetime.now(UTC) - timedelta(seconds=LEASE_SECONDS)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
