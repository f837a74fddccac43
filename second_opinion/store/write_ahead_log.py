"""The write-ahead log of a database: begun, brought into the file, and let go when it was removed.

A process that has a removed log open goes on with it, and so does every other that has. They share
the index of that log, and must not share it with whoever begins a new one.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from second_opinion.errors import StorageError
from second_opinion.store import database_lock, file_identity, sql_connection, sqlite_errors
from second_opinion.store.file_identity import Place, Stamp

PAUSE_SECONDS = 0.01
TRIAL_SECONDS = 30
# No file is here: one that was removed while it was opened.
GONE: Place = (0, 0)


class LogRemovedError(Exception):
    """The log that was to be read is not at its place any more."""


# Takes the lock that all who have a log open hold, by the bytes that SQLite locks (SHARED_FIRST in
# its os.h), where the header says that there is a log. In a process of its own: closing a file
# gives all locks back that its process has on it.
_ALONE = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR)
has_log = os.pread(handle, 2, 18) == bytes([2, 2])
try:
    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
except OSError:
    print("open elsewhere" if has_log else "")
"""


Joined = tuple[sqlite3.Connection, Stamp | None]


def connected(
    path: Path, connect: Callable[[], sqlite3.Connection], *, is_new: bool, seconds: float
) -> Joined:
    """A connection with the log at the path open; how both look, or None where there is no log.

    `UserError` where log or index were removed while another process has the database open: that
    one would bring what the log held over what is stored in a new one. ``is_new`` where this
    process has made the file a moment ago.
    """
    deadline = time.monotonic() + seconds
    joined: Joined | None = None
    while True:
        is_whole = _has_all(path)
        may_begin = not is_whole and (is_new or not _is_open_elsewhere(path))
        if is_whole or may_begin:
            with database_lock.held(path, is_alone=may_begin):
                # Looked at again: another may have come first.
                if is_new or not may_begin or _has_all(path) or not _is_open_elsewhere(path):
                    joined = _joined(path, connect, may_begin=may_begin)
            if joined is not None:
                return joined
        if not is_whole and time.monotonic() > deadline:
            raise StorageError(
                f"The log of the feedback database {path} was removed while another process has "
                f"it open; expected {path.name}-wal and {path.name}-shm beside it. Nothing was "
                "changed. Store or look something up in that process, which saves the log, or "
                "stop it; then try again."
            )
        time.sleep(PAUSE_SECONDS)


def number(connection: sqlite3.Connection) -> int:
    """Which log of its file it is: how many were begun in place of a removed one."""
    (count,) = connection.execute(sql_connection.LOG_NUMBER).fetchone()
    return int(count)


def begun_anew(
    path: Path,
    connection: sqlite3.Connection,
    connect: Callable[[], sqlite3.Connection],
    own: Stamp,
    own_number: int,
    seconds: float,
) -> Joined | None:
    """Bring the removed log of the connection into the file, close it, and join or begin the next.

    None where that cannot be yet: the next was removed as well, and another process has it open.
    `StorageError` where others are in the way that long.
    """
    # Begun by another, who brought in before what all had committed: there is nothing to wait for.
    is_alone = not (_has_all(path) and _number_in_file(path) not in (None, own_number))
    with database_lock.held(path, is_alone=is_alone):
        if not bring_in(connection, seconds):
            raise StorageError(f"The feedback database {path} {sqlite_errors.BUSY}")
        is_last = is_alone and _number_in_file(path) == own_number
        if is_last:
            let_go(path, own)
        connection.close()
        joined = _joined(path, connect, may_begin=is_last)
        if joined and is_last:
            joined[0].execute(sql_connection.COUNT_LOG)
            bring_in(joined[0], seconds)
        elif joined and number(joined[0]) == own_number:
            # Made by a reader that looked for the removed one, which removes it in a moment.
            joined[0].close()
            return None
        return joined


def _number_in_file(path: Path) -> int | None:
    """As the file alone has it; None while another process writes into it."""
    try:
        with closing(file_identity.connected_alone(path)) as connection:
            return number(connection)
    except sqlite3.Error:
        return None


