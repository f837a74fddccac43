"""The chunks of a batch as Parquet: packed once, and read back by column and by row.

Columns are packed under their positions (``c0``, ``c1``, …): a file's own names may hold dots,
which Parquet takes for nesting, or be ``line`` themselves.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np

from second_opinion.records.value import plain

if TYPE_CHECKING:
    import pyarrow as pa

    from second_opinion.models.model import Answers
    from second_opinion.tables import TableProblem

# Rows that are read together: a page sorted by confidence has rows of every chunk.
ROW_GROUP = 2000


def packed(table: pa.Table) -> bytes:
    """A table as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=ROW_GROUP, compression="zstd", store_schema=False)
    return bytes(sink.getvalue())


def packed_text(text: pa.Table, lines: np.ndarray) -> bytes:
    """The rows of a chunk as the file has them, each with its line of the file."""
    import pyarrow as pa

    named = text.rename_columns([f"c{at}" for at in range(text.num_columns)])
    return packed(named.append_column("line", pa.array(lines, pa.int64())))


def unpacked_text(table: pa.Table, columns: Sequence[str]) -> tuple[pa.Table, np.ndarray]:
    """What `packed_text` was given."""
    lines = table["line"].to_numpy()
    return table.drop_columns(["line"]).rename_columns(list(columns)), lines


def unpacked(blob: bytes, columns: list[str] | None = None) -> pa.Table:
    """A packed table, or some of its columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.read_table(pa.BufferReader(blob), columns=columns, use_threads=False)


def taken(blob: bytes, offsets: np.ndarray) -> pa.Table:
    """The rows at these offsets (0 is the first), in this order; reads no row group in vain."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(blob))
    groups = np.unique(offsets // ROW_GROUP)
    within = np.searchsorted(groups, offsets // ROW_GROUP) * ROW_GROUP + offsets % ROW_GROUP
    return file.read_row_groups(groups.tolist(), use_threads=False).take(pa.array(within))


def scored_columns(answers: Answers, at: np.ndarray, rows: int, *, numbers: bool) -> pa.Table:
    """The answers of a chunk of so many rows, as they are stored; ``at`` has the place of each.

    Rows without an answer are null. With ``numbers`` the answers also stand there as numbers.
    """
    import pyarrow as pa

    columns = {
        "prediction": _json_texts(answers.values),
        "confidence": _or_null(answers.confidence, answers),
        "probabilities": _lists(answers),
        "flags": answers.flags_text(),
    }
    if numbers:
        columns["number"] = pa.array(answers.values.astype(np.float64))
    places = np.full(rows, -1)
    places[at] = np.arange(len(at))
    return pa.table(columns).take(pa.array(places, mask=places < 0))


def _json_texts(values: np.ndarray) -> pa.Array:
    import pandas as pd
    import pyarrow as pa

    if values.dtype.kind == "f":
        # One by one: as distinct values, 0.0 and -0.0 would be the same.
        return pa.array([json.dumps(value) for value in values.tolist()], pa.string())
    codes, levels = pd.factorize(values)
    texts = [json.dumps(plain(value), ensure_ascii=False) for value in levels]
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(texts, pa.string()))


def _or_null(column: np.ndarray | None, answers: Answers) -> pa.Array:
    import pyarrow as pa

    return pa.nulls(len(answers), pa.float64()) if column is None else pa.array(column)


def _lists(answers: Answers) -> pa.Array:
    import pyarrow as pa

    probabilities = answers.probabilities
    if probabilities is None:
        return pa.nulls(len(answers), pa.list_(pa.float64()))
    ends = np.arange(0, probabilities.size + 1, probabilities.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(probabilities.ravel()))


def packed_problems(problems: Iterable[TableProblem]) -> bytes:
    """Problems small enough to keep all of them; empty for none."""
    rows = [astuple(problem) for problem in problems]
    return zlib.compress(json.dumps(rows).encode(), 1) if rows else b""


def unpacked_problems(blob: bytes | None) -> list[TableProblem]:
    """What `packed_problems` was given."""
    from second_opinion.tables import TableProblem

    rows = json.loads(zlib.decompress(blob)) if blob else []
    return [TableProblem(*row) for row in rows]
