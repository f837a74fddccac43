"""The forms in which MLflow's clients put cases into JSON, and the cases in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from second_opinion.api.prediction_routes import check_count
from second_opinion.api.problem_json import CallError, Fault, unreadable
from second_opinion.formatting import plural, quoted
from second_opinion.schema import Schema

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
BESIDE = {"params", "signature_name"}


def json_cases(body: Mapping[str, Any], schema: Schema) -> list[dict[str, Any]]:
    """The cases in one of MLflow's forms, each by name; a `CallError` where it is none of them.

    Values without names are in the model's order, and columns that the model does not have are left
    out, as MLflow leaves them out. They are counted before anything is made of them.
    """
    given = [form for form in FORMS if form in body]
    strange = sorted(set(body) - set(FORMS) - BESIDE)
    if len(given) != 1 or strange:
        raise _no_form(", ".join([*given, *strange]) or "none", f"one of {', '.join(FORMS)}")
    cases = _cases(given[0], body[given[0]])
    if not cases:
        raise _no_form("empty", "at least one case")
    return [_by_name(case, schema, row) for row, case in enumerate(cases, 1)]


def _cases(form: str, value: Any) -> Sequence[Any]:
    if form == "dataframe_split":
        return _split(value)
    if isinstance(value, list):
        check_count(len(value))
        return [row if isinstance(row, (dict, list)) else [row] for row in value]
    if isinstance(value, dict) and form != "dataframe_records":
        return _columns(form, value)
    raise _no_form(form, "a list of cases")


def _split(value: Any) -> Sequence[Any]:
    rows = value.get("data") if isinstance(value, dict) else None
    names = value.get("columns") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise _no_form("dataframe_split", "columns, and data as a list of lists")
    check_count(len(rows))
    if names is None:
        return rows
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _no_form("columns", "a list of names")
    _refuse_twins(names)
    for at, row in enumerate(rows, 1):
        if len(row) != len(names):
            expected = f"a value for each of {plural(len(names), 'column')}"
            raise _other_width(row, expected, at, "data")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _refuse_twins(names: Sequence[str]) -> None:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise _no_form(f"columns with {quoted(twice)} twice", "each name once")


def _columns(form: str, value: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """Columns by name, or a single case by name."""
    if not any(isinstance(column, list) for column in value.values()):
        return [dict(value)]
    lengths = {len(column) if isinstance(column, list) else -1 for column in value.values()}
    if len(lengths) != 1:
        raise _no_form(form, "columns of one length")
    check_count(lengths.pop())
    rows = zip(*value.values(), strict=True)
    return [dict(zip(value, map(_scalar, row), strict=True)) for row in rows]


def _scalar(cell: Any) -> Any:
    """A cell that stands in a list of its own, as of an array of one column."""
    return cell[0] if isinstance(cell, list) and len(cell) == 1 else cell


def _by_name(case: Any, schema: Schema, row: int) -> dict[str, Any]:
    if isinstance(case, dict):
        taken = schema.taken_from(list(case))
        return {name: value for name, value in case.items() if name in taken}
    if len(case) != len(schema):
        expected = f"{plural(len(schema), 'value')} in the order of the model"
        raise _other_width(case, expected, row, "The case")
    return dict(zip(schema.names, case, strict=True))


def _other_width(case: Sequence[Any], expected: str, row: int, field: str) -> CallError:
    found = f"a list of {len(case)}"
    return unreadable([Fault(row=row, field=field, found=found, expected=expected)])


def _no_form(found: str, expected: str) -> CallError:
    return unreadable([Fault(field="The form of the cases", found=found, expected=expected)])
