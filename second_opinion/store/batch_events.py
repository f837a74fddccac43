"""What the log of events says of a batch; never its name, which may be that of a patient."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from second_opinion.records.batch import Batch
from second_opinion.records.event import Event
from second_opinion.records.stamp import new_id, seconds_between
from second_opinion.store import event_log, record_rows, sql_batches


def note_upload(connection: sqlite3.Connection, batch: Batch) -> None:
    """A file is about to be checked; once for each batch."""
    _add(connection, batch, "upload", batch.asked_by, {"bytes": batch.bytes}, batch.id)


def note(connection: sqlite3.Connection, batch_id: str, action: str, who: str) -> None:
    """Somebody began to score a stored batch, or stopped it."""
    _add(connection, _stored(connection, batch_id), action, who, {}, new_id())


def note_done(connection: sqlite3.Connection, batch_id: str) -> None:
    """Every row of a stored batch is scored: how many, how many failed, and how long it took."""
    batch = _stored(connection, batch_id)
    work: dict[str, Any] = {"rows": batch.rows_done, "failed": batch.rows_failed}
    if batch.started_at is not None and batch.finished_at is not None:
        work["seconds"] = round(seconds_between(batch.started_at, batch.finished_at), 3)
    _add(connection, batch, "done", batch.asked_by, work, new_id())


def _stored(connection: sqlite3.Connection, batch_id: str) -> Batch:
    return record_rows.batch(connection.execute(sql_batches.BATCH, {"id": batch_id}).fetchone())


def _add(
    connection: sqlite3.Connection,
    batch: Batch,
    action: str,
    who: str,
    more: Mapping[str, Any],
    event_id: str,
) -> None:
    about = {"batch": batch.id, "action": action, "model": batch.model, "version": batch.version}
    event_log.note(connection, Event("batch", who, {**about, **more}, id=event_id))
