"""Who made a batch, and whether it is theirs to change."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from second_opinion.access import roles
from second_opinion.records.expert import Expert
from second_opinion.store import sql_batches


class Maker(NamedTuple):
    """The id of a batch or verdict, and the key of who made it."""

    id: str
    expert_key: str | None


def check(connection: sqlite3.Connection, batch_id: str, by: Expert) -> None:
    """Raise `UserError` unless the batch is this person's to change."""
    row = connection.execute(sql_batches.BATCH_MAKER, {"id": batch_id}).fetchone()
    roles.check_own(by, Maker(batch_id, row["expert_key"] if row else None), "This batch")
