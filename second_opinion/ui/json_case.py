"""A case that is typed as JSON: what it says, where in the text, and a text that is mended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from second_opinion.formatting import plural
from second_opinion.jsonfile import without_twins
from second_opinion.records.feature_kinds import Problem
from second_opinion.schema import Schema
from second_opinion.tables import json_forms

BLANKS = " \t\n\r"
TOO_DEEP = "The JSON is nested too deeply; expected one flat object of fields."


@dataclass(frozen=True)
class CaseReading:
    """What was read: the inputs with their problems, or a ``fault`` that keeps all from being read.

    ``fault_line`` is where that is, 1 for the first line; 0 where it is in no line alone.
    """

    inputs: dict[str, Any]
    problems: list[Problem]
    fault: str = ""
    fault_line: int = 0


class Place(NamedTuple):
    """Where a field stands: its line (1 is the first), and begin and end of name and of value."""

    line: int
    name: tuple[int, int]
    value: tuple[int, int]


def written(case: dict[str, Any]) -> str:
    """A case as people edit it: one field a line."""
    return json.dumps(case, indent=2, ensure_ascii=False)


def read(text: str, schema: Schema) -> CaseReading:
    """The case that a text says, as the schema reads it."""
    try:
        case = json.loads(text, object_pairs_hook=without_twins, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"Line {error.lineno}, column {error.colno}"
        said = f"{place}: {error.msg.lower()}. Correct it there, then go on."
        return CaseReading({}, [], said, error.lineno)
    except ValueError as error:
        return CaseReading({}, [], str(error), _line_of_fault(text, str(error)))
    except RecursionError:
        return CaseReading({}, [], TOO_DEEP)
    try:
        inputs, problems = schema.read(_one_case(case, schema))
    except ValueError as error:
        return CaseReading({}, [], str(error))
    except RecursionError:
        return CaseReading({}, [], TOO_DEEP)
    return CaseReading(inputs, problems)


def _one_case(value: Any, schema: Schema) -> dict[str, Any]:
    """The one case in a JSON value: an object of fields, a list of values in their order, or a form
    in which programs send cases (`json_forms`), with one in it. `ValueError` says what it is else.
    """
    names = schema.names
    rows = list(json_forms.cases_in(value, names)) if isinstance(value, dict) else [value]
    if isinstance(value, list) and value and all(isinstance(row, (dict, list)) for row in value):
        rows = value
    if len(rows) > 1:
        raise ValueError(
            f"There are {plural(len(rows), 'case')} here; expected one. Save them as a file with "
            "the end .json: Batch upload takes it."
        )
    row = rows[0] if rows else None
    if isinstance(row, list) and row:
        if len(row) != len(names):
            raise ValueError(
                f"There {'is' if len(row) == 1 else 'are'} {plural(len(row), 'value')}; expected "
                f"{len(names)}: {', '.join(names)}. Give one for each, in this order."
            )
        return dict(zip(names, row, strict=True))
    if not isinstance(row, dict):
        raise ValueError('This is no case; expected one object in braces, like {"age": 35}.')
    return row


def places(text: str) -> dict[str, Place]:
    """Where each field of the outer object stands; of two with one name the last."""
    where: dict[str, Place] = {}
    decoder = json.JSONDecoder()
    try:
        at = _after(text, "{", _skip(text, 0))
        while text[at] != "}":
            name_start = at
            name, name_end = scanstring(text, _after(text, '"', at), True)
            value_start = _skip(text, _after(text, ":", _skip(text, name_end)))
            _, value_end = decoder.raw_decode(text, value_start)
            line = text.count("\n", 0, name_start) + 1
            where[name] = Place(line, (name_start, name_end), (value_start, value_end))
            at = _skip(text, value_end)
            at = _skip(text, at + 1) if text[at] == "," else at
    except (ValueError, IndexError, RecursionError):
        # What stands behind a fault has no place; the fault itself is said by `read`.
        return where
    return where


def mended(text: str, problem: Problem, schema: Schema) -> str:
    """The text with what was likely meant in the place of what a problem is about."""
    place = places(text).get(problem.field)
    if place is None or problem.near is None:
        return text
    start, end = place.value if schema.get(problem.field) else place.name
    return text[:start] + json.dumps(problem.near, ensure_ascii=False) + text[end:]


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANKS:
        at += 1
    return at


def _after(text: str, sign: str, at: int) -> int:
    if text[at] != sign:
        raise ValueError(f"no {sign} at {at}")
    return at + 1 if sign == '"' else _skip(text, at + 1)


def _line_of_fault(text: str, fault: str) -> int:
    """The line of the name or constant that a fault begins with: its last one."""
    word = fault.split(" stands there twice")[0].split(" is no JSON number")[0]
    at = text.rfind(word)
    return text.count("\n", 0, at) + 1 if at >= 0 else 0


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number; write null where a value is not known.")
