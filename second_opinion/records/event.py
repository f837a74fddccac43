"""What happened beside predictions and verdicts. No I/O."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from second_opinion.records.stamp import new_id, now


@dataclass(frozen=True)
class AliasMove:
    """An alias of a model pointed at a version, or put back: by whom, and when. Never changed.

    ``version`` is one version, or the arms of an A/B split as `traffic_split.text` writes them;
    ``reason`` is in the words of who moved it, empty for none.
    """

    model: str
    alias: str
    version: str
    action: Literal["promote", "rollback"]
    moved_by: str
    reason: str = ""
    id: str = dataclasses.field(default_factory=new_id)
    created_at: str = dataclasses.field(default_factory=now)


@dataclass(frozen=True)
class CardEdit:
    """A text of a model's card replaced by another: by whom, and when. Never changed.

    ``field`` is its place in the card: ``limits``, ``features.age.label``. ``model_sha256`` is the
    model file of the card.
    """

    model: str
    version: str
    model_sha256: str
    field: str
    text: str
    edited_by: str
    id: str = dataclasses.field(default_factory=new_id)
    created_at: str = dataclasses.field(default_factory=now)


@dataclass(frozen=True)
class Event:
    """Who did what, and when, beside predictions and verdicts: ``export``, ``triage``, …"""

    what: str
    who: str
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    id: str = dataclasses.field(default_factory=new_id)
    created_at: str = dataclasses.field(default_factory=now)


@dataclass(frozen=True)
class EventFilter:
    """Which entries of the log somebody wants to see; what is empty does not narrow.

    ``since`` and ``until`` are moments as ISO text, the second one not included.
    """

    kinds: tuple[str, ...] = ()
    person: str = ""
    since: str = ""
    until: str = ""
