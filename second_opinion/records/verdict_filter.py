"""Which verdicts somebody wants to see: as a record, and as the words of an address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
)

from second_opinion.records.prediction import Source
from second_opinion.records.review import Outcome, TriageState
from second_opinion.records.verdict import Severity
from second_opinion.records.verdict_kinds import current_kinds

Sort = Literal["newest", "least_sure", "most_sure", "serious"]
Mode = Literal["open", "blind"]

MOST_WORDS = 200
# The context in which a field is read from a text that anybody may have written.
_ADDRESS = "address"


def _printable(text: str, info: ValidationInfo) -> str:
    text.encode()
    if info.context == _ADDRESS and ("\x00" in text or not text.strip() or len(text) > MOST_WORDS):
        raise ValueError(f"expected up to {MOST_WORDS} characters")
    return text


def _scalar(value: Any, info: ValidationInfo) -> Any:
    if info.context != _ADDRESS:
        return value
    try:
        value = json.loads(value)
    except RecursionError as error:
        raise ValueError("expected a text, a number or a flag as JSON") from error
    if not isinstance(value, (str, int, float, bool)):
        raise ValueError("expected a text, a number or a flag as JSON")
    return value


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _current_kind(name: str) -> str:
    names = [kind.name for kind in current_kinds()]
    if name not in names:
        raise ValueError(f"expected one of {', '.join(names)}")
    return name


Text = Annotated[str, AfterValidator(_printable)]
KindName = Annotated[str, AfterValidator(_current_kind)]
Scalar = Annotated[Any, BeforeValidator(_scalar)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_flag)]
Day = Annotated[str, AfterValidator(_day)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class VerdictFilter(BaseModel):
    """Current verdicts by what they have; None does not narrow.

    ``value`` is the predicted class, ``answer`` the class that counts as right. ``corrected`` says
    whether a right value was given. ``at_least`` and ``below`` bound the confidence, 0 to 1;
    ``since`` and ``until`` are days in UTC, both included. ``words`` are looked for in comments,
    all of them, each also as the beginning of a longer word.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Text | None = None
    version: Text | None = None
    expert: Text | None = None
    judgement: KindName | None = None
    severity: Severity | None = None
    mode: Mode | None = None
    source: Source | None = None
    value: Scalar = None
    answer: Scalar = None
    corrected: Flag | None = None
    adjudicated: Flag | None = None
    outcome: Outcome | None = None
    triage: TriageState | None = None
    batch: Text | None = None
    since: Day | None = None
    until: Day | None = None
    at_least: Fraction | None = None
    below: Fraction | None = None
    words: Text | None = None

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> tuple[VerdictFilter, list[str]]:
        """The filter that an address asks for, and the names of what in it will not do.

        Names that are no filter's are passed over: other parts of the address belong to others.
        """
        own = {name: texts[name] for name in cls.model_fields if texts.get(name)}
        try:
            return cls.model_validate(own, context=_ADDRESS), []
        except ValidationError as error:
            ignored = list(dict.fromkeys(str(fault["loc"][0]) for fault in error.errors()))
        rest = {name: text for name, text in own.items() if name not in ignored}
        return cls.model_validate(rest, context=_ADDRESS), ignored

    @property
    def texts(self) -> dict[str, str]:
        """What `read` would make this filter of; only what narrows."""
        return {
            name: value if isinstance(value, str) and name not in _JSON else json.dumps(value)
            for name, value in self
            if value is not None
        }

    @property
    def by_row(self) -> bool:
        """Whether this asks for more than the summaries know."""
        return any(getattr(self, name) is not None for name in _ROWS)


_ROWS = ("batch", "since", "until", "at_least", "below", "words")
_JSON = ("value", "answer")
