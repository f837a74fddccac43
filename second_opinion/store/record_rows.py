"""Records to database rows and back.

Values travel as JSON text, so that ``"1"``, ``1`` and ``true`` stay apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from second_opinion.errors import UserError
from second_opinion.records.api_token_move import ApiTokenMove
from second_opinion.records.batch import Batch
from second_opinion.records.dialect import Dialect
from second_opinion.records.event import AliasMove, CardEdit, Event
from second_opinion.records.held_address import AddressRelease
from second_opinion.records.invitation import Invitation, LinkMove
from second_opinion.records.plan import Closing, Draw, Plan
from second_opinion.records.prediction import Prediction
from second_opinion.records.retention_rule import RetentionRule
from second_opinion.records.review import Adjudication, Triage
from second_opinion.records.value import plain
from second_opinion.records.verdict import Verdict

if TYPE_CHECKING:
    from _typeshed import SupportsKeysAndGetItem

JSON_COLUMNS = frozenset(
    {
        "inputs",
        "value",
        "probabilities",
        "flags",
        "correct_value",
        "blind_value",
        "answer",
        "details",
        "columns",
        "personal",
        "notes",
        "unfamiliar",
        "dialect",
        "groups",
        "experts",
    }
)
# What a card says of the answers is stored once, with the hash of the card.
KEPT_ELSEWHERE = frozenset({"scale"})
# What is stored with a verdict or a final answer besides the record.
WORKED_OUT = frozenset({"case_id", "outcome", "tolerance"})
OF_ITS_PLAN = frozenset({"plan_id", "batch_id"})
TUPLES = (
    "probabilities",
    "flags",
    "columns",
    "personal",
    "notes",
    "unfamiliar",
    "groups",
    "experts",
)


def to_row(
    record: (
        Prediction
        | Verdict
        | AliasMove
        | CardEdit
        | ApiTokenMove
        | AddressRelease
        | AddressRelease
        | Triage
        | Adjudication
        | Event
        | Batch
        | Plan
        | Draw
        | Closing
        | Invitation
        | LinkMove
        | RetentionRule
    ),
) -> dict[str, Any]:
    """The record's fields as SQLite stores them; `UserError` where that would change a value."""
    return {
        name: to_json(name, _fields(value)) if name in JSON_COLUMNS else _storable(name, value)
        for name, value in vars(record).items()
        if name not in KEPT_ELSEWHERE
    }


def _fields(value: Any) -> Any:
    return asdict(value) if isinstance(value, Dialect) else value


def prediction(row: SupportsKeysAndGetItem[str, Any]) -> Prediction:
    """The stored prediction, its value and inputs as JSON gives them back."""
    return Prediction(**from_row(row))


def verdict(row: SupportsKeysAndGetItem[str, Any]) -> Verdict:
    """The stored verdict, its values as JSON gives them back."""
    columns = _given(row)
    columns.pop("answer", None)
    return Verdict(**columns)


def adjudication(row: SupportsKeysAndGetItem[str, Any]) -> Adjudication:
    """The stored final answer."""
    return Adjudication(**_given(row))


def _given(row: SupportsKeysAndGetItem[str, Any]) -> dict[str, Any]:
    """What a person gave of it, without what was worked out when it was stored."""
    return {name: value for name, value in from_row(row).items() if name not in WORKED_OUT}


def batch(row: SupportsKeysAndGetItem[str, Any]) -> Batch:
    """The stored batch."""
    columns = from_row(row)
    dialect = columns.pop("dialect")
    return Batch(**columns, dialect=Dialect(**dialect | {"kinds": tuple(dialect.get("kinds", ()))}))


def plan(row: SupportsKeysAndGetItem[str, Any]) -> Plan:
    """The stored plan."""
    return Plan(**from_row(row))


def draw(row: SupportsKeysAndGetItem[str, Any]) -> Draw:
    """The stored draw, without its plan and batch."""
    columns = {name: value for name, value in dict(row).items() if name not in OF_ITS_PLAN}
    return Draw(**columns | {"twice": bool(columns["twice"])})


def from_row(row: SupportsKeysAndGetItem[str, Any]) -> dict[str, Any]:
    """The row by column, its JSON text read; lists that are no value as tuples."""
    values = {
        name: json.loads(value) if name in JSON_COLUMNS and value is not None else value
        for name, value in dict(row).items()
    }
    for name in TUPLES:
        if values.get(name) is not None:
            values[name] = tuple(values[name])
    return values


def to_json(where: str, value: Any) -> str | None:
    """Compact JSON text, or None for a missing value; `UserError` for what JSON cannot hold."""
    value = _jsonable(where, value)
    if value is None:
        return None
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _jsonable(where: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_name(where, name): _jsonable(f"{where}.{name}", value[name]) for name in value}
    if isinstance(value, (list, tuple)):
        return [_jsonable(where, item) for item in value]
    return _storable(where, value)


def _name(where: str, name: Any) -> str:
    if not isinstance(name, str):
        raise UserError(
            f"The name {name!r} in {where} is a {type(name).__name__}; expected text. Rename it."
        )
    return _text(where, name)


def _storable(where: str, value: Any) -> str | int | float | bool | None:
    value = plain(value)
    if isinstance(value, str):
        return _text(where, value)
    if isinstance(value, float) and math.isinf(value):
        raise UserError(f"The number in {where} is infinite; expected a finite one. Correct it.")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise UserError(
        f"The value of {where} is a {type(value).__name__}; expected text, a number, true, false, "
        "a date or nothing. Convert it first."
    )


def _text(where: str, value: str) -> str:
    # Half of a surrogate pair has no UTF-8 form, and SQLite's own functions stop reading at NUL.
    try:
        value.encode()
    except UnicodeEncodeError:
        storable = False
    else:
        storable = "\x00" not in value
    if not storable:
        raise UserError(
            f"The text of {ascii(where)[1:-1]} holds NUL or half of a surrogate pair, which cannot "
            "be stored; expected Unicode text. Remove that character, or type the text again."
        )
    return value


def listed(ids: Iterable[str]) -> str:
    """Ids as one parameter of a statement."""
    return json.dumps(list(ids))
