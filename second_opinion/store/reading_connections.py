"""Connections that read, kept from one read to the next: opening one costs more than most reads."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from second_opinion.store import sql_connection


class StoppedError(Exception):
    """Nobody may read until the log of the database is another one."""


# More threads than this do not read at once for long.
MOST_KEPT = 8


class ReadingConnections:
    """As many connections as threads read at the same moment; each belongs to one file.

    `let_go` closes those that nobody uses, and marks the others to be closed after their read.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._idle: list[sqlite3.Connection] = []
        self._busy: dict[int, int] = {}
        self._age = 0
        self._is_stopped = False
        self._change = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """A connection of the block's own that sees one moment; `StoppedError` while stopped."""
        connection, age = self._taken()
        is_whole = False
        try:
            connection.execute(sql_connection.BEGIN_READ)
            yield connection
            connection.execute(sql_connection.ROLLBACK)
            is_whole = True
        finally:
            self._give_back(connection, age, is_whole)

    def let_go(self, patience: float = 0.0) -> bool:
        """Close all; False where a read goes on after so many seconds. Others may begin anew."""
        deadline = time.monotonic() + patience
        with self._change:
            self._age += 1
            idle, self._idle = self._idle, []
            for connection in idle:
                connection.close()
            while sum(self._busy.values()):
                if not self._change.wait(max(deadline - time.monotonic(), 0)):
                    return False
        return True

    @contextmanager
    def stopped(self, patience: float) -> Iterator[bool]:
        """Close all and let nobody read in the block; gives whether every read has ended."""
        with self._change:
            self._is_stopped = True
        try:
            yield self.let_go(patience)
        finally:
            with self._change:
                self._is_stopped = False

    def _taken(self) -> tuple[sqlite3.Connection, int]:
        with self._change:
            # Not waited for here: who stops the others may wait for what this thread holds.
            if self._is_stopped:
                raise StoppedError
            age = self._age
            self._busy[age] = self._busy.get(age, 0) + 1
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            return connection, age
        try:
            connection = self._connect()
            connection.execute(sql_connection.READ_ONLY)
        except BaseException:
            self._end(age)
            raise
        return connection, age

    def _give_back(self, connection: sqlite3.Connection, age: int, is_whole: bool) -> None:
        with self._change:
            is_kept = is_whole and age == self._age and len(self._idle) < MOST_KEPT
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            with suppress(sqlite3.Error):
                connection.close()
        self._end(age)

    def _end(self, age: int) -> None:
        with self._change:
            self._busy[age] -= 1
            if not self._busy[age]:
                del self._busy[age]
            self._change.notify_all()
