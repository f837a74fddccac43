"""Batches checked and scored in the background, in threads that know no page.

All progress is in the database: whoever opens the batch sees it, in this process or another. A
thread holds its batch by saying so every few seconds, and stops when it does not hold it any more.
"""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from second_opinion.access import roles
from second_opinion.batches import stored_chunks
from second_opinion.batches.packing import scored_columns
from second_opinion.batches.stored_chunks import TextChunk
from second_opinion.batches.unfamiliar_values import UnfamiliarValues
from second_opinion.errors import UserError, incident
from second_opinion.models.card import ModelCard
from second_opinion.models.model import Model
from second_opinion.models.registry import Registry
from second_opinion.records.batch import Batch
from second_opinion.records.case_columns import Answer, CaseColumns, first_choice
from second_opinion.records.expert import Expert
from second_opinion.records.stamp import new_id
from second_opinion.store import Store
from second_opinion.store.batches import LEASE_SECONDS

if TYPE_CHECKING:
    import pyarrow as pa

    from second_opinion.tables import Limits, Look, TableFile, TableProblem

AT_ONCE = 2
BEAT_SECONDS = 2.0
# How long a thread tries to say that it failed: a full disk may have room again.
SAY_SO_SECONDS = 120.0
NAME_LIMIT = 120

_checking = threading.BoundedSemaphore(AT_ONCE)
_scoring = threading.BoundedSemaphore(AT_ONCE)
_jobs: dict[str, Job] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Job:
    """One thread's hold on one batch; ``reads`` are the bytes of a file that it holds meanwhile."""

    store: Store
    batch_id: str
    worker: str = field(default_factory=new_id)
    reads: int = 0
    lost: threading.Event = field(default_factory=threading.Event)

    def start(self, work: Callable[[], None]) -> None:
        """Do it in a thread of its own."""
        with _lock:
            if not _jobs:
                atexit.unregister(_let_go)
                atexit.register(_let_go)
            _jobs[self.worker] = self
        name = f"batch {self.batch_id[-8:]}"
        threading.Thread(target=self._run, args=(work,), name=name, daemon=True).start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            with self._beating():
                work()
        except UserError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - a thread has no page that would catch it
            self._fail(incident(error))
        finally:
            _jobs.pop(self.worker, None)
            _give_back_memory()

    @contextmanager
    def _beating(self) -> Iterator[None]:
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(BEAT_SECONDS):
                # A database that cannot be written is noticed by the work itself.
                with suppress(UserError):
                    if not self.store.batches.beat(self.batch_id, self.worker):
                        self.lost.set()
                        return

        ticker = threading.Thread(target=beat, name=f"beat {self.batch_id[-8:]}", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            stop.set()

    @contextmanager
    def turn(self, slots: threading.Semaphore) -> Iterator[bool]:
        """Wait until few enough others are at work; False when the batch was lost meanwhile."""
        while not slots.acquire(timeout=0.2):
            if self.lost.is_set():
                yield False
                return
        try:
            yield True
        finally:
            slots.release()

    def _fail(self, message: str) -> None:
        """Say why it stopped, as soon as the database can be written."""
        deadline = time.monotonic() + SAY_SO_SECONDS
        while True:
            try:
                self.store.batches.fail(self.batch_id, message, self.worker)
                return
            except UserError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.5)


def check(
    store: Store,
    card: ModelCard,
    source: TableFile,
    look: Look,
    *,
    asked_by: str,
    limits: Limits,
    id: str = "",
    expert_key: str | None = None,
) -> Batch:
    """Begin to read a file into a new batch of a model, as `look` understood it."""
    with source.open() as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    job_worker = new_id()
    batch = Batch(
        name=shown_name(source.name),
        format=look.format,
        file_sha256=sha256,
        bytes=source.size,
        columns=look.columns,
        personal=look.personal,
        model=card.name,
        version=card.version,
        model_sha256=card.artifact.sha256,
        card_sha256=card.question_sha256,
        asked_by=asked_by,
        encoding=look.encoding,
        delimiter=look.delimiter,
        decimal=look.decimal,
        notes=look.notes,
        dialect=look.dialect,
        worker=job_worker,
        scale=card.answer_scale,
        id=id or new_id(),
        expert_key=expert_key,
    )
    store.batches.create(batch, _first_columns(card, look))
    job = Job(store, batch.id, job_worker, source.size)
    job.start(lambda: _check(job, card, source, look, limits))
    return batch


def _first_columns(card: ModelCard, look: Look) -> CaseColumns:
    values = frozenset(str(choice.value) for choice in card.classes)
    words = values | {choice.label for choice in card.classes}
    answer = Answer(card.target.name, words, values)
    taken = card.case_schema.taken_from(look.columns)
    return first_choice(look.columns, taken, answer, look.first_rows)


def score(store: Store, registry: Registry, batch_id: str, *, by: Expert) -> bool:
    """Begin or go on to score a batch; False when somebody else does, or there is nothing to do.

    ``by`` is who asks, refused with a `UserError` where the batch is not theirs to change.
    """
    store.batches.check_own(batch_id, by=by)
    job = Job(store, batch_id)
    if not store.batches.claim(batch_id, job.worker, by=by):
        return False
    job.start(lambda: _score(job, registry))
    return True


