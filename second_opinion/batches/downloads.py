"""What a stored batch gives back: its scored rows, the rows that were not scored, and why."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from io import BytesIO
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from second_opinion.batches import column_rights
from second_opinion.batches.result_workbook import FlagWords, ResultWorkbook
from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.batches.stored_chunks import problems
from second_opinion.models.card import ModelCard
from second_opinion.records.batch import Batch
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.store import Store

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def scored_file(
    store: Store,
    batch: Batch,
    *,
    by: Expert,
    spreadsheet_safe: bool = False,
    alone_from: float | None = None,
) -> bytes:
    """A CSV of the scored rows: the file's columns as they were, then what the model says.

    Without the columns that are hidden from ``by``, who asks. A row for which the model had no
    answer is left out: `rejected_file` has it.
    """
    hidden = column_rights.hidden_from(store, batch, by)
    _note_answers(store, batch, "scored file", by)
    tables = _without(_scored_tables(store, batch, by, alone_from), hidden)
    return _csv(tables, spreadsheet_safe=spreadsheet_safe)


def file_as_it_came(
    store: Store, batch: Batch, *, by: Expert, alone_from: float | None = None
) -> BinaryIO:
    """The file as it came, with what the model says in three columns more.

    With ``alone_from``, the confidence from which on it may answer alone, a fourth says so.

    Without the columns that are hidden from ``by``, who asks. A row for which the model had no
    answer is left out: `rejected_file` has it.
    """
    from second_opinion.tables.as_it_came import is_packed, write_as_it_came

    hidden = column_rights.hidden_from(store, batch, by)
    _note_answers(store, batch, "scored file", by)
    plain = _stored(
        lambda out: write_as_it_came(
            batch, lambda: _without(_answered_tables(store, batch, by, alone_from), hidden), out
        )
    )
    return _stored(lambda out: _pack(plain, out)) if is_packed(batch) else plain


def _note_answers(store: Store, batch: Batch, what: str, by: Expert) -> None:
    """Note a file of answers; `UserError`, and nothing on record, where it may not be taken."""
    ScoredRows(store, by).check(batch)
    _note(store, batch, what, by)


def _note(store: Store, batch: Batch, what: str, by: Expert) -> None:
    """Before the first row: nothing leaves without a trace."""
    store.event_log.add(Event("export", by.label, {"what": what, "batch": batch.id}))


def _pack(plain: BinaryIO, out: BinaryIO) -> None:
    with plain, gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=0) as packed:
        shutil.copyfileobj(plain, packed)


def _without(tables: Iterable[pa.Table], hidden: Collection[str]) -> Iterator[pa.Table]:
    for table in tables:
        yield table.select([name for name in table.column_names if name not in hidden])


def result_workbook(
    store: Store,
    batch: Batch,
    card: ModelCard,
    *,
    by: Expert,
    flag_words: FlagWords,
    alone_from: float | None = None,
) -> BinaryIO:
    """A workbook of the scored rows for people, with the verdicts of ``by``, who asks."""
    workbook = ResultWorkbook(store, batch, card, by, flag_words, alone_from)
    _note_answers(store, batch, "workbook", by)
    return _stored(workbook.write)


def _stored(write: Callable[[BinaryIO], None]) -> BinaryIO:
    """What is written, on the disk as it may be large, from its beginning."""
    with TemporaryFile() as out:
        write(out)
        out.flush()
        # A file that can be read alone: Streamlit hands out no other.
        reader = os.fdopen(os.dup(out.fileno()), "rb")
    reader.seek(0)
    return reader


def rejected_file(store: Store, batch: Batch, *, by: Expert) -> bytes:
    """A CSV of the rows that were not scored, to mend and to upload again.

    `UserError` where they have columns that are hidden from ``by``, who asks. Those with problems
    stand there as in the file; those that the model failed on come last.
    """
    import pyarrow as pa

    from second_opinion.tables.csv_writer import write_csv

    column_rights.check_whole_rows(store, batch, by)
    _note(store, batch, "rejected rows", by)
    out = BytesIO()
    empty = pa.table([pa.array([], pa.string())] * len(batch.columns), names=list(batch.columns))
    write_csv([empty], out, delimiter=batch.delimiter or ",")
    for rejected in store.batches.rejected(batch.id):
        out.write(rejected)
    if batch.rows_failed:
        failed = BytesIO()
        write_csv(_failed_tables(store, batch), failed, delimiter=batch.delimiter or ",")
        out.write(failed.getvalue().split(b"\n", 1)[1])
    return out.getvalue()


def problems_file(store: Store, batch: Batch, *, by: Expert) -> bytes:
    """A CSV of all problems by line, safe to open in a spreadsheet."""
    import pyarrow as pa

    _note(store, batch, "problems", by)
    table_problems = problems(store, batch.id)
    columns = {
        name: pa.array([problem.cells[name] for problem in table_problems], pa.string())
        for name in ("line", "column", "found", "expected")
    }
    return _csv([pa.table(columns)], spreadsheet_safe=True)


def table_file(table: pd.DataFrame) -> bytes:
    """A CSV of a small table, safe to open in a spreadsheet."""
    import pandas as pd
    import pyarrow as pa

    texts = [
        pa.array([None if pd.isna(cell) else str(cell) for cell in column], pa.string())
        for _, column in table.items()
    ]
    return _csv([pa.table(texts, names=list(table.columns))], spreadsheet_safe=True)


def _csv(tables: Iterable[pa.Table], *, spreadsheet_safe: bool) -> bytes:
    from second_opinion.tables.spreadsheet_csv import write_export

    out = BytesIO()
    write_export(tables, out, spreadsheet_safe=spreadsheet_safe)
    return out.getvalue()


def _scored_tables(
    store: Store, batch: Batch, by: Expert, alone_from: float | None
) -> Iterator[pa.Table]:
    return _tables_with(store, batch, by, _values, alone_from)


def _answered_tables(
    store: Store, batch: Batch, by: Expert, alone_from: float | None
) -> Iterator[pa.Table]:
    """The same with the predictions in the one type that all of them have."""
    values = [json.loads(text) for text in ScoredRows(store, by).scores(batch).values]
    kind = _type_of(values)
    if kind is None:
        return _scored_tables(store, batch, by, alone_from)
    return _tables_with(store, batch, by, lambda scored: _typed_values(scored, kind), alone_from)


def _tables_with(
    store: Store,
    batch: Batch,
    by: Expert,
    values: Callable[[pa.Table], pa.Array],
    alone_from: float | None,
) -> Iterator[pa.Table]:
    """The rows of the file with an answer, and the answers behind them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from second_opinion.batches.score_rows import added_columns, alone_cells
    from second_opinion.tables.csv_writer import as_text

    names = added_columns(batch.columns, with_alone=alone_from is not None)
    for text, scored, _ in ScoredRows(store, by).scored_chunks(batch):
        flags = as_text(scored["flags"])
        raised = pc.if_else(pc.equal(flags, ""), pa.scalar(None, pa.string()), flags)
        columns = [values(scored), scored["confidence"], raised]
        if alone_from is not None:
            columns.append(alone_cells(scored["confidence"], alone_from))
        for name, column in zip(names, columns, strict=True):
            text = text.append_column(name, column)
        yield text.filter(scored["prediction"].is_valid().combine_chunks())
    if not batch.rows_done:
        columns_of_file = [*batch.columns, *names]
        empty = [pa.array([], pa.string())] * len(columns_of_file)
        yield pa.table(empty, names=columns_of_file)


