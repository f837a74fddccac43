"""Many cases at once: each row answered, or named; and the answers behind the rows' own cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from second_opinion.errors import UserError, first_line
from second_opinion.models.model import Answers, Model, NoAnswerError
from second_opinion.records.alone import ALONE, alone
from second_opinion.records.value import plain
from second_opinion.tables import TableProblem
from second_opinion.tables.csv_writer import as_text

if TYPE_CHECKING:
    import pandas as pd

ADDED = ("prediction", "confidence", "flags")
CLASH = "_model"
# A model that fails on so many rows, and on each that was tried, is not the rows' fault.
GIVE_UP = 100


@dataclass(frozen=True)
class RowAnswers:
    """The answers for the cases that the model could predict, and a fault for each other one.

    ``good`` says of each case whether it was answered; ``answers`` are those of the good ones.
    """

    answers: Answers
    good: np.ndarray
    faults: list[TableProblem]


def answered(
    cases: pd.DataFrame, model: Model, lines: Sequence[int] | np.ndarray | None = None
) -> RowAnswers:
    """Predict cases; the rows on which the model fails are found, and the others are answered.

    ``lines`` are the cases' lines in their file; without it they count from 1. `UserError` when
    the model fails on all that is tried, or gives another number of answers than cases.
    """
    good = np.ones(len(cases), dtype=bool)
    # Threads that wait for one another burn more time than they save on pieces of this size.
    with model.threads.limit(limits=1):
        bad = _bad_rows(cases, model)
        good[list(bad.reasons)] = False
        answers = bad.answers or (model.answers(cases[good]) if good.any() else _none())
    at = range(1, len(cases) + 1) if lines is None else lines
    faults = [_fault(int(at[row]), model, why) for row, why in sorted(bad.reasons.items())]
    return RowAnswers(answers, good, faults)


def _none() -> Answers:
    return Answers(np.array([], dtype=object), None, None, {})


def _fault(line: int, model: Model, why: str) -> TableProblem:
    fault = f"the model {model.card.ref} fails on this row ({why})"
    return TableProblem(line, "", fault, "check it for unusual values")


@dataclass
class _FaultSearch:
    """What the search for bad rows found: why each fails; the answers, if none does."""

    reasons: dict[int, str] = field(default_factory=dict)
    answers: Answers | None = None


def _bad_rows(cases: pd.DataFrame, model: Model) -> _FaultSearch:
    """Halve the cases on which the model fails until each bad row stands alone."""
    search, answered = _FaultSearch(), False
    pieces = [(0, len(cases))] if len(cases) else []
    while pieces:
        first, end = pieces.pop()
        outcome, why = _try(cases.iloc[first:end], model)
        if isinstance(outcome, Answers):
            answered = True
            search.answers = outcome if end - first == len(cases) else None
        elif outcome.size:
            answered = answered or outcome.size < end - first
            search.reasons.update(dict.fromkeys((outcome + first).tolist(), why))
        elif end - first == 1:
            search.reasons[first] = why
            _check_hope(search, answered, model)
        else:
            middle = (first + end) // 2
            pieces += [(middle, end), (first, middle)]
    return search


def _try(cases: pd.DataFrame, model: Model) -> tuple[Answers | np.ndarray, str]:
    """The answers; or the positions without one, none where that is not known; and why."""
    try:
        return model.answers(cases), ""
    except NoAnswerError as error:
        return error.rows, "no answer that can be used"
    except UserError:
        raise
    # Somebody else's code, which may raise anything.
    except Exception as error:  # noqa: BLE001
        return np.array([], dtype=int), f"{type(error).__name__}: {first_line(error)}".rstrip(".")


def _check_hope(search: _FaultSearch, answered: bool, model: Model) -> None:
    if answered or len(search.reasons) < GIVE_UP:
        return
    why = next(iter(search.reasons.values()))
    raise UserError(
        f"The model {model.card.ref} fails on each of the first {GIVE_UP} rows ({why}). Try one "
        "of them on the page Single prediction, or tell the person who added the model."
    )


def added_columns(columns: Sequence[str], *, with_alone: bool = False) -> tuple[str, ...]:
    """The names of the columns that scoring adds: a name that is taken gets ``_model`` behind.

    ``with_alone`` adds whether the model may answer alone.
    """
    names = []
    for name in (*ADDED, ALONE) if with_alone else ADDED:
        while name in columns:
            name += CLASH
        names.append(name)
    return tuple(names)


def clashes(columns: Sequence[str]) -> str:
    """A sentence on the added columns that go by another name; empty where none does."""
    renamed = [
        pair for pair in zip(ADDED, added_columns(columns), strict=True) if len(set(pair)) > 1
    ]
    sentences = [
        f"The file has a column {old} already; the model's is {new}." for old, new in renamed
    ]
    return " ".join(sentences)


def added_cells(answers: Answers, alone_from: float | None = None) -> list[pa.Array]:
    """What the model says of each row, as text in the order of `added_columns`.

    The value, not its label; the confidence in its shortest exact form; the flags with ``;``
    between. Null where there is none. With ``alone_from`` also whether it may answer alone.
    """
    confidence = answers.confidence
    sure = pa.nulls(len(answers), pa.string()) if confidence is None else pa.array(confidence)
    flags = answers.flags_text()
    flag_texts = pc.if_else(
        pc.equal(flags.dictionary, ""), pa.scalar(None, pa.string()), flags.dictionary
    )
    cells = [value_cells(answers.values), as_text(sure), flag_texts.take(flags.indices)]
    return cells if alone_from is None else [*cells, alone_cells(sure, alone_from)]


def alone_cells(confidence: pa.Array, alone_from: float) -> pa.Array:
    """Of each row ``yes`` where the model may answer alone, ``no`` where a person has to."""
    return pa.array([alone(sure, alone_from) for sure in confidence.to_pylist()], pa.string())


def value_cells(values: np.ndarray) -> pa.Array:
    """Answers as text from which they can be read back exactly."""
    if values.dtype.kind != "O":
        return as_text(pa.array(values))
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([str(plain(value)) for value in values], pa.string())
