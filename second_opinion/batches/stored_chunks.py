"""The chunks of a stored batch: what was read of its file, and what the model said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from second_opinion.batches.packing import (
    packed,
    packed_problems,
    packed_text,
    unpacked,
    unpacked_problems,
    unpacked_text,
)
from second_opinion.records.batch import Batch
from second_opinion.store import Store

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from second_opinion.tables import Chunk, TableProblem


class TextChunk(NamedTuple):
    """Good rows of a batch as the file has them, with the line of each in the file."""

    position: int
    first_row: int
    text: pa.Table
    lines: np.ndarray


def add_chunk(store: Store, batch_id: str, worker: str, chunk: Chunk) -> bool:
    """Store what was read of the file; False when the check is not this worker's any more."""
    size = {
        "rows": chunk.text.num_rows,
        "bytes_read": chunk.bytes_read,
        "bad_rows": len({problem.line for problem in chunk.problems}),
        "problems": len(chunk.problems),
    }
    blobs = {
        "text": packed_text(chunk.text, chunk.lines),
        "found": packed_problems(chunk.problems),
        "rejected": chunk.rejected,
    }
    return store.batches.add_chunk(batch_id, worker, size, blobs)


def next_chunk(store: Store, batch: Batch) -> TextChunk | None:
    """The first chunk that is not scored yet, or None."""
    chunk = store.batches.next_chunk(batch.id)
    if chunk is None:
        return None
    place, blob = chunk
    text, lines = unpacked_text(unpacked(blob), batch.columns)
    return TextChunk(place.position, place.first_row, text, lines)


def add_scored(
    store: Store,
    batch_id: str,
    worker: str,
    position: int,
    scored: pa.Table,
    faults: Iterable[TableProblem] = (),
) -> bool:
    """Store the answers of a chunk; False when the batch is not this worker's any more.

    ``scored`` has a row for each of the chunk: ``prediction`` (JSON text; null where the model gave
    no answer, which ``faults`` explains), ``confidence``, ``probabilities``, ``flags`` (joined by
    ``;``) and, for a regression, ``number``.
    """
    size = {"rows": scored.num_rows, "failed": scored["prediction"].null_count}
    blobs = {"scored": packed(scored), "faults": packed_problems(faults)}
    return store.batches.add_scored(batch_id, worker, position, size, blobs)


def problems(store: Store, batch_id: str, limit: int | None = None) -> list[TableProblem]:
    """What is wrong with the rows that were not scored, in the order of the file."""
    table_problems: list[TableProblem] = []
    for of_rows, of_answers in store.batches.problems(batch_id):
        of_chunk = unpacked_problems(of_rows) + unpacked_problems(of_answers)
        table_problems += sorted(of_chunk, key=lambda problem: problem.line)
        if limit is not None and len(table_problems) >= limit:
            break
    return table_problems[:limit]
