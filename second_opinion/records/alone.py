"""Whether a model may answer a case alone, where a study has established that it may in some."""

from __future__ import annotations

from typing import Literal

ALONE = "alone"


def alone(confidence: float | None, limit: float) -> Literal["yes", "no"]:
    """``yes`` for an answer that is at least as sure as the ``limit``; a person has the rest."""
    return "yes" if confidence is not None and confidence >= limit else "no"
