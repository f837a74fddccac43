"""What is done at the opening of a database file: its place, the file, a connection, the schema."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlite_utils.db import Database

from second_opinion.errors import StorageError
from second_opinion.store import file_identity, sql_connection, sqlite_errors, verdict_kinds_table
from second_opinion.store.migrations import migrations
from second_opinion.store.sqlite_errors import ELSEWHERE, READ_ONLY

# A file of 300 MB is checked whole in less than half a second.
CHECK_SECONDS = 2.0


def refuse_impossible(path: Path) -> None:
    """`StorageError` where no database can be at the path."""
    if path.is_dir():
        raise StorageError(
            f"The feedback database {path} is a folder; expected a file. "
            f"Set FEEDBACK_DB to a file, such as {path / 'feedback.db'}."
        )
    if path.exists() and not path.is_file():
        raise StorageError(
            f"The feedback database {path} is a pipe or device; expected a file. Move it away, or "
            f"{ELSEWHERE}"
        )
    if not path.parent.is_dir():
        raise StorageError(
            f"The feedback database {path} cannot be made: the folder "
            f"{path.parent} does not exist; expected one that this program may write. "
            f"Create it, or {ELSEWHERE}"
        )
    # Asked beforehand: SQLite opens a read-only file without a word, and leaves a log beside it.
    if not _writable(path.parent) or (path.exists() and not _writable(path)):
        raise StorageError(f"The feedback database {path} {READ_ONLY}")


def _writable(path: Path) -> bool:
    by_effective_user = os.access in os.supports_effective_ids
    return os.access(path, os.R_OK | os.W_OK, effective_ids=by_effective_user)


def created(path: Path) -> bool:
    """Make an empty file; False where there is one."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644))
    except FileExistsError:
        return False
    return True


def remove_if_empty(path: Path, connection: sqlite3.Connection) -> None:
    """Take back an empty file, unless another process has begun to write into it."""
    try:
        if connection.in_transaction:
            connection.execute(sql_connection.ROLLBACK)
        connection.execute(sql_connection.NO_PATIENCE)
        connection.execute(sql_connection.BEGIN_ALONE)
    except sqlite3.Error as error:
        if sqlite_errors.kind(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return
    with suppress(FileNotFoundError):
        if path.stat().st_size == 0:
            path.unlink()


def connected(path: Path, seconds: float) -> sqlite3.Connection:
    """A connection that waits so long for others; an error where there is no file."""
    # mode=rw: SQLite never makes the file, so that a vanished one is an error, not an empty one.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def check(path: Path, connection: sqlite3.Connection) -> None:
    """`UserError` for another's database, a newer one, a damaged one, and the log of another."""
    file_identity.refuse_strangers(path, connection)
    if finding := file_identity.finding(connection, CHECK_SECONDS):
        raise sqlite_errors.damaged(path, finding)


def migrate(path: Path, connection: sqlite3.Connection) -> None:
    """Take the steps of the schema that are missing, and sign the file."""
    connection.execute(sql_connection.SYNC_EACH_COMMIT)
    connection.execute(sql_connection.NO_FOREIGN_KEYS)
    connection.execute(sql_connection.BEGIN_WRITE)
    file_identity.refuse_strangers(path, connection)
    migrations.apply(Database(connection, execute_plugins=False))
    file_identity.sign(connection)
    verdict_kinds_table.add_kinds(connection)
    verdict_kinds_table.refuse_other_kinds(path, connection)
    connection.execute(sql_connection.COMMIT)
    connection.execute(sql_connection.FOREIGN_KEYS)
