"""A file of cases scored into another, chunk by chunk at flat memory: all of it or nothing."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion.batches import heap
from second_opinion.batches.score_rows import (
    RowAnswers,
    added_cells,
    added_columns,
    answered,
    clashes,
)
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.formats.loading import threads
from second_opinion.models.model import Answers, Model
from second_opinion.tables import NO_LIMITS, Chunk, Look, TableFile, TableProblem, read
from second_opinion.tables.csv_writer import one_array, records, whole_file
from second_opinion.tables.split_rows import rows_at_once
from second_opinion.tables.spreadsheet_csv import safe_header, safe_records

if TYPE_CHECKING:
    import pandas as pd

    from second_opinion.models.card import ModelCard

SHOWN = 100

OnProgress = Callable[[int, int], None]


@dataclass
class ScoreSummary:
    """How the scoring of a file went.

    ``rows`` are those of the file, ``good`` those with an answer and ``bad`` those without;
    ``faults`` counts all that is wrong, and ``problems`` are the first 100 of them. ``note`` is a
    sentence on columns that go by another name. ``seconds`` of the clock.
    """

    rows: int = 0
    good: int = 0
    bad: int = 0
    faults: int = 0
    problems: list[TableProblem] = field(default_factory=list)
    note: str = ""
    seconds: float = 0.0


class BadRowsError(UserError):
    """Rows of a file cannot be scored, and nobody said what to do with them."""

    def __init__(self, name: str, summary: ScoreSummary) -> None:
        lines = [str(problem) for problem in summary.problems]
        if summary.faults > len(lines):
            lines.append(f"… and {summary.faults - len(lines):,} more.")
        rows = plural(summary.bad, "row")
        lines.append(f"{name}: {rows} of {summary.rows:,} cannot be scored. Nothing was written.")
        super().__init__("\n".join(lines))
        self.summary = summary


def score_file(
    source: TableFile,
    look: Look,
    model: Model,
    out: Path,
    *,
    bad_rows: Path | None = None,
    problems: Path | None = None,
    jobs: int = 1,
    progress: OnProgress | None = None,
) -> ScoreSummary:
    """Score a file into a CSV file, which appears when all of it is written.

    Rows that cannot be scored go into the file ``bad_rows`` as they stand, and what is wrong with
    them into ``problems``, safe to open in a spreadsheet. Without ``bad_rows`` such a row raises
    `BadRowsError`: then nothing is written but ``problems``. So many ``jobs`` predict at once, each
    in a process of its own. ``progress`` hears the rows and the bytes that were read so far.
    `UserError` when the file cannot be read to its end, has no rows, or the model fails on all of
    them.
    """
    started = time.perf_counter()
    with heap.kept(), _file(problems) as listed:
        run = _Run(look, model, listed, refuses=bad_rows is None, progress=progress)
        try:
            with whole_file(out) as scores, _file(bad_rows) as rejected:
                chunks = read(source, look, model.card.case_schema, NO_LIMITS, with_row_texts=True)
                run.score(chunks, scores, rejected, jobs)
        except BadRowsError as error:
            refused: BadRowsError | None = error
        else:
            refused = None
    if refused:
        raise refused
    run.summary.seconds = time.perf_counter() - started
    return run.summary


def _file(path: Path | None) -> AbstractContextManager[BinaryIO | None]:
    return nullcontext() if path is None else whole_file(path)


@dataclass
class _Run:
    """One file being scored: what was found so far."""

    look: Look
    model: Model
    listed: BinaryIO | None
    refuses: bool
    progress: OnProgress | None
    rejected: BinaryIO | None = None
    summary: ScoreSummary = field(default_factory=ScoreSummary)

    def score(
        self, chunks: Iterable[Chunk], scores: BinaryIO, rejected: BinaryIO | None, jobs: int
    ) -> None:
        """Write the scored rows, and the others with what is wrong with them."""
        self.rejected = rejected
        self.summary.note = clashes(self.look.columns)
        self._begin()
        is_alone = self.model.alone_from is not None
        added = added_columns(self.look.columns, with_alone=is_alone)
        scores.write(_header([*self.look.columns, *added]))
        with closing(self._chunk_answers(chunks, jobs)) as predicted:
            for lines in self._lines(predicted):
                scores.write(lines)
        if self.summary.bad and self.refuses:
            raise BadRowsError(self.look.name, self.summary)
        if not self.summary.rows:
            raise UserError(
                f"{self.look.name} has no rows; expected cases below its header. Add them, or "
                "choose another file."
            )

    def _begin(self) -> None:
        if self.rejected:
            names = _header(self.look.columns, self.look.delimiter or ",")
            self.rejected.write(self.look.header or names)
        if self.listed:
            self.listed.write(safe_header(["line", "column", "found", "expected"]))

    def _chunk_answers(
        self, chunks: Iterable[Chunk], jobs: int
    ) -> Generator[tuple[Chunk, RowAnswers | None]]:
        """Each chunk with its answers; None for those that need none any more."""
        if jobs > 1:
            yield from _in_processes(_gathered(chunks), self.model, jobs)
            return
        for chunk in _gathered(chunks):
            # Once nothing will be written, only the other problems of the file are of use.
            hopeless = self.refuses and (self.summary.bad or chunk.problems)
            yield chunk, None if hopeless else answered(chunk.cases, self.model, chunk.lines)
            del chunk

    def _lines(self, predicted: Iterable[tuple[Chunk, RowAnswers | None]]) -> Iterator[bytes]:
        """The scored rows of each chunk as they are written."""
        for chunk, row_answers in predicted:
            self._note(chunk.problems, chunk.rejected)
            self.summary.rows += len(chunk.text)
            if row_answers is not None:
                if row_answers.faults:
                    chunk = self._good_rows(chunk, row_answers)
                self.summary.good += len(chunk.text)
                if len(chunk.text):
                    yield _with_answers(chunk, row_answers.answers, self.model.alone_from)
            if self.progress:
                self.progress(self.summary.rows, chunk.bytes_read)
            # Not held while the next ones are read.
            del chunk, row_answers

    def _good_rows(self, chunk: Chunk, row_answers: RowAnswers) -> Chunk:
        """The rows that the model had an answer for; the others are put aside."""
        good = pa.array(row_answers.good)
        lost = [one_array(column) for column in chunk.text.filter(pc.invert(good)).columns]
        self._note(row_answers.faults, records(lost, self.look.delimiter or ","))
        self.summary.rows -= len(row_answers.faults)
        row_texts = None if chunk.row_texts is None else chunk.row_texts.filter(good)
        return replace(chunk, text=chunk.text.filter(good), row_texts=row_texts)

    def _note(self, problems: list[TableProblem], rejected: Any) -> None:
        """Count bad rows, and put them and what is wrong with them aside."""
        if not problems:
            return
        bad = len({problem.line for problem in problems})
        self.summary.bad += bad
        self.summary.rows += bad
        self.summary.faults += len(problems)
        self.summary.problems += problems[: SHOWN - len(self.summary.problems)]
        if self.rejected:
            self.rejected.write(rejected)
        if self.listed:
            rows = [problem.cells.values() for problem in problems]
            columns = zip(*rows, strict=True)
            self.listed.write(safe_records([pa.array(column, pa.string()) for column in columns]))


def _header(names: Iterable[str], delimiter: str = ",") -> bytes:
    return records([pa.array([name], pa.string()) for name in names], delimiter)


def _with_answers(chunk: Chunk, answers: Answers, alone_from: float | None) -> bytes:
    cells = added_cells(answers, alone_from)
    if chunk.row_texts is not None:
        return records(cells, before=[chunk.row_texts])
    return records([*(one_array(column) for column in chunk.text.columns), *cells])


def _gathered(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Chunks put together into larger ones: a pipeline has its costs for each call, whatever the
    number of rows."""
    waiting: list[Chunk] = []
    for chunk in chunks:
        if waiting and not _alike(waiting[0], chunk):
            yield _together(waiting)
        waiting.append(chunk)
        enough = rows_at_once(chunk.text.num_columns)
        del chunk
        if sum(len(part.text) for part in waiting) >= enough:
            yield _together(waiting)
    if waiting:
        yield _together(waiting)


