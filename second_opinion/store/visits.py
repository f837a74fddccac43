"""Who was here, in which role, and how they proved it: one row for each, kept as they come."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from second_opinion.access import roles
from second_opinion.records.expert import Expert, IdentitySource, Role
from second_opinion.records.stamp import now
from second_opinion.store import sql_visits
from second_opinion.store.database_file import DatabaseFile


class VisitRecord(NamedTuple):
    """A person in a role, by what they proved it, and when they were first and last here."""

    label: str
    role: Role
    source: IdentitySource
    first_at: str
    last_at: str


class Visits:
    """The verbs of a store that are about who is here. Get one as ``store.visits``."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def note(self, person: Expert, moment: str = "") -> None:
        """Say that this person is here, now without a moment."""
        about = {
            "expert_key": person.expert_key,
            "label": person.label,
            "role": person.role,
            "source": person.source,
            "moment": moment or now(),
        }
        with self._file.writing() as connection:
            connection.execute(sql_visits.NOTE, about)

    def latest(self, most: int = 100, *, by: Expert) -> list[VisitRecord]:
        """Who was here, the latest first; `UserError` for all but owners."""
        roles.check(by, "see who is here")
        with self._file.reading() as connection:
            rows = connection.execute(sql_visits.LATEST, {"most": most}).fetchall()
        return [VisitRecord(**dict(row)) for row in rows]


def last_by_person(connection: sqlite3.Connection) -> dict[str, str]:
    """When each person was last here, by the key."""
    return {row["expert_key"]: row["last_at"] for row in connection.execute(sql_visits.LAST)}
