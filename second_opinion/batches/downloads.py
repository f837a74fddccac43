"""What a stored batch gives back: its scored rows, the rows that were not scored, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from second_opinion.batches.scored_rows import ScoredRows
from second_opinion.batches.stored_chunks import problems
from second_opinion.records.batch import Batch
from second_opinion.store import Store

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def scored_file(store: Store, batch: Batch, *, spreadsheet_safe: bool = False) -> bytes:
    """A CSV of the scored rows: the file's columns as they were, then what the model says.

    A row for which the model had no answer is left out: `rejected_file` has it.
    """
    return _csv(_scored_tables(store, batch), spreadsheet_safe=spreadsheet_safe)


def rejected_file(store: Store, batch: Batch) -> bytes:
    """A CSV of the rows that were not scored, to mend and to upload again.

    Those with problems stand there as in the file; those that the model failed on come last.
    """
    import pyarrow as pa

    from second_opinion.tables.csv_writer import write_csv

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


def problems_file(store: Store, batch: Batch) -> bytes:
    """A CSV of all problems by line, safe to open in a spreadsheet."""
    import pyarrow as pa

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


def _scored_tables(store: Store, batch: Batch) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.compute as pc

    from second_opinion.batches.score_rows import added_columns
    from second_opinion.tables.csv_writer import as_text

    names = added_columns(batch.columns)
    for text, scored, _ in ScoredRows(store).scored_chunks(batch):
        flags = as_text(scored["flags"])
        raised = pc.if_else(pc.equal(flags, ""), pa.scalar(None, pa.string()), flags)
        columns = (_values(scored), as_text(scored["confidence"]), raised)
        for name, column in zip(names, columns, strict=True):
            text = text.append_column(name, column)
        yield text.filter(scored["prediction"].is_valid().combine_chunks())
    if not batch.rows_done:
        yield pa.table([pa.array([], pa.string())] * len(names), names=list(names))


def _failed_tables(store: Store, batch: Batch) -> Iterator[pa.Table]:
    for text, scored, _ in ScoredRows(store).scored_chunks(batch):
        yield text.filter(scored["prediction"].is_null().combine_chunks())


def _values(scored: pa.Table) -> pa.Array:
    """The predictions as text: the value itself, where they are stored as JSON."""
    import pyarrow as pa

    from second_opinion.batches.score_rows import value_cells

    if "number" in scored.column_names:
        return value_cells(scored["number"].to_numpy())
    coded = scored["prediction"].combine_chunks().dictionary_encode()
    values = [json.loads(text) for text in coded.dictionary.to_pylist()]
    texts = [value_cells(np.array([value])).to_pylist()[0] for value in values]
    return pa.array(texts, pa.string()).take(coded.indices)
