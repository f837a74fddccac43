"""Verdicts, predictions and corrections as files: CSV, JSON lines and Parquet, at flat memory.

CSV and Parquet hold values as text, the way people read them; JSON lines keep ``"1"``, ``1`` and
``true`` apart. An export of nothing has its header, where the format has one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, get_args

from second_opinion.access import roles
from second_opinion.batches.case_facts import KnownBy
from second_opinion.errors import UserError
from second_opinion.evidence import decision
from second_opinion.formatting import plural
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.records.plan import Plan
from second_opinion.records.prediction import Prediction
from second_opinion.records.review import Judged
from second_opinion.records.value import text_of
from second_opinion.records.verdict_filter import VerdictFilter
from second_opinion.review.corrections import Correction, LeftOut, corrections
from second_opinion.store import Store
from second_opinion.store.review_queries import Review

if TYPE_CHECKING:
    import pyarrow as pa

What = Literal["verdicts", "predictions", "corrections", "draws"]
ExportFormat = Literal["csv", "jsonl", "parquet"]
ExportRow = Mapping[str, Any]
# By column: what a file that knows types holds in it.
Kinds = dict[str, Literal["text", "number", "whole", "flag"]]

# Columns that are not text in the files that know types.
NUMBERS = (
    *("confidence", "blind_confidence", "own_probability", "seconds", "latency_ms", "weight"),
    *("doubt", "base"),
)
WHOLES = ("position", "band", "answers")
FLAGS = ("adjudicated", "twice")
COLUMN_KINDS: dict[Literal["text", "number", "whole", "flag"], tuple[str, ...]] = {
    "number": NUMBERS,
    "whole": WHOLES,
    "flag": FLAGS,
}
WHOLE_TO = 2**63
# What a filter may say of a case itself.
OF_CASES = ("words", "value", "answer")
WITHHELD = "given, not kept"

VERDICTS = (
    *("verdict_id", "prediction_id", "model", "version", "value", "confidence", "expert"),
    *("identity_source", "judgement", "correct_value", "direction", "severity", "comment", "mode"),
    *("blind_value", "blind_confidence", "own_probability", "seconds", "answer", "adjudicated"),
    *("outcome", "triage"),
    *("source", "batch_id", "row_number", "flags", "inputs", "model_sha256", "predicted_at"),
    "created_at",
)
PREDICTIONS = (
    *("prediction_id", "model", "version", "value", "confidence", "probabilities", "flags"),
    *("source", "batch_id", "row_number", "asked_by", "latency_ms", "inputs", "model_sha256"),
    *("card_sha256", "created_at"),
)
# The columns of its file that experts know a case by, as an object; null where it has none.
KNOWN_BY = "known_by"
# What a corrections file has after the inputs; with this ending where an input has the name.
CORRECTIONS = ("learn", "source", "weight", "purpose", "model", "version", "prediction_id")
CLASH = "_review"


@dataclass
class Exported:
    """How many rows were written, and which cases were left out.

    ``waiting`` judged cases are those that wait for an own answer of who takes the file.
    """

    rows: int = 0
    waiting: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)


def export(
    store: Store,
    out: BinaryIO,
    what: What = "verdicts",
    *,
    format: ExportFormat = "csv",
    spreadsheet_safe: bool = False,
    verdict_filter: VerdictFilter | None = None,
    plan: Plan | None = None,
    by: Expert,
) -> Exported:
    """Write what the filter finds, a chunk at a time, and note in the log who took it.

    Corrections are of one model, draws of one plan. `UserError` for a plain expert, and where no
    such thing can be written.
    """
    roles.check(by, "export")
    verdict_filter = verdict_filter or VerdictFilter()
    _check(what, format, spreadsheet_safe, verdict_filter)
    if what == "draws" and plan is None:
        raise UserError("Draws are of one plan; expected it. Choose a plan.")
    details: dict[str, Any] = {"what": what, "format": format, "filter": _noted(verdict_filter)}
    details |= {"plan": plan.id} if plan else {}
    if what == "draws" and plan is not None:
        _check_own_answers(store, plan, by)
    # Before the first row: nothing leaves without a trace.
    store.event_log.add(Event("export", by.label, details))
    exported = Exported(waiting=store.blind_cases.waiting_cases(verdict_filter.model, by=by))
    if what == "draws" and plan is not None:
        kinds, chunks = _draws(store, plan, by)
    else:
        kinds, chunks = _source(store, what, verdict_filter, exported.left_out, by)
    counted_chunks = _count(chunks, exported)
    if format == "jsonl":
        _write_jsonl(counted_chunks, out)
    elif format == "parquet":
        _write_parquet(kinds, counted_chunks, out)
    else:
        _write_csv(list(kinds), counted_chunks, out, spreadsheet_safe)
    return exported


def _noted(verdict_filter: VerdictFilter) -> dict[str, str]:
    """The filter as the log keeps it: words that were looked for may be of a case."""
    return {
        name: WITHHELD if name in OF_CASES else text for name, text in verdict_filter.texts.items()
    }


def _check(
    what: What, format: ExportFormat, spreadsheet_safe: bool, verdict_filter: VerdictFilter
) -> None:
    for choice, options in ((what, get_args(What)), (format, get_args(ExportFormat))):
        if choice not in options:
            raise UserError(f"{choice!r} cannot be exported; expected one of {', '.join(options)}.")
    if spreadsheet_safe and format != "csv":
        raise UserError("Only CSV has a form that is safe for spreadsheets. Choose csv for it.")
    if what == "corrections" and verdict_filter.model is None:
        raise UserError(
            "Corrections of several models do not fit into one table: their inputs differ. Choose "
            "one model."
        )


def _source(
    store: Store, what: What, verdict_filter: VerdictFilter, left_out: LeftOut, by: Expert
) -> tuple[Kinds, Iterator[list[ExportRow]]]:
    """The columns of an export and its rows, some at a time."""
    review = store.review(by=by)
    known_by = KnownBy(store, by)
    if what == "predictions":
        predictions = review.each_prediction(verdict_filter)
        rows = (_with_known(known_by, some, map(_prediction, some)) for some in predictions)
        return _kinds((*PREDICTIONS, KNOWN_BY)), rows
    if what == "verdicts":
        verdicts = review.each(verdict_filter)
        rows = (
            _with_known(known_by, [one.prediction for one in some], map(_verdict, some))
            for some in verdicts
        )
        return _kinds((*VERDICTS, KNOWN_BY)), rows
    inputs = _inputs(review, verdict_filter)
    names = [name + CLASH if name in inputs else name for name in CORRECTIONS]
    own = dict(zip(names, _kinds(CORRECTIONS).values(), strict=True))
    chunks = corrections(review, verdict_filter, left_out)
    return inputs | own, ([_correction(one, names) for one in some] for some in chunks)


def _check_own_answers(store: Store, plan: Plan, by: Expert) -> None:
    # With rows left out, a table of draws would be of another pool.
    ids = [draw.prediction_id for draw in store.plans.draws(plan.id, by=by)]
    if waiting := store.blind_cases.closed(ids, by=by):
        raise UserError(
            f"{plural(len(waiting), 'case')} of this plan may still ask for your own answer, and "
            "its draws say how sure the model is of each; expected somebody whom the plan does not "
            "name, or a closed plan. Ask somebody else for the file."
        )


def _draws(store: Store, plan: Plan, by: Expert) -> tuple[Kinds, Iterator[list[ExportRow]]]:
    table = decision.draw_table(store, plan, by=by).astype(object)
    rows = table.where(table.notna(), None).to_dict("records")
    return _kinds(decision.COLUMNS), iter([[{str(k): v for k, v in row.items()} for row in rows]])


def _kinds(columns: Iterable[str]) -> Kinds:
    return {
        name: next((kind for kind, names in COLUMN_KINDS.items() if name in names), "text")
        for name in columns
    }


def _inputs(review: Review, verdict_filter: VerdictFilter) -> Kinds:
    """The inputs of all cases, in the order in which they first come up, and what they hold."""
    by_input: dict[str, set[str]] = {}
    for some in corrections(review, verdict_filter, LeftOut()):
        for one in some:
            for name, value in one.prediction.inputs.items():
                by_input.setdefault(name, set()).add(_kind(value))
    return {name: _common(kinds - {""}) for name, kinds in by_input.items()}


def _kind(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int) and -WHOLE_TO <= value < WHOLE_TO:
        return "whole"
    return "number" if isinstance(value, float) else "text"


def _common(kinds: set[str]) -> Literal["text", "number", "whole", "flag"]:
    if kinds == {"flag"}:
        return "flag"
    if kinds == {"whole"}:
        return "whole"
    return "number" if kinds and kinds <= {"whole", "number"} else "text"


def _verdict(row: Judged) -> ExportRow:
    verdict, prediction = row.verdict, row.prediction
    facts = {**_prediction(prediction), **vars(verdict), "verdict_id": verdict.id}
    facts |= {"answer": row.answer, "adjudicated": row.adjudicated, "outcome": row.outcome}
    facts |= {"triage": row.triage, "predicted_at": prediction.created_at}
    return {name: facts[name] for name in VERDICTS}


def _prediction(prediction: Prediction) -> ExportRow:
    facts = {**vars(prediction), "prediction_id": prediction.id}
    return {name: facts[name] for name in PREDICTIONS}


def _with_known(
    known_by: KnownBy, predictions: Sequence[Prediction], rows: Iterable[ExportRow]
) -> list[ExportRow]:
    """The rows of these predictions, each with what experts know its case by."""
    known = known_by.of(predictions)
    return [
        {**row, KNOWN_BY: known.get(one.id)} for one, row in zip(predictions, rows, strict=True)
    ]


def _correction(one: Correction, names: list[str]) -> ExportRow:
    case = one.prediction
    values = (one.learn, one.source, one.weight, one.purpose, case.model, case.version, case.id)
    return {**case.inputs, **dict(zip(names, values, strict=True))}


def _count(chunks: Iterable[list[ExportRow]], exported: Exported) -> Iterator[list[ExportRow]]:
    for chunk in chunks:
        exported.rows += len(chunk)
        yield chunk


def _write_jsonl(chunks: Iterable[list[ExportRow]], out: BinaryIO) -> None:
    for chunk in chunks:
        lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in chunk)
        out.write("".join(f"{line}\n" for line in lines).encode())


def _write_csv(
    columns: list[str], chunks: Iterable[list[ExportRow]], out: BinaryIO, spreadsheet_safe: bool
) -> None:
    from second_opinion.tables.spreadsheet_csv import write_export

    texts = dict.fromkeys(columns, "text")
    tables = (_table(texts, chunk) for chunk in chain([[]], chunks))
    write_export(tables, out, spreadsheet_safe=spreadsheet_safe)


def _write_parquet(kinds: Kinds, chunks: Iterable[list[ExportRow]], out: BinaryIO) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(out, _table(kinds, []).schema, compression="zstd") as writer:
        for chunk in chunks:
            writer.write_table(_table(kinds, chunk))


def _table(kinds: Mapping[str, str], rows: list[ExportRow]) -> pa.Table:
    import pyarrow as pa

    types = {"number": pa.float64(), "whole": pa.int64(), "flag": pa.bool_()}
    arrays = []
    for name, kind in kinds.items():
        values = [row.get(name) for row in rows]
        if kind == "text":
            texts = [None if value is None else text_of(value) for value in values]
            arrays.append(pa.array(texts, pa.string()))
        else:
            arrays.append(pa.array(values, types[kind]))
    return pa.table(arrays, names=list(kinds))
