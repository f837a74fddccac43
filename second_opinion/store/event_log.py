"""The log of who did what when. Each event is only ever added."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from second_opinion.access import roles
from second_opinion.records.event import Event, EventFilter
from second_opinion.records.expert import Expert, folded
from second_opinion.records.stamp import earlier
from second_opinion.store import record_rows, sql_audit
from second_opinion.store.database_file import DatabaseFile

# Anybody can be refused as often as they like: beyond so many of a kind in so long a time it is not
# noted.
MOST_REFUSALS, REFUSAL_WINDOW = 20, timedelta(minutes=10)


class EventPage(NamedTuple):
    """Some entries of the log, newest first, and how many there are in all."""

    events: list[Event]
    total: int


class EventLog:
    """Events of people and of the program. `Store.event_log` is the one to use.

    What it gives is for owners: `UserError` for others. Nothing in it is about a model that is
    hidden from who asks.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file

    def add(self, event: Event) -> bool:
        """Note who did what; False for one whose id is there already, which is left as it is."""
        with self._file.writing() as connection:
            return note(connection, event)

    def newest(self, what: str | None = None, most: int = 200, *, by: Expert) -> list[Event]:
        """The latest events, newest first."""
        roles.check(by, "read the log of events")
        return _events(self._select(sql_audit.EVENTS, what=what, most=most, hidden=_hidden(by)))

    def page(
        self, event_filter: EventFilter, number: int = 1, size: int = 50, *, by: Expert
    ) -> EventPage:
        """A page of the log, from 1, with the predictions in it.

        Those of a person, a version and a source in an hour are one entry, ``predictions``: how
        many, and the mean and the slowest latency in milliseconds.
        """
        roles.check(by, "read the log of events")
        about = self._about(event_filter, by)
        (count,) = self._select(sql_audit.COUNT_ENTRIES, **about)
        some = self._select(sql_audit.ENTRIES, **about, size=size, start=(number - 1) * size)
        return EventPage(_events(some), count[0])

    def each(
        self, event_filter: EventFilter, size: int = 5000, *, by: Expert
    ) -> Iterator[list[Event]]:
        """Every entry of the log that the filter finds, newest first, some at a time."""
        roles.check(by, "read the log of events")
        with self._file.reading() as connection:
            entries = connection.execute(
                sql_audit.ENTRIES, self._about(event_filter, by) | {"size": -1, "start": 0}
            )
            while some := entries.fetchmany(size):
                yield _events(some)

    def kinds(self, *, by: Expert) -> list[str]:
        """What happened at least once."""
        roles.check(by, "read the log of events")
        return [row["what"] for row in self._select(sql_audit.KINDS, hidden=_hidden(by))]

    def people(self, *, by: Expert) -> list[str]:
        """Everybody in the log, each once, by the spelling that stands first in the alphabet."""
        roles.check(by, "read the log of events")
        by_person: dict[str, str] = {}
        for who in sorted(self._everybody(by)):
            by_person.setdefault(folded(who), who)
        return list(by_person.values())

    def _about(self, event_filter: EventFilter, by: Expert) -> dict[str, Any]:
        people = None
        if event_filter.person:
            person = folded(event_filter.person)
            people = [who for who in self._everybody(by) if folded(who) == person]
        kinds = event_filter.kinds
        return {
            "kinds": record_rows.listed(kinds) if kinds else None,
            "people": None if people is None else record_rows.listed(people),
            "since": event_filter.since,
            "until": event_filter.until,
            "hidden": _hidden(by),
        }

    def _everybody(self, by: Expert) -> Iterator[str]:
        return (row["who"] for row in self._select(sql_audit.PEOPLE, hidden=_hidden(by)))

    def _select(self, query: str, **parameters: Any) -> list[sqlite3.Row]:
        with self._file.reading() as connection:
            return connection.execute(query, parameters).fetchall()


def note(connection: sqlite3.Connection, event: Event) -> bool:
    """Add an event in the transaction that does what it tells of; whether it was not there yet."""
    return connection.execute(sql_audit.ADD_EVENT, record_rows.to_row(event)).rowcount == 1


def note_refusal(connection: sqlite3.Connection, event: Event) -> None:
    """Note that somebody was refused, unless that was noted very often of late."""
    about = {"what": event.what, "since": earlier(REFUSAL_WINDOW)}
    (recent,) = connection.execute(sql_audit.REFUSALS_SINCE, about).fetchone()
    if recent < MOST_REFUSALS:
        note(connection, event)


def _hidden(by: Expert) -> str:
    return record_rows.listed(by.hidden_models)


def _events(rows: Iterable[sqlite3.Row]) -> list[Event]:
    return [Event(**record_rows.from_row(row)) for row in rows]
