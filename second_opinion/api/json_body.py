"""The body of a call: bounded before it is parsed, and JSON in which nothing is left to guess."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from second_opinion.api.problem_json import CallError, Fault, faults_of, unreadable

MOST_BYTES = 16 * 2**20
# A body that is too long is read to its end as far as this, so that whoever sends it reads the
# answer instead of a broken connection.
MOST_DISCARDED = 64 * 2**20
FINITE = "a finite number, or null where a value is not known"

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Constant:
    """NaN or Infinity, which Python's reader takes for numbers and JSON does not know."""

    name: str


async def body(request: Request) -> bytes:
    """The whole body; a `CallError` where it is longer than `MOST_BYTES`."""
    length = request.headers.get("content-length", "")
    parts: list[bytes] = []
    size = 0
    is_over = length.isdigit() and int(length) > MOST_BYTES
    if is_over and int(length) > MOST_DISCARDED:
        raise _too_long()
    async for part in request.stream():
        size += len(part)
        is_over = is_over or size > MOST_BYTES
        if is_over:
            parts.clear()
            if size > MOST_DISCARDED:
                break
        else:
            parts.append(part)
    if is_over:
        raise _too_long()
    return b"".join(parts)


def _too_long() -> CallError:
    return CallError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body is longer than {MOST_BYTES // 2**20} MB, which is the most that is read. Send "
        "the cases in several calls, or score a file: `python -m second_opinion score`.",
        headers={"Connection": "close"},
    )


def read(content: bytes, model: type[T]) -> T:
    """The object that the body holds; a `CallError` that says where it is none."""
    try:
        return model.model_validate(parsed(content))
    except ValidationError as error:
        raise unreadable(faults_of(error)) from error


def parsed(content: bytes) -> dict[str, Any]:
    """The JSON object in a body; a `CallError` where it is none, or holds a number that is none."""
    constants: list[str] = []

    def constant(name: str) -> Constant:
        constants.append(name)
        return Constant(name)

    try:
        value = json.loads(content, object_pairs_hook=_without_twins, parse_constant=constant)
    except RecursionError as error:
        raise _no_json("nested too deeply; expected one flat object") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _no_json(f"no JSON ({place}: {error.msg.lower()}); expected one object") from error
    except UnicodeDecodeError as error:
        raise _no_json("no UTF-8 text; expected JSON in UTF-8") from error
    except _TwinsError as error:
        raise _no_json(str(error)) from error
    except ValueError as error:
        # Python reads no number of more than 4,300 digits.
        raise _no_json("no JSON that can be read (a number is too long); expected less") from error
    if constants:
        raise unreadable(list(_places(value)))
    if not isinstance(value, dict):
        raise _no_json('no object; expected one in braces, like {"cases": [{"age": 35}]}')
    return value


def _no_json(why: str) -> CallError:
    found, _, expected = why.partition("; expected ")
    fault = Fault(found=found, expected=expected)
    detail = f"The body is {why}. Correct it there, then send it again."
    return CallError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [fault])


class _TwinsError(ValueError):
    """An object names a field twice."""


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _TwinsError(f"no clear JSON ({twice} stands there twice); expected each field once")
    return fields


def _places(value: Any, row: int | None = None, name: str = "") -> Iterator[Fault]:
    """Where there is a constant: the position in a list is the row, the last name the field."""
    if isinstance(value, Constant):
        yield Fault(row=row, field=name, found=value.name, expected=FINITE)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _places(item, row, key)
    elif isinstance(value, list):
        for at, item in enumerate(value, 1):
            yield from _places(item, at if row is None else row, name)
