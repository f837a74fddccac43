"""What a caller is told of a problem: RFC 9457, with the row, the field, and what was expected."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from second_opinion.errors import StorageError, UserError, incident
from second_opinion.formatting import plural, quoted
from second_opinion.records.feature_kinds import Problem

# So many faults are listed; a caller who mends these is told of the next.
MOST_ERRORS = 100
# So many are looked for: there may be more.
MOST_FAULTS = 1000
# What pydantic says of Python's types, as of JSON's.
WORDS = {
    "missing": "a value for it",
    "dict_type": "an object in braces",
    "list_type": "a list in brackets",
    "too_short": "at least one item",
    "string_type": "a text in quotes",
    "extra_forbidden": "no such field: remove it, or check the spelling",
}
# What any route may answer that reads or writes something.
REFUSALS = (
    *(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND),
    *(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY),
    *(HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE),
)
MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One thing that is wrong with what was sent."""

    row: int | None = Field(None, description="The case that it is in; the first is 1.")
    field: str = Field("", description="The field that it is about; empty for the whole.")
    found: str = Field("", description="What stands there.")
    expected: str = Field("", description="What may stand there.")


class ProblemJson(BaseModel):
    """RFC 9457: why a call was refused."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Fault] = Field(default_factory=list)
    errors_left_out: int = Field(0, description="How many more were found.")


class CallError(Exception):
    """A call that is refused with this status; ``detail`` is a sentence that says what to do."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.faults = status, detail, faults
        self.headers = dict(headers or {})

    @property
    def response(self) -> Response:
        """The problem as it is sent."""
        content = ProblemJson(
            title=self.status.phrase,
            status=self.status,
            detail=self.detail,
            errors=list(self.faults[:MOST_ERRORS]),
            errors_left_out=max(len(self.faults) - MOST_ERRORS, 0),
        )
        # Half of a surrogate pair in a name of the caller's has no UTF-8 form.
        body = json.dumps(content.model_dump(exclude_none=True))
        return Response(body, self.status, self.headers, MEDIA_TYPE)


def unreadable(faults: Sequence[Fault]) -> CallError:
    """The refusal of what was sent, with each of its faults; the first is said in words."""
    first, more = faults[0], len(faults) - 1
    where = f"Row {first.row}: " if first.row else ""
    words = f"{first.field or 'The body'} is {first.found}; {_wanted(first.expected)}"
    least = "at least " if len(faults) >= MOST_FAULTS else ""
    others = f" And {least}{plural(more, 'more problem')}." if more else ""
    return CallError(HTTPStatus.UNPROCESSABLE_ENTITY, where + words + others, faults)


def _wanted(expected: str) -> str:
    """What is expected as the end of a sentence: advice is one by itself."""
    is_advice = expected.startswith(("did you mean", "remove it"))
    return (expected if is_advice else f"expected {expected}").rstrip(".") + (
        "" if expected.endswith("?") else "."
    )


def fault_of(problem: Problem, row: int) -> Fault:
    """What the schema says of a field, as a fault of that row."""
    return Fault(
        row=row,
        field=problem.field,
        found=problem.found.removeprefix("is "),
        expected=problem.expected.removeprefix("expected "),
    )


def faults_of(error: ValidationError | RequestValidationError) -> list[Fault]:
    """What pydantic says, place by place: a place within a list is a row."""
    return [_fault(fault) for fault in error.errors()]


def _fault(fault: Mapping[str, Any]) -> Fault:
    place = [step for step in fault["loc"] if step not in ("body", "query", "path")]
    rows = [step + 1 for step in place if isinstance(step, int)]
    names = [str(step) for step in place if not isinstance(step, int)]
    kind = fault["type"]
    msg = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected = WORDS.get(kind, msg[:1].lower() + msg[1:])
    return Fault(
        row=rows[0] if rows else None,
        field=".".join(names),
        found="missing" if kind == "missing" else quoted(fault["input"]),
        expected=expected,
    )


def handle(app: FastAPI) -> None:
    """Answer every problem of the application as problem JSON."""
    app.add_exception_handler(CallError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UserError, _explained)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, CallError)  # noqa: S101 - what it is registered for
    return error.response


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return unreadable(faults_of(error)).response


def _explained(request: Request, error: Exception) -> Response:
    is_ours = isinstance(error, StorageError)
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_ours else HTTPStatus.UNPROCESSABLE_ENTITY
    return CallError(status, str(error)).response


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    words = {
        HTTPStatus.NOT_FOUND: f"There is nothing at {request.url.path}. See /api/docs.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not for {request.url.path}. See "
        "/api/docs for what is.",
    }
    detail = words.get(status, f"{error.detail}.")
    return CallError(status, detail, headers=error.headers or {}).response


def _unforeseen(request: Request, error: Exception) -> Response:
    return CallError(HTTPStatus.INTERNAL_SERVER_ERROR, incident(error)).response


def documented(statuses: Iterable[HTTPStatus]) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for its description."""
    described: dict[str, Any] = {"model": ProblemJson, "content": {MEDIA_TYPE: {}}}
    return {int(status): described | {"description": status.phrase} for status in statuses}
