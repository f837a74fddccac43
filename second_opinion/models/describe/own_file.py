"""The file that a model was added with, read as `score` would: does each row get its answer?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from second_opinion import tables
from second_opinion.errors import UserError
from second_opinion.formatting import plural, quoted
from second_opinion.models.describe.estimator_checks import third_party
from second_opinion.models.describe.training_table import TrainingTable
from second_opinion.models.model import Model
from second_opinion.records.value import plain, same_value

if TYPE_CHECKING:
    import pandas as pd

# In so many rows a difference of reading shows.
ENOUGH = 20_000
SHOWN = 3


@dataclass
class _Differences:
    """What was seen so far: rows compared, those answered otherwise, and the first such cells."""

    rows: int = 0
    otherwise: int = 0
    cells: dict[str, str] = field(default_factory=dict)
    problems: list[tables.TableProblem] = field(default_factory=list)


def differences(
    model: Model, table: TrainingTable, data: pd.DataFrame, values: Any
) -> Iterator[str]:
    """A sentence for each way in which `score` treats the file otherwise than the estimator did.

    ``data`` are the rows as the estimator got them, under an index that counts the rows of the
    table, and ``values`` its answers.
    """
    schema, seen = model.card.case_schema, _Differences()
    look = tables.look(table.source, schema, table.decisions)
    if look.problems:
        yield f"`score` does not read it: {look.problems[0]}"
        return
    places = dict(zip(table.lines[data.index].tolist(), range(len(data)), strict=True))
    try:
        with third_party("The model fails"):
            for chunk in tables.read(table.source, look, schema, tables.NO_LIMITS):
                _compare(model, chunk, places, data, np.asarray(values), seen)
                if seen.rows >= ENOUGH:
                    break
    except UserError as error:
        yield f"`score` fails on it: {error}"
    yield from _sentences(seen)


def _compare(
    model: Model,
    chunk: tables.Chunk,
    places: dict[int, int],
    data: pd.DataFrame,
    values: Any,
    seen: _Differences,
) -> None:
    seen.problems += [problem for problem in chunk.problems if problem.line in places]
    rows = [at for at, line in enumerate(chunk.lines.tolist()) if line in places]
    if not rows:
        return
    cases = chunk.cases.iloc[rows]
    lines = chunk.lines[rows].tolist()
    seen.rows += len(rows)
    answers = model.answers(cases).values
    for at, line in enumerate(lines):
        if not _same(answers[at], values[places[line]]):
            seen.otherwise += 1
            if len(seen.cells) < SHOWN:
                _note_cells(cases.iloc[at], data.iloc[places[line]], line, seen)


def _note_cells(case: pd.Series[Any], row: pd.Series[Any], line: int, seen: _Differences) -> None:
    for name in case.index:
        here, there = plain(case[name]), plain(row.get(name))
        if not same_value(here, there):
            text = f"{name} is {_shown(here)} there and was {_shown(there)} here (line {line})"
            seen.cells.setdefault(name, text)


def _shown(value: Any) -> str:
    return "missing" if value is None else quoted(value)


def _same(one: Any, other: Any) -> bool:
    one, other = plain(one), plain(other)
    if isinstance(one, float) and isinstance(other, (int, float)):
        return bool(np.isclose(one, other, rtol=1e-9, atol=1e-12))
    return same_value(one, other)


def _sentences(seen: _Differences) -> Iterator[str]:
    if seen.problems:
        rows = plural(len({problem.line for problem in seen.problems}), "row")
        examples = " ".join(map(str, seen.problems[:SHOWN]))
        yield f"`score` refuses {rows} of it. {examples}"
    if seen.otherwise:
        cells = f": {'; '.join(seen.cells.values())}" if seen.cells else ""
        yield f"`score` answers {seen.otherwise:,} of {plural(seen.rows, 'row')} otherwise{cells}."