def _alike(first: Chunk, second: Chunk) -> bool:
    """Whether the cases go into one frame without a change of type."""
    kinds = first.cases.dtypes
    return kinds.equals(second.cases.dtypes) and "category" not in set(kinds.astype(str))


def _together(waiting: list[Chunk]) -> Chunk:
    """The waiting chunks as one; they wait no more, so that they are not held beside it."""
    import pandas as pd

    chunks, waiting[:] = [*waiting], []
    if len(chunks) == 1:
        return chunks[0]
    row_texts = [chunk.row_texts for chunk in chunks]
    return Chunk(
        pa.concat_tables([chunk.text for chunk in chunks]),
        np.concatenate([chunk.lines for chunk in chunks]),
        pd.concat([chunk.cases for chunk in chunks], ignore_index=True),
        [problem for chunk in chunks for problem in chunk.problems],
        b"".join(chunk.rejected for chunk in chunks),
        chunks[-1].bytes_read,
        None if any(part is None for part in row_texts) else pa.concat_arrays(row_texts),
    )


def _in_processes(
    chunks: Iterable[Chunk], model: Model, jobs: int
) -> Iterator[tuple[Chunk, RowAnswers]]:
    """Chunks with their answers in order, a few ahead of the one at hand."""
    # A forked child would inherit locks of threads that it does not have.
    pool = ProcessPoolExecutor(
        jobs,
        multiprocessing.get_context("spawn"),
        initializer=_begin_worker,
        initargs=(model.card, model.estimator, max(1, (os.cpu_count() or 1) // jobs)),
    )
    waiting: deque[tuple[Chunk, Future[RowAnswers]]] = deque()
    try:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(_scored_there, chunk.cases, chunk.lines)))
            if len(waiting) > 2 * jobs:
                ahead, future = waiting.popleft()
                yield ahead, future.result()
        for ahead, future in waiting:
            yield ahead, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


_worker: list[Any] = []


def _begin_worker(card: ModelCard, estimator: Any, cores: int) -> None:
    import warnings

    warnings.simplefilter("ignore")
    controller = threads()
    _worker[:] = [Model(card, estimator, controller), controller.limit(limits=cores)]


def _scored_there(cases: pd.DataFrame, lines: np.ndarray) -> RowAnswers:
    return answered(cases, _worker[0], lines)
