"""The log of who did what when. Each event is only ever added."""

from __future__ import annotations

import sqlite3

from second_opinion.access import roles
from second_opinion.records.event import Event
from second_opinion.records.expert import Expert
from second_opinion.store import record_rows, sql_review
from second_opinion.store.database_file import DatabaseFile


class EventLog:
    """Events of people and of the program. `Store.event_log` is the one to use."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def add(self, event: Event) -> None:
        """Note who did what; an event whose id is there already is left as it is."""
        with self._file.writing() as connection:
            note(connection, event)

    def newest(self, what: str | None = None, most: int = 200, *, by: Expert) -> list[Event]:
        """The latest events, newest first; `UserError` for all but owners."""
        roles.check(by, "read the log of events")
        with self._file.reading() as connection:
            parameters = {"what": what, "most": most}
            rows = connection.execute(sql_review.EVENTS, parameters).fetchall()
        return [Event(**record_rows.from_row(row)) for row in rows]


def note(connection: sqlite3.Connection, event: Event) -> None:
    """Add an event in the transaction that does what it tells of."""
    connection.execute(sql_review.ADD_EVENT, record_rows.to_row(event))
