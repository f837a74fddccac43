"""How long what nobody needs for a verdict is kept. No I/O."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from second_opinion.records.stamp import earlier, new_id, now

Kept = Literal["events", "predictions"]
# Days to choose from; None is for good.
PERIODS: Final[tuple[int | None, ...]] = (None, 30, 90, 365, 730, 1825)


@dataclass(frozen=True)
class RetentionRule:
    """For how many days events, or predictions without a verdict, are kept; None is for good.

    Never changed: the latest rule about something holds.
    """

    what: Kept
    days: int | None
    set_by: str = ""
    id: str = dataclasses.field(default_factory=new_id)
    created_at: str = dataclasses.field(default_factory=now)

    def limit(self, moment: str = "") -> str | None:
        """The moment before which things are over their time now; None where nothing is."""
        if self.days is None:
            return None
        return earlier(timedelta(days=self.days), moment)


@dataclass(frozen=True)
class Holding:
    """What the database holds of one kind: rows, about how many bytes, and since when."""

    what: str
    rows: int
    bytes: int
    oldest: str | None
