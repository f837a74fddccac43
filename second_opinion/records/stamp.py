"""What every record carries: its id and its time."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


def new_id() -> str:
    """An id for a prediction or a verdict: 32 hexadecimal digits that grow with time.

    A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds since 1970 and 74 of
    chance. New rows stand side by side in every index, so adding one costs the same at any size.
    """
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    version, variant = 0x7 << 76, 0x2 << 62
    return f"{number & ~(0xF << 76) & ~(0x3 << 62) | version | variant:032x}"


def now() -> str:
    """The current time as ISO-8601 UTC text with milliseconds and ``Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_between(earlier: str, later: str) -> float:
    """The time from one stored moment to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