def _type_of(values: Sequence[Any]) -> pa.DataType | None:
    """The one type of the answers of a classifier; None where they have none, or are texts."""
    import pyarrow as pa

    types = {type(value) for value in values}
    if types == {bool}:
        return pa.bool_()
    if types == {int}:
        return pa.int64()
    return pa.float64() if types and types <= {int, float} else None


def _typed_values(scored: pa.Table, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    coded = scored["prediction"].combine_chunks().dictionary_encode()
    values = [json.loads(text) for text in coded.dictionary.to_pylist()]
    return pa.array(values, kind).take(coded.indices)


def _failed_tables(store: Store, batch: Batch) -> Iterator[pa.Table]:
    for text, scored, _ in ScoredRows(store).scored_chunks(batch):
        yield text.filter(scored["prediction"].is_null().combine_chunks())


def _values(scored: pa.Table) -> pa.Array:
    """The predictions as text: the value itself, where they are stored as JSON."""
    import pyarrow as pa

    from second_opinion.batches.score_rows import value_cells

    if "number" in scored.column_names:
        return scored["number"]
    coded = scored["prediction"].combine_chunks().dictionary_encode()
    values = [json.loads(text) for text in coded.dictionary.to_pylist()]
    texts = [value_cells(np.array([value])).to_pylist()[0] for value in values]
    return pa.array(texts, pa.string()).take(coded.indices)
