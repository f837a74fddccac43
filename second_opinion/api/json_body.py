"""The body of a call: bounded before it is parsed, and JSON in which nothing is left to guess."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from second_opinion.api.problem_json import CallError, Fault, faults_of, unreadable
from second_opinion.jsonfile import TwinsError, without_twins

MOST_BYTES = 16 * 2**20
# So much do all bodies together have at a time, from their first byte until their call is answered.
MOST_HELD = 8 * MOST_BYTES
# A body that is too long is read to its end as far as this, so that whoever sends it reads the
# answer instead of a broken connection.
MOST_DISCARDED = 64 * 2**20
FINITE = "a finite number, or null where a value is not known"

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Constant:
    """NaN or Infinity, which Python's reader takes for numbers and JSON does not know."""

    name: str


@dataclass
class HeldBytes:
    """How much of a body is held; ``together`` is what all calls of this process hold."""

    together: ClassVar[int] = 0
    size: int = 0

    def add(self, size: int) -> None:
        """Count so many bytes more."""
        self.size += size
        HeldBytes.together += size

    def release(self) -> None:
        """Nothing is held any more."""
        self.add(-self.size)


@asynccontextmanager
async def body(request: Request) -> AsyncIterator[bytes]:
    """The whole body, counted among those that are held until the block ends.

    A `CallError` where it is longer than `MOST_BYTES`, or all that are held than `MOST_HELD`.
    """
    held = HeldBytes()
    try:
        yield await _whole(request, held)
    finally:
        held.release()


async def _whole(request: Request, held: HeldBytes) -> bytes:
    length = request.headers.get("content-length", "")
    announced = int(length) if length.isdigit() else 0
    refusal = _refusal(announced, 0)
    if refusal and announced > MOST_DISCARDED:
        raise refusal
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        refusal = refusal or _refusal(size, len(part))
        if refusal is None:
            held.add(len(part))
            parts.append(part)
            continue
        parts.clear()
        held.release()
        if size > MOST_DISCARDED:
            break
    if refusal:
        raise refusal
    return b"".join(parts)


def _refusal(size: int, more: int) -> CallError | None:
    """Why a body of this size is not read on, of which ``more`` bytes are not held yet."""
    if size > MOST_BYTES:
        return _too_long()
    return _too_many() if HeldBytes.together + more > MOST_HELD else None


def _too_many() -> CallError:
    return CallError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"The calls that are being read and answered hold {MOST_HELD // 2**20} MB together, which "
        "is the most that they may. Wait a second, then send this one again.",
        headers={"Retry-After": "1", "Connection": "close"},
    )


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
        value = json.loads(content, object_pairs_hook=without_twins, parse_constant=constant)
    except RecursionError as error:
        raise _no_json("nested too deeply; expected one flat object") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _no_json(f"no JSON ({place}: {error.msg.lower()}); expected one object") from error
    except UnicodeDecodeError as error:
        raise _no_json("no UTF-8 text; expected JSON in UTF-8") from error
    except TwinsError as error:
        twice = f"no clear JSON ({error.name} stands there twice); expected each field once"
        raise _no_json(twice) from error
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