def reader(path: Path, connect: Callable[[], sqlite3.Connection], own: Stamp) -> sqlite3.Connection:
    """A further connection to the log that this process has open; `LogRemovedError` if it is gone.

    SQLite looks for a log by its name alone, and would begin a new one beside the old index.
    """
    is_there = is_at_its_place(path, own)
    joined = _joined(path, connect, may_begin=own.log is None) if is_there else None
    if joined is None:
        raise LogRemovedError
    return joined[0]


def is_at_its_place(path: Path, own: Stamp) -> bool:
    """Whether log and index that were opened are those that others find now."""
    now = file_identity.stamp(path)
    return (now.log, now.log_index) == (own.log, own.log_index)


def _joined(
    path: Path, connect: Callable[[], sqlite3.Connection], *, may_begin: bool
) -> Joined | None:
    """The connection and its log; None where that was removed meanwhile."""
    before = file_identity.stamp(path)
    expected = before.log, before.log_index
    if expected == (None, None) and not may_begin:
        return None
    connection = connect()
    try:
        own = opened(path, connection)
    except sqlite3.Error:
        connection.close()
        if _take_back(path, before):
            return None
        raise
    if own is None or expected in ((None, None), (own.log, own.log_index)):
        return connection, own
    connection.close()
    _take_back(path, before)
    return None


def _take_back(path: Path, before: Stamp) -> bool:
    """Remove log or index that SQLite made beside the other's; False where it made none."""
    own = [
        sidecar
        for sidecar, place in zip(
            file_identity.sidecars(path), (before.log, before.log_index), strict=True
        )
        if file_identity.place(sidecar) != place
    ]
    for sidecar in own:
        sidecar.unlink(missing_ok=True)
    return bool(own)


def _has_all(path: Path) -> bool:
    return all(sidecar.exists() for sidecar in file_identity.sidecars(path))


def _is_open_elsewhere(path: Path) -> bool:
    """Whether somebody has a database with a log open; False where this cannot be tried."""
    if not sys.executable:
        return False
    try:
        trial = subprocess.run(  # noqa: S603 - this Python and fixed words
            [sys.executable, "-I", "-S", "-c", _ALONE, path],
            capture_output=True,
            text=True,
            timeout=TRIAL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return trial.stdout.strip() == "open elsewhere"


def begin(connection: sqlite3.Connection, seconds: float) -> None:
    """Let the database have a log; `sqlite3.Error` where others are in the way that long."""
    # SQLite answers "locked" at once here, without its timeout, when two processes start together.
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection.execute(sql_connection.WRITE_AHEAD)
            break
        except sqlite3.OperationalError as error:
            if sqlite_errors.kind(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)


def opened(path: Path, connection: sqlite3.Connection) -> Stamp | None:
    """Read, which opens the log: how file and log look that are open; None where there is no log.

    To be taken at once: what is removed and made anew after it is not what is open.
    """
    connection.execute(sql_connection.TOUCH)
    stamp = file_identity.stamp(path)
    if connection.execute(sql_connection.JOURNAL_MODE).fetchone()[0] != "wal":
        return None
    return stamp._replace(log=stamp.log or GONE, log_index=stamp.log_index or GONE)


def bring_in(connection: sqlite3.Connection, seconds: float) -> bool:
    """Bring all of the log into the file; False where others are in the way that long."""
    deadline = time.monotonic() + seconds
    connection.execute(sql_connection.NO_PATIENCE)
    try:
        # While another process does the same, SQLite does nothing, at once, and without an error.
        while connection.execute(sql_connection.CHECKPOINT).fetchone()["busy"]:
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
    finally:
        connection.execute(sql_connection.PATIENCE)
    return True


def let_go(path: Path, own: Stamp) -> None:
    """Remove what is left of the process's own log and index, alone, so that new ones are begun.

    They stay where another process has begun a new log beside the old index already.
    """
    log, index = file_identity.sidecars(path)
    if file_identity.place(log) in (None, own.log):
        for sidecar, place in ((log, own.log), (index, own.log_index)):
            if place is not None and place == file_identity.place(sidecar):
                sidecar.unlink(missing_ok=True)
