"""Batches in the feedback database: stored as they were uploaded, scored chunk by chunk.

Whoever checks or scores a batch holds it as its worker, and says so again every few seconds. Each
write of a worker asks whether it still holds the batch: one that was cancelled, or that another
process took over, gets no further.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from second_opinion.access import roles
from second_opinion.records.batch import Batch
from second_opinion.records.case_columns import CaseColumns
from second_opinion.records.expert import Expert, key_of, key_of_person
from second_opinion.records.stamp import earlier, now
from second_opinion.store import (
    batch_events,
    batch_maker,
    column_choices,
    judged_cases,
    record_rows,
    sql_batches,
)
from second_opinion.store.database_file import DatabaseFile

# A worker that was silent for so long is gone.
LEASE_SECONDS = 12.0

CUT_OFF = (
    "The check stopped before the end of the file, because the server was restarted. Nothing of "
    "the file was kept. Choose the file again."
)


class ChunkPlace(NamedTuple):
    """Where a chunk stands in its batch; its first row is counted from 1."""

    position: int
    first_row: int
    rows: int


class Batches:
    """The verbs of a store that are about batches. Get one as ``store.batches``.

    What the chunks of a batch hold is bytes here; `batches.stored_chunks` and `batches.scored_rows`
    know what they mean.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def create(self, batch: Batch, case_columns: CaseColumns | None = None) -> None:
        """Store a batch that is about to be checked; one whose id is there is left as it is.

        ``case_columns`` is what holds of its other columns until somebody chooses.
        """
        with self._file.writing() as connection:
            row = record_rows.to_row(replace(batch, heartbeat_at=now()))
            connection.execute(sql_batches.ADD_BATCH, row)
            judged_cases.keep_scales(connection, [(batch.card_sha256, batch.scale)])
            if case_columns is not None:
                column_choices.add_choice(connection, batch.id, case_columns, batch.asked_by)
            batch_events.note_upload(connection, batch)

    def find(self, batch_id: str, *, by: Expert = roles.PROGRAM) -> Batch | None:
        """The batch with this id, or None; none of a model that ``by`` may not use."""
        rows = self._select(sql_batches.BATCH, id=batch_id)
        batch = record_rows.batch(rows[0]) if rows else None
        return batch if batch and roles.may_use(by, batch.model) else None

    def listed(
        self,
        ids: Iterable[str] | None = None,
        asked_by: str = "",
        limit: int = 30,
        *,
        by: Expert = roles.PROGRAM,
    ) -> list[Batch]:
        """Batches, newest first: all, or those with these ids, or those of one declared name.

        To the ids comes what ``by`` asked for on whatever device, where proven; nothing is of a
        model that they may not use.
        """
        ids_json = None if ids is None else json.dumps(list(ids))
        # Names are compared in Python, where two spellings of one person are one.
        most = -1 if asked_by or by.hidden_models else limit
        proven = by.expert_key if by.is_proven else None
        rows = self._select(sql_batches.BATCHES, ids=ids_json, limit=most, expert_key=proven)
        own = [
            batch
            for batch in map(record_rows.batch, rows)
            if roles.may_use(by, batch.model) and (not asked_by or _is_of(batch, asked_by))
        ]
        return own[:limit]

    def add_chunk(
        self,
        batch_id: str,
        worker: str,
        size: Mapping[str, int],
        blobs: Mapping[str, bytes],
    ) -> bool:
        """Store what was read of the file; False when the check is not this worker's any more.

        ``size`` has ``rows``, ``bytes_read``, ``bad_rows`` and ``problems``; ``blobs`` has the good
        rows as ``text``, what is wrong with others as ``found``, and these as ``rejected``.
        """
        about = {"id": batch_id, "worker": worker, "now": now(), "rows": size["rows"]}
        with self._file.writing() as connection:
            is_held = connection.execute(sql_batches.GROW, {**about, **size}).rowcount == 1
            if is_held:
                connection.execute(sql_batches.ADD_CHUNK, {**about, **blobs})
        return is_held

    def finish_check(self, batch_id: str, worker: str, unfamiliar: Iterable[str] = ()) -> bool:
        """Say that the whole file is stored; False when the check is not this worker's any more.

        ``unfamiliar`` are sentences on what it holds that the model has not seen in its training.
        """
        sentences = record_rows.to_json("unfamiliar", list(unfamiliar))
        return self._moved(sql_batches.FINISH_CHECK, batch_id, worker, unfamiliar=sentences)

    def claim(self, batch_id: str, worker: str, *, by: Expert = roles.PROGRAM) -> bool:
        """Take a checked or stopped batch to score it; False when another worker has it.

        A batch in scoring is free when its worker was silent for `LEASE_SECONDS`, or was heard in
        the future. ``by`` is who asks for it.
        """
        about = {"id": batch_id, "worker": worker, "now": now(), **_lease()}
        with self._file.writing() as connection:
            is_taken = connection.execute(sql_batches.CLAIM, about).rowcount == 1
            if is_taken:
                batch_events.note(connection, batch_id, "score", by.label)
        return is_taken

    def begin(self, batch_id: str, worker: str) -> bool:
        """Say that the scoring starts now, which its pace is counted from."""
        return self._moved(sql_batches.BEGIN_SCORING, batch_id, worker)

    def beat(self, batch_id: str, worker: str) -> bool:
        """Say that the worker is still there; False when the batch is not its own any more."""
        return self._moved(sql_batches.BEAT, batch_id, worker)

    def release(self, batch_id: str, worker: str) -> bool:
        """Let go of a batch in scoring, so that another worker can go on at once."""
        return self._moved(sql_batches.RELEASE, batch_id, worker)

    def next_chunk(self, batch_id: str) -> tuple[ChunkPlace, bytes] | None:
        """The first chunk that is not scored yet, with its text, or None."""
        for row in self._select(sql_batches.NEXT_CHUNK, id=batch_id):
            return ChunkPlace(row["position"], row["first_row"], row["rows"]), row["text"]
        return None

    def add_scored(
        self,
        batch_id: str,
        worker: str,
        position: int,
        size: Mapping[str, int],
        blobs: Mapping[str, bytes],
    ) -> bool:
        """Store the answers of a chunk; False when the batch is not this worker's any more.

        ``size`` counts ``rows``, and those without an answer as ``failed``; ``blobs`` has the
        answers as ``scored``, and as ``faults`` why there is none.
        """
        about = {"id": batch_id, "worker": worker, "now": now()}
        with self._file.writing() as connection:
            is_held = connection.execute(sql_batches.SCORED, {**about, **size}).rowcount == 1
            if is_held:
                place = {"id": batch_id, "position": position}
                connection.execute(sql_batches.ADD_SCORED, {**place, **blobs})
        return is_held

    def finish(self, batch_id: str, worker: str) -> bool:
        """Say that every row is scored; False when that is not so, or not this worker's to say."""
        about = {"id": batch_id, "worker": worker, "now": now()}
        with self._file.writing() as connection:
            is_done = connection.execute(sql_batches.FINISH_SCORING, about).rowcount == 1
            if is_done:
                batch_events.note_done(connection, batch_id)
        return is_done

    def check_own(self, batch_id: str, *, by: Expert) -> None:
        """Raise `UserError` unless the batch is this person's to change."""
        with self._file.reading() as connection:
            batch_maker.check(connection, batch_id, by)

    def cancel(self, batch_id: str, *, by: Expert) -> None:
        """Stop a batch. What was only checked is let go; what was scored stays and can go on.

        ``by`` is who asks, refused with a `UserError` where the batch is not theirs to change.
        """
        self.check_own(batch_id, by=by)
        self._end(batch_id, "cancelled", "", None, by)

    def fail(self, batch_id: str, message: str, worker: str | None = None) -> None:
        """Stop a batch for a reason. Nothing stays of a file that was not stored whole."""
        self._end(batch_id, "failed", message, worker)

    def give_up_stale_check(self, batch_id: str) -> None:
        """Say plainly of a check whose worker is gone that it stopped."""
        about = {"id": batch_id, "message": CUT_OFF, "now": now(), **_lease()}
        with self._file.writing() as connection:
            if connection.execute(sql_batches.END_STALE_CHECK, about).rowcount:
                connection.execute(sql_batches.DROP_CHUNKS, {"id": batch_id})

    def is_whole(self, batch_id: str) -> bool:
        """Whether the rows of a batch are there, so that it can be scored or gone on with."""
        return bool(self._select(sql_batches.HAS_CHUNKS, id=batch_id))

    def scored_chunks(self, batch: Batch) -> list[ChunkPlace]:
        """Where the chunks stand that were scored when the batch was read, in their order."""
        rows = self._select(sql_batches.SCORED_CHUNKS, id=batch.id)
        # What was scored since the batch was read is left for the next time.
        return [ChunkPlace(**row) for row in map(dict, rows) if row["first_row"] <= batch.rows_done]

    def text_of(self, batch_id: str, position: int) -> bytes:
        """The good rows of a chunk, as they were stored."""
        (row,) = self._select(sql_batches.CHUNK_TEXT, id=batch_id, position=position)
        return bytes(row["text"])

    def scored_of(self, batch_id: str, position: int) -> bytes:
        """The answers of a chunk, as they were stored."""
        (row,) = self._select(sql_batches.CHUNK_SCORED, id=batch_id, position=position)
        return bytes(row["scored"])

    def contents(self, batch_id: str, positions: Iterable[int]) -> Iterator[tuple[bytes, bytes]]:
        """Rows and answers of these chunks, all from one moment of the database."""
        with self._file.reading() as connection:
            for position in positions:
                place = {"id": batch_id, "position": position}
                (text,) = connection.execute(sql_batches.CHUNK_TEXT, place).fetchone()
                (scored,) = connection.execute(sql_batches.CHUNK_SCORED, place).fetchone()
                yield text, scored

    def problems(self, batch_id: str) -> Iterator[tuple[bytes, bytes | None]]:
        """What was found wrong with rows and what kept rows from an answer, chunk after chunk."""
        for row in self._select(sql_batches.PROBLEMS, id=batch_id):
            yield row["problems"], row["faults"]

    def rejected(self, batch_id: str) -> Iterator[bytes]:
        """The bad rows as they stand in the file, chunk after chunk."""
        for row in self._select(sql_batches.REJECTED, id=batch_id):
            yield row["rejected"]

    def judged_rows(self, batch_id: str, *, by: Expert) -> list[int]:
        """The numbers of the rows that this person has a verdict on, theirs to change.

        Not by the name alone, which anybody can type (`roles.owns`).
        """
        return [
            row["row_number"]
            for row in self._select(sql_batches.JUDGED_ROWS, id=batch_id)
            if key_of(row["expert"], row["expert_key"]) == key_of_person(by)
            and roles.owns(by, batch_maker.Maker(row["verdict_id"], row["expert_key"]))
        ]

    def _moved(self, query: str, batch_id: str, worker: str, **more: Any) -> bool:
        about = {"id": batch_id, "worker": worker, "now": now(), **more}
        with self._file.writing() as connection:
            return connection.execute(query, about).rowcount == 1

    def _end(
        self, batch_id: str, state: str, message: str, worker: str | None, by: Expert | None = None
    ) -> None:
        about = {"id": batch_id, "state": state, "message": message, "worker": worker, "now": now()}
        with self._file.writing() as connection:
            before = connection.execute(sql_batches.BATCH, {"id": batch_id}).fetchone()
            ended = connection.execute(sql_batches.END, about).rowcount == 1
            if ended and before["state"] in ("checking", "checked"):
                connection.execute(sql_batches.DROP_CHUNKS, {"id": batch_id})
            if ended:
                who = by.label if by else before["asked_by"]
                batch_events.note(connection, batch_id, state, who)

    def _select(self, query: str, **parameters: Any) -> list[sqlite3.Row]:
        with self._file.reading() as connection:
            return connection.execute(query, parameters).fetchall()


def _is_of(batch: Batch, name: str) -> bool:
    return key_of(batch.asked_by, batch.expert_key) == key_of_person(name)


def _lease() -> dict[str, str]:
    """The moments between which a worker that is still there was last heard."""
    lease = timedelta(seconds=LEASE_SECONDS)
    return {"stale": earlier(lease), "too_early": earlier(-lease)}
