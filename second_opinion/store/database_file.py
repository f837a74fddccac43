"""The database file: opened safely, noticed when it is gone, and errors that say what to do.

One connection writes, behind a lock; each read opens its own. SQLite keeps writing to a file that
was deleted or replaced, and acknowledges it, so every use first compares the path with the file
that is open.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from sqlite_utils.db import Database

from second_opinion.errors import UserError
from second_opinion.store import sql_connection, verdict_kinds_table
from second_opinion.store.migrations import migrations

TIMEOUT_SECONDS = 30.0

Identity = tuple[int, int]

_ELSEWHERE = "set FEEDBACK_DB to another file."
_BUSY = (
    "stayed locked by another program; nothing was confirmed as stored. Close the program that "
    f"uses the file, or wait for it, then try again, or {_ELSEWHERE}"
)
_READ_ONLY = (
    "cannot be written; expected a file, in a folder, that this program may write. Change the "
    f"permissions of both, or {_ELSEWHERE}"
)
_FINDINGS = {
    sqlite3.SQLITE_NOTADB: (
        "is not a SQLite database; it was left as it is. Move it away so that a new one is made, "
        f"or {_ELSEWHERE}"
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged; expected an intact SQLite file. Stop the app, keep a copy of the file, put a "
        f"backup in its place, or {_ELSEWHERE}"
    ),
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; expected a file, in a folder, that this program may read and write. "
        f"Change the permissions of both, or {_ELSEWHERE}"
    ),
    sqlite3.SQLITE_FULL: (
        "cannot grow, the disk is full; nothing was confirmed as stored. Free some space, then try "
        "again, or set FEEDBACK_DB to a file on another disk."
    ),
    sqlite3.SQLITE_IOERR: (
        "could not be read or written, the disk reports an error; nothing was confirmed as stored. "
        "Check the disk and its free space, then try again, or set FEEDBACK_DB to a file on "
        "another disk."
    ),
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
}


class DatabaseFile:
    """One SQLite file at a fixed path, migrated when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._sidecars: dict[Path, Identity | None] = {}

    def open(self) -> None:
        """Make sure that the file at the path is the one that is open, and can be written."""
        with explained(self.path), self._held():
            self._ready()

    def close(self) -> None:
        """Close the writing connection; the next use opens it again."""
        with self._held():
            self._abandon()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end of the block, rolled back on any exception."""
        with explained(self.path), self._held():
            connection = self._begun()
            try:
                yield connection
                connection.execute(sql_connection.COMMIT)
            finally:
                if connection.in_transaction:
                    connection.execute(sql_connection.ROLLBACK)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection of the block's own that sees one moment of the database."""
        with explained(self.path):
            if self._current() is None:
                self.open()
            with closing(_connected(self.path)) as connection:
                connection.execute(sql_connection.READ_ONLY)
                connection.execute(sql_connection.BEGIN_READ)
                yield connection

    @contextmanager
    def _held(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=TIMEOUT_SECONDS):
            raise UserError(f"The feedback database {self.path} {_BUSY}")
        try:
            yield
        finally:
            self._lock.release()

    def _begun(self) -> sqlite3.Connection:
        # Compared once the lock is held: the file may change while this waits for it.
        while True:
            connection = self._ready()
            connection.execute(sql_connection.BEGIN_WRITE)
            if self._identity == _identity(self.path):
                return connection
            connection.execute(sql_connection.ROLLBACK)

    def _current(self) -> sqlite3.Connection | None:
        """The connection, if the file it has open is the one at the path."""
        return self._connection if self._identity == _identity(self.path) else None

    def _ready(self) -> sqlite3.Connection:
        connection = self._current()
        if connection is None:
            self._abandon()
            connection = self._connection = self._opened()
        return connection

    def _opened(self) -> sqlite3.Connection:
        _refuse_impossible(self.path)
        with ExitStack() as undo:
            if _created(self.path):
                undo.callback(_remove_if_empty, self.path)
            # Taken before connecting: a file swapped in between is then noticed by the next write.
            self._identity = _identity(self.path)
            connection = _connected(self.path)
            undo.callback(connection.close)
            _migrate(self.path, connection)
            _write_ahead(connection)
            connection.execute(sql_connection.ROOM_FOR_INDEXES)
            undo.pop_all()
        self._sidecars = {path: _identity(path) for path in _sidecars(self.path)}
        return connection

    def _abandon(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        with closing(connection), suppress(sqlite3.Error):
            # SQLite does not do this by itself when the file was moved away.
            connection.execute(sql_connection.CHECKPOINT)
        if self._identity != _identity(self.path):
            self._remove_orphans()

    def _remove_orphans(self) -> None:
        # A log of the old file would be replayed into the new one. Only the files seen at opening:
        # another process may have made its own since.
        for path, identity in self._sidecars.items():
            if identity is not None and identity == _identity(path):
                path.unlink(missing_ok=True)


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _sidecars(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _refuse_impossible(path: Path) -> None:
    if path.is_dir():
        raise UserError(
            f"The feedback database {path} is a folder; expected a file. "
            f"Set FEEDBACK_DB to a file, such as {path / 'feedback.db'}."
        )
    if not path.parent.is_dir():
        raise UserError(
            f"The feedback database {path} cannot be made: the folder "
            f"{path.parent} does not exist; expected one that this program may write. "
            f"Create it, or {_ELSEWHERE}"
        )
    # Asked beforehand: SQLite opens a read-only file without a word, and leaves a log beside it.
    if not _writable(path.parent) or (path.exists() and not _writable(path)):
        raise UserError(f"The feedback database {path} {_READ_ONLY}")


def _writable(path: Path) -> bool:
    by_effective_user = os.access in os.supports_effective_ids
    return os.access(path, os.R_OK | os.W_OK, effective_ids=by_effective_user)


def _created(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644))
    except FileExistsError:
        return False
    return True


def _remove_if_empty(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.stat().st_size == 0:
            path.unlink()


def _connected(path: Path) -> sqlite3.Connection:
    # mode=rw: SQLite never makes the file, so that a vanished one is an error, not an empty one.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute(sql_connection.SYNC_EACH_COMMIT)
    connection.execute(sql_connection.NO_FOREIGN_KEYS)
    connection.execute(sql_connection.BEGIN_WRITE)
    try:
        migrations.apply(Database(connection, execute_plugins=False))
        verdict_kinds_table.add_kinds(connection)
    except sqlite3.OperationalError as error:
        if _kind(error) != sqlite3.SQLITE_ERROR:
            raise
        raise UserError(
            f"The file {path} is a database of another program ({error}); expected one of Second "
            f"Opinion, or none. It was left as it is: {_ELSEWHERE}"
        ) from error
    verdict_kinds_table.refuse_other_kinds(path, connection)
    connection.execute(sql_connection.COMMIT)
    connection.execute(sql_connection.FOREIGN_KEYS)


def _write_ahead(connection: sqlite3.Connection) -> None:
    # SQLite answers "locked" at once here, without its timeout, when two processes start together.
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            connection.execute(sql_connection.WRITE_AHEAD)
            break
        except sqlite3.OperationalError as error:
            if _kind(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute(sql_connection.TOUCH)


def _kind(error: sqlite3.Error) -> int:
    # The low byte is the kind of error; the rest says where in SQLite it arose.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say about the file into a `UserError`."""
    try:
        yield
    except sqlite3.Error as error:
        finding = _FINDINGS.get(_kind(error))
        if finding is None:
            raise
        raise UserError(f"The feedback database {path} {finding}") from error
    except OSError as error:
        raise UserError(
            f"The feedback database {path} cannot be opened ({error.strerror}); expected a file, "
            f"in a folder, that this program may read and write. Correct that, or {_ELSEWHERE}"
        ) from error
