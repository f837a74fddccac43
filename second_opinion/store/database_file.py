"""The database file: opened safely, noticed when it is gone or another one, and never guessed at.

One connection writes, behind a lock; reads share a few of their own. SQLite keeps writing to a file
that was deleted, replaced or written over, and acknowledges it, so every use first compares file
and log with those that are open; what looks changed is looked into (`file_identity`).
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from second_opinion.errors import StorageError, UserError, log
from second_opinion.store import (
    database_lock,
    file_identity,
    file_opening,
    lock_trial,
    rescue,
    sql_connection,
    sqlite_errors,
    write_ahead_log,
)
from second_opinion.store.file_identity import Place, Stamp
from second_opinion.store.reading_connections import ReadingConnections, StoppedError
from second_opinion.store.sqlite_errors import BUSY, explained
from second_opinion.store.write_ahead_log import LogRemovedError

TIMEOUT_SECONDS = 30.0
# A checkpoint of another process, or a copy that is being written, is over by then.
LOOK_SECONDS = 2.0
READERS_SECONDS = 5.0
# Shorter than others wait for a log that is begun anew.
LOG_SECONDS = 10.0
NOT_IN_IT = "what this app committed is not in it any more"
# So many changed rows stay in the log before they come into the file: a few MB.
MOST_IN_LOG = 500


class Refusal(NamedTuple):
    """Why the file at a place takes no more writes, or no reads either."""

    place: Place | None
    error: UserError
    is_for_reads: bool


class DatabaseFile:
    """One SQLite file at a fixed path, checked and migrated when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Taken again by a thread that reads while it writes.
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._connect = partial(file_opening.connected, path, TIMEOUT_SECONDS)
        self._readers = ReadingConnections(self._reader)
        # By thread: the connection of the moment that it reads.
        self._moment = threading.local()
        self._stamp = Stamp(None, 0, 0, None, None)
        self._log_number = 0
        self._id = ""
        self._commits = 0
        self._checkpointed = 0
        self._changes_in_file = 0
        self._last_rows: tuple[str | None, str | None] = (None, None)
        self._refusal: Refusal | None = None

    def open(self) -> None:
        """Make sure that the file at the path is the one that is open, and can be written."""
        if self._of_moment() is not None:
            return
        with self._explained(), self._held():
            self._ready()

    def close(self) -> None:
        """Close all connections; the next use opens the file again."""
        with self._held():
            if self._connection is not None and self._stamp.file == file_identity.place(self.path):
                try:
                    self._look(self._connection)
                except UserError as error:
                    log.error("%s", error)
            self._abandon()
            database_lock.tidy_up(self.path)

    def finding(self, seconds: float) -> str | None:
        """What is damaged; empty if nothing is, None if the time did not suffice for all of it."""
        with self.reading() as connection:
            return file_identity.finding(connection, seconds)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end of the block, rolled back on any exception."""
        with self._explained(), self._held():
            with self._transaction() as connection:
                before = connection.total_changes
                yield connection
                commits, last_rows = self._counted(connection, before)
                connection.execute(sql_connection.COMMIT)
            self._commits, self._last_rows = commits, last_rows
            self._acknowledge()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of the block's own that sees one moment of the database."""
        with self._explained(), ExitStack() as stack:
            yield self._of_moment() or self._reading(stack)

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Let what this thread reads in the block be of one moment, by one look at the file.

        What is written meanwhile is not seen, so nothing is to be written in the block.
        """
        with self.reading() as connection:
            before, self._moment.connection = self._of_moment(), connection
            try:
                yield
            finally:
                self._moment.connection = before

    def _of_moment(self) -> sqlite3.Connection | None:
        return getattr(self._moment, "connection", None)

    def _reading(self, stack: ExitStack) -> sqlite3.Connection:
        while True:
            self._refuse(is_read=True)
            with ExitStack() as attempt, suppress(LogRemovedError, StoppedError):
                if self._is_shared(attempt):
                    connection = attempt.enter_context(self._readers.one())
                    stack.enter_context(attempt.pop_all())
                    return connection
            with self._held():
                self._ready(is_read=True)

    def _reader(self) -> sqlite3.Connection:
        return write_ahead_log.reader(self.path, self._connect, self._stamp)

    def _is_shared(self, stack: ExitStack) -> bool:
        """Whether file and log are those that are open; they are until the stack is left.

        Others who began a new log would change the pages that are read by this one.
        """
        stack.enter_context(database_lock.held(self.path, is_alone=False))
        return self._connection is not None and self._stamp == file_identity.stamp(self.path)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what SQLite says in words; once it found damage, nothing more is acknowledged."""
        with explained(self.path):
            try:
                yield
            except sqlite3.DatabaseError as error:
                # Beside a log that was removed, others change the pages that this one reads.
                if sqlite_errors.is_damage(error) and self._has_log():
                    refusal = sqlite_errors.damaged(self.path, str(error))
                    self._refusal = Refusal(self._stamp.file, refusal, is_for_reads=False)
                raise

    @contextmanager
    def _held(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=TIMEOUT_SECONDS):
            raise StorageError(f"The feedback database {self.path} {BUSY}")
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with ExitStack() as stack:
            connection = self._begun(stack)
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute(sql_connection.ROLLBACK)

    def _begun(self, stack: ExitStack) -> sqlite3.Connection:
        while True:
            connection = self._ready()
            with ExitStack() as attempt:
                if not self._is_shared(attempt):
                    continue
                connection.execute(sql_connection.BEGIN_WRITE)
                # Compared once the lock is held: the file may change while this waits for it.
                if self._stamp == file_identity.stamp(self.path):
                    stack.enter_context(attempt.pop_all())
                    return connection
                connection.execute(sql_connection.ROLLBACK)

    def _counted(
        self, connection: sqlite3.Connection, before: int
    ) -> tuple[int, tuple[str | None, str | None]]:
        """Count the commit that is about to be made; what must be there after it."""
        if connection.total_changes == before:
            return self._commits, self._last_rows
        connection.execute(sql_connection.COUNT_COMMIT, {"checkpointed": self._checkpointed})
        identity = file_identity.of_connection(connection)
        verdict, prediction = connection.execute(sql_connection.LAST_ROWS).fetchone()
        return identity.commits if identity else 0, (verdict, prediction)

    def _acknowledge(self) -> None:
        """`UserError` where what was committed went into a file that is not there any more."""
        stamp = file_identity.stamp(self.path)
        if stamp.file != self._stamp.file:
            raise StorageError(
                f"The feedback database {self.path} was replaced while something was stored in it; "
                "expected the same file until that was done. It may not be stored: try again."
            )
        if stamp != self._stamp:
            self._ready()
        elif self._connection is not None:
            self._empty_log(self._connection)

    def _empty_log(self, connection: sqlite3.Connection) -> None:
        """Bring a long log into the file, unless that is another one by now."""
        if connection.total_changes - self._changes_in_file <= MOST_IN_LOG:
            return
        with ExitStack() as stack:
            if self._is_shared(stack):
                connection.execute(sql_connection.CHECKPOINT_WITHOUT_WAITING)
                self._changes_in_file = connection.total_changes

    def _refuse(self, *, is_read: bool) -> None:
        """`UserError` while the file in which something was found wrong is still there."""
        refusal = self._refusal
        if refusal and (refusal.is_for_reads or not is_read):
            if refusal.place == file_identity.place(self.path):
                raise refusal.error
            self._refusal = None

    def _ready(self, *, is_read: bool = False) -> sqlite3.Connection:
        """The writing connection, to the file at the path and with the log beside it."""
        self._refuse(is_read=is_read)
        stamp = file_identity.stamp(self.path)
        if self._connection is not None and stamp.file != self._stamp.file:
            self._abandon()
        if self._connection is not None and stamp != self._stamp:
            self._look(self._connection)
        if self._connection is None:
            self._connection = self._opened()
        return self._connection

    def _look(self, connection: sqlite3.Connection) -> None:
        """Find out whether a file that looks changed is still this one; else refuse it."""
        deadline = time.monotonic() + LOOK_SECONDS
        while True:
            with database_lock.held(self.path, is_alone=False):
                stamp = file_identity.stamp(self.path)
                has_log = self._has_log(stamp)
                difference = self._difference(connection) if has_log else self._difference_alone()
            if not difference or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        if difference:
            self._give_up(connection, difference)
        elif not has_log:
            self._save_log(connection)
        else:
            self._stamp = stamp

    def _has_log(self, stamp: Stamp | None = None) -> bool:
        """Whether a connection is open, and to the log that is at the path."""
        stamp = stamp or file_identity.stamp(self.path)
        own = self._stamp.log, self._stamp.log_index
        return self._connection is not None and (stamp.log, stamp.log_index) == own

    def _difference(self, connection: sqlite3.Connection) -> str:
        if difference := file_identity.difference(self.path, connection):
            return difference
        checkpointed = self._seen_in_file()
        if checkpointed < self._checkpointed or not self._has_own(connection):
            return NOT_IN_IT
        self._checkpointed = checkpointed
        return ""

    def _difference_alone(self) -> str:
        """By the file itself: others may go on with another log, and this one says nothing then."""
        try:
            alone = file_identity.of_file(self.path)
        except sqlite3.DatabaseError as error:
            return f"it cannot be read any more: {error}"
        if alone and self._id and alone.id != self._id:
            return f"its id is {alone.id[:8]}…; expected {self._id[:8]}…"
        return NOT_IN_IT if (alone.commits if alone else 0) < self._checkpointed else ""

    def _seen_in_file(self) -> int:
        """How many commits are in the file itself; 0 where it has no id."""
        alone = file_identity.of_file_if_any(self.path)
        return alone.commits if alone else 0

    def _has_own(self, connection: sqlite3.Connection) -> bool:
        """Whether it is the database that was opened, with all commits that this process knows of,
        and the last row of its own."""
        verdict, prediction = self._last_rows
        rows = {"verdict": verdict, "prediction": prediction}
        together = file_identity.of_connection(connection)
        return (
            together is not None
            and self._id in ("", together.id)
            and together.commits >= self._commits
            and bool(connection.execute(sql_connection.HAS_ROWS, rows).fetchone()[0])
        )

    def _give_up(self, connection: sqlite3.Connection, difference: str) -> None:
        """Keep what can still be read, leave the file to whoever wrote it, and refuse it."""
        self._readers.let_go()
        error = rescue.rescued(self.path, connection, difference)
        self._refusal = Refusal(self._stamp.file, error, is_for_reads=True)
        self._connection = None
        connection.close()
        raise error

    def _save_log(self, connection: sqlite3.Connection) -> None:
        """The log was removed, and SQLite has the only copy: bring it into the file, begin anew."""
        own = self._commits, self._last_rows
        with self._readers.stopped(READERS_SECONDS) as is_quiet:
            # In a transaction: a read within it, by the thread that writes.
            if not is_quiet or connection.in_transaction:
                raise StorageError(f"The feedback database {self.path} {BUSY}")
            self._connection = None
            try:
                joined = write_ahead_log.begun_anew(
                    self.path,
                    connection,
                    self._connect,
                    self._stamp,
                    self._log_number,
                    LOG_SECONDS,
                )
            except StorageError:
                self._connection = connection
                raise
            self._connection = self._opened(joined)
        self._commits, self._last_rows = own
        with ExitStack() as stack:
            if self._is_shared(stack) and not self._has_own(self._connection):
                self._give_up(self._connection, NOT_IN_IT)

    def _opened(self, joined: write_ahead_log.Joined | None = None) -> sqlite3.Connection:
        while True:
            with suppress(LogRemovedError):
                return self._opened_once(joined)
            joined = None

    def _opened_once(self, joined: write_ahead_log.Joined | None) -> sqlite3.Connection:
        if joined is None:
            file_opening.refuse_impossible(self.path)
            lock_trial.refuse_untrue_locks(self.path)
        with ExitStack() as undo:
            undo.callback(database_lock.tidy_up, self.path)
            is_new = file_opening.created(self.path)
            # Taken before connecting: a file swapped in between is then noticed by the next write.
            place = file_identity.place(self.path)
            connection, own = joined or write_ahead_log.connected(
                self.path, self._connect, is_new=is_new, seconds=LOOK_SECONDS
            )
            undo.callback(connection.close)
            # A commit that does it by itself would not see that the file is another one by now.
            connection.execute(sql_connection.NO_CHECKPOINT_AT_COMMIT)
            if is_new:
                undo.callback(file_opening.remove_if_empty, self.path, connection)
            with database_lock.held(self.path, is_alone=False):
                if own and not write_ahead_log.is_at_its_place(self.path, own):
                    raise LogRemovedError
                self._refuse_other_log(connection, place)
                self._prepare(connection, place, own)
            undo.pop_all()
        return connection

    def _prepare(
        self, connection: sqlite3.Connection, place: Place | None, own: Stamp | None
    ) -> None:
        """Check the file, bring it up to date, and begin its log, unless it has one."""
        file_opening.check(self.path, connection)
        file_opening.migrate(self.path, connection)
        write_ahead_log.begin(connection, TIMEOUT_SECONDS)
        own = own or write_ahead_log.opened(self.path, connection)
        own = own or file_identity.stamp(self.path)
        connection.execute(sql_connection.ROOM_FOR_INDEXES)
        if file_identity.of_file_if_any(self.path) is None:
            # The id must be in the file itself, or nothing tells it from another.
            write_ahead_log.bring_in(connection, TIMEOUT_SECONDS)
        self._begin(connection, own._replace(file=place))

    def _refuse_other_log(self, connection: sqlite3.Connection, place: Place | None) -> None:
        """A log that was left behind, and another file put beside it: SQLite would mix them."""
        log_beside = file_identity.sidecars(self.path)[0]
        if not log_beside.exists() or not log_beside.stat().st_size:
            return
        deadline = time.monotonic() + LOOK_SECONDS
        while difference := file_identity.difference(self.path, connection):
            if time.monotonic() > deadline:
                error = rescue.rescued(self.path, connection, difference)
                self._refusal = Refusal(place, error, is_for_reads=True)
                raise error
            time.sleep(0.05)

    def _begin(self, connection: sqlite3.Connection, own: Stamp) -> None:
        """Remember how the file looks from which this process goes on, and which log it has."""
        now = file_identity.stamp(self.path)
        self._stamp = own._replace(size=now.size, changed=now.changed)
        together = file_identity.of_connection(connection)
        self._log_number = write_ahead_log.number(connection)
        self._checkpointed = self._seen_in_file()
        self._id = together.id if together else ""
        self._commits = together.commits if together else 0
        self._last_rows = (None, None)
        self._changes_in_file = connection.total_changes

    def _abandon(self) -> None:
        self._readers.let_go()
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        with closing(connection), suppress(sqlite3.Error):
            # SQLite does not do this by itself when the file was moved away.
            write_ahead_log.bring_in(connection, READERS_SECONDS)
            if self._stamp.file != file_identity.place(self.path):
                # A log of the old file would be replayed into the new one.
                with database_lock.held(self.path, is_alone=True):
                    write_ahead_log.let_go(self.path, self._stamp)
