"""What every record carries: its id and its time."""

from __future__ import annotations

import hmac
import secrets
import time
from datetime import UTC, datetime, timedelta

SIGNATURE = 12


def new_id(key: str = "") -> str:
    """An id for a prediction or a verdict: 32 hexadecimal digits that grow with time.

    With the secret ``key`` of a browser, it proves that it was made there: `is_signed`.

    A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds since 1970 and 74 of
    chance. New rows stand side by side in every index, so adding one costs the same at any size.
    """
    number = time.time_ns() // 1_000_000 << 80 | secrets.randbits(80)
    version, variant = 0x7 << 76, 0x2 << 62
    made = f"{number & ~(0xF << 76) & ~(0x3 << 62) | version | variant:032x}"
    return signed(made, key) if key else made


def signed(record_id: str, key: str) -> str:
    """The id with its last digits, 48 bits, made from those before and a secret key."""
    body = record_id[:-SIGNATURE]
    return body + hmac.new(key.encode(), body.encode(), "sha256").hexdigest()[:SIGNATURE]


def is_signed(record_id: str, key: str) -> bool:
    """Whether an id was made with this key; never with an empty one."""
    return bool(key) and hmac.compare_digest(record_id.encode(), signed(record_id, key).encode())


def now() -> str:
    """The current time as ISO-8601 UTC text with milliseconds and ``Z``."""
    return _text(datetime.now(UTC))


def earlier(span: timedelta, moment: str = "") -> str:
    """The moment so long before another one, or before now; after it where the span is negative."""
    return _text(datetime.fromisoformat(moment or now()) - span)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_between(earlier: str, later: str) -> float:
    """The time from one stored moment to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
