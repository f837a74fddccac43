"""Events of the log in words: what happened, and its details."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from second_opinion.formatting import number_text, plural
from second_opinion.records.event import Event

KINDS = {
    "sign-in": "Came in",
    "wrong code": "Wrong code",
    "refused link": "Refused link",
    "batch": "Batch",
    "predictions": "Predictions",
    "export": "Took a file",
    "backup": "Took a backup",
    "restore": "Put a copy back",
    "triage": "Triage",
    "adjudicate": "Decided a case",
    "plan": "Plan",
    "old answers": "Tested a version on old answers",
    "promote": "Promoted",
    "rollback": "Rolled back",
    "edit card": "Changed words of a card",
    "invitation": "Personal link",
    "retention": "What is kept",
    "token": "Token of a program",
    "address": "E-mail address",
    "announcement": "Told the owner",
    "failed announcement": "Could not tell the owner",
}
ID = re.compile(r"\b[0-9a-f]{24}([0-9a-f]{8})\b")


def kind(what: str) -> str:
    """A kind of event as people read it; one that is not known here by its own name."""
    return KINDS.get(what, what.replace("_", " ").capitalize())


def details(event: Event) -> str:
    """What the log says beyond kind and person, in one line; ids by their last eight digits."""
    if event.what == "predictions":
        return _predictions(event.details)
    return ", ".join(_named(event.details))


def _predictions(about: Mapping[str, Any]) -> str:
    count = plural(int(about["predictions"]), "prediction")
    of = f"{about['model']} version {about['version']} ({about['source']})"
    mean, slowest = number_text(about["latency_ms"]), number_text(about["slowest_ms"])
    return f"{count} of {of}, {mean} ms each, slowest {slowest} ms"


def _named(about: Mapping[str, Any]) -> list[str]:
    texts: list[str] = []
    for name, value in about.items():
        if name == "action":
            # What was done reads as a beginning.
            texts.insert(0, _text(value))
        elif isinstance(value, Mapping):
            texts += _named(value)
        elif value not in (None, "", [], ()):
            texts.append(f"{name.replace('_', ' ')} {_text(value)}")
    return texts


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " and ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return number_text(value)
    return ID.sub(r"\1", str(value))
