"""Which verdicts somebody wants to see: as a record, and as the words of an address."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Literal, get_args

from second_opinion.records.prediction import Source
from second_opinion.records.review import Outcome, TriageState
from second_opinion.records.verdict import Judgement, Severity
from second_opinion.records.verdict_kinds import current_kinds

Sort = Literal["newest", "least_sure", "most_sure", "serious"]
Mode = Literal["open", "blind"]

MOST_WORDS = 200


@dataclass(frozen=True)
class VerdictFilter:
    """Current verdicts by what they have; None does not narrow.

    ``value`` is the predicted class, ``answer`` the class that counts as right. ``corrected`` says
    whether a right value was given. ``at_least`` and ``below`` bound the confidence, 0 to 1;
    ``since`` and ``until`` are days in UTC, both included. ``words`` are looked for in comments,
    all of them, each also as the beginning of a longer word.
    """

    model: str | None = None
    version: str | None = None
    expert: str | None = None
    judgement: Judgement | None = None
    severity: Severity | None = None
    mode: Mode | None = None
    source: Source | None = None
    value: Any = None
    answer: Any = None
    corrected: bool | None = None
    adjudicated: bool | None = None
    outcome: Outcome | None = None
    triage: TriageState | None = None
    batch: str | None = None
    since: str | None = None
    until: str | None = None
    at_least: float | None = None
    below: float | None = None
    words: str | None = None

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> tuple[VerdictFilter, list[str]]:
        """The filter that an address asks for, and the names of what in it will not do.

        Names that are no filter's are passed over: other parts of the address belong to others.
        """
        values: dict[str, Any] = {}
        ignored = []
        for name in (field.name for field in fields(cls)):
            text = texts.get(name, "")
            value = _READ.get(name, _text)(text) if text else None
            if value is not None:
                values[name] = value
            elif text:
                ignored.append(name)
        return cls(**values), ignored

    @property
    def texts(self) -> dict[str, str]:
        """What `read` would make this filter of; only what narrows."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        return {
            name: value if isinstance(value, str) and name not in _JSON else json.dumps(value)
            for name, value in values.items()
        }

    @property
    def by_row(self) -> bool:
        """Whether this asks for more than the summaries know."""
        return any(getattr(self, name) is not None for name in _ROWS)


_ROWS = ("batch", "since", "until", "at_least", "below", "words")
_JSON = ("value", "answer")


def _text(text: str) -> str | None:
    printable = "\x00" not in text and text.strip() and len(text) <= MOST_WORDS
    return text if printable and _encodable(text) else None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _one_of(options: Any) -> Callable[[str], str | None]:
    return lambda text: text if text in get_args(options) else None


def _current_kind(text: str) -> str | None:
    return text if text in (kind.name for kind in current_kinds()) else None


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _fraction(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= 1 else None


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (str, int, float, bool)) else None


_READ: dict[str, Callable[[str], Any]] = {
    "judgement": _current_kind,
    "severity": _one_of(Severity),
    "mode": _one_of(Mode),
    "source": _one_of(Source),
    "outcome": _one_of(Outcome),
    "triage": _one_of(TriageState),
    "value": _scalar,
    "answer": _scalar,
    "corrected": _flag,
    "adjudicated": _flag,
    "since": _day,
    "until": _day,
    "at_least": _fraction,
    "below": _fraction,
}