def revive(store: Store, registry: Registry, batch: Batch) -> Batch:
    """The batch as it stands now, taken up again where its worker is gone.

    A scoring goes on; a check cannot, since the file is gone with the worker, and says so.
    """
    if batch.is_running and _is_abandoned(batch):
        if batch.state == "scoring":
            score(store, registry, batch.id, by=roles.PROGRAM)
        else:
            store.batches.give_up_stale_check(batch.id)
    return store.batches.find(batch.id) or batch


def record(
    store: Store,
    registry: Registry,
    card: ModelCard,
    source: TableFile,
    look: Look,
    *,
    asked_by: str,
    limits: Limits,
    heard: Callable[[Batch], None],
) -> Batch:
    """Check and score a file into a new batch, and wait until it is done.

    ``heard`` is told how far it is, a few times a second; when it raises, the batch is cancelled.
    `UserError` when the batch stops for another reason.
    """
    batch = check(store, card, source, look, asked_by=asked_by, limits=limits)
    try:
        _wait(store, batch, heard)
        score(store, registry, batch.id, by=roles.PROGRAM)
        return _wait(store, batch, heard)
    except BaseException:
        store.batches.cancel(batch.id, by=roles.PROGRAM)
        raise


def _wait(store: Store, batch: Batch, heard: Callable[[Batch], None]) -> Batch:
    """The batch when nothing is done with it any more."""
    while True:
        latest = store.batches.find(batch.id) or batch
        heard(latest)
        if not latest.is_running:
            break
        time.sleep(0.1)
    if latest.state not in ("checked", "done"):
        raise UserError(f"{latest.name} was not recorded: {latest.message or latest.state}.")
    return latest


def shown_name(name: str) -> str:
    """A file's name without what would not show, and not longer than a line."""
    name = "".join(letter for letter in name if letter.isprintable())
    return name if len(name) <= NAME_LIMIT else f"{name[: NAME_LIMIT - 9]}…{name[-8:]}"


def _is_abandoned(batch: Batch) -> bool:
    if batch.worker is None or batch.heartbeat_at is None:
        return True
    silent = datetime.now(UTC) - datetime.fromisoformat(batch.heartbeat_at)
    # One in the future is of a clock that was wrong: its worker may be long gone.
    return abs(silent.total_seconds()) > LEASE_SECONDS


def _check(job: Job, card: ModelCard, source: TableFile, look: Look, limits: Limits) -> None:
    from second_opinion.tables import read

    batches, unfamiliar = job.store.batches, UnfamiliarValues(card.case_schema)
    with job.turn(_checking) as may:
        for chunk in read(source, look, card.case_schema, limits) if may else ():
            if not stored_chunks.add_chunk(job.store, job.batch_id, job.worker, chunk):
                return
            unfamiliar.add(chunk.cases)
        batches.finish_check(job.batch_id, job.worker, unfamiliar.sentences)


def _score(job: Job, registry: Registry) -> None:
    batches = job.store.batches
    with job.turn(_scoring) as may:
        if not may or not batches.begin(job.batch_id, job.worker):
            return
        batch = batches.find(job.batch_id)
        if batch is None:
            return
        model = model_of(registry, batch)
        while chunk := stored_chunks.next_chunk(job.store, batch):
            scored, faults = _chunk_answers(model, chunk, batch)
            place = batch.id, job.worker, chunk.position
            if not stored_chunks.add_scored(job.store, *place, scored, faults):
                return
        batches.finish(batch.id, job.worker)


def bytes_held() -> dict[str, int]:
    """The bytes of the files that are being checked or wait for it, by the id of their batch."""
    return {job.batch_id: job.reads for job in list(_jobs.values()) if job.reads}


def model_of(registry: Registry, batch: Batch) -> Model:
    """The model that a batch began with; `UserError` when it is not the same any more."""
    model = registry.load(batch.ref)
    card, is_same_file = model.card, model.card.artifact.sha256 == batch.model_sha256
    if not is_same_file or not card.is_asked_by(batch.card_sha256):
        part = "card" if is_same_file else "model file"
        raise UserError(
            f"The {part} of {batch.ref} is another one than when {batch.name} was checked; "
            "expected the same, so that all rows are scored alike. Put it back, or choose the "
            "file again."
        )
    return model


def _chunk_answers(
    model: Model, chunk: TextChunk, batch: Batch
) -> tuple[pa.Table, list[TableProblem]]:
    """The answers for a chunk as they are stored, and what keeps rows from having one."""
    from second_opinion.batches.score_rows import answered
    from second_opinion.tables import typed

    # The same rows were good when they were checked, by the same card.
    cases, _ = typed(chunk.text, model.card.case_schema, decimal=batch.decimal)
    row_answers = answered(cases, model, chunk.lines.tolist())
    numbers = model.card.task == "regression"
    at = np.flatnonzero(row_answers.good)
    return scored_columns(row_answers.answers, at, len(cases), numbers=numbers), row_answers.faults


def _let_go() -> None:
    """At the end of the process: let another one go on at once."""
    for job in list(_jobs.values()):
        with suppress(UserError):
            job.store.batches.release(job.batch_id, job.worker)


def _give_back_memory() -> None:
    # Both allocators keep what was freed for the next batch, which on a small host is too much.
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
