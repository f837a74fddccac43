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
from pathlib import Path

from second_opinion.errors import StorageError
from second_opinion.store import file_identity, sql_connection, sqlite_errors
from second_opinion.store.file_identity import Place, Stamp

PAUSE_SECONDS = 0.01
TRIAL_SECONDS = 30
# No file is here: one that was removed while it was opened.
GONE: Place = (0, 0)

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


def connected(
    path: Path, connect: Callable[[], sqlite3.Connection], *, is_own: bool, seconds: float
) -> tuple[sqlite3.Connection, Stamp | None]:
    """A connection with the log at the path open; how both look, or None where there is no log.

    `UserError` where log or index were removed while another process has the database open: that
    one would bring what the log held over what is stored in a new one. ``is_own`` where this
    process had the removed log open, and has brought it into the file.
    """
    while True:
        _refuse_parted(path, is_own=is_own, seconds=seconds)
        before = file_identity.stamp(path)
        connection = connect()
        try:
            own = opened(path, connection)
        except BaseException:
            connection.close()
            raise
        # Removed in between: another may have the one, and this the other.
        joined = before.log, before.log_index
        if own is None or joined in ((None, None), (own.log, own.log_index)):
            return connection, own
        connection.close()


def _refuse_parted(path: Path, *, is_own: bool, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _is_whole(path, is_own=is_own):
        if time.monotonic() > deadline:
            raise StorageError(
                f"The log of the feedback database {path} was removed while another process has "
                f"it open; expected {path.name}-wal and {path.name}-shm beside it. Nothing was "
                "changed. Store or look something up in that process, which saves the log, or "
                "stop it; then try again."
            )
        time.sleep(PAUSE_SECONDS)


def _is_whole(path: Path, *, is_own: bool) -> bool:
    parts = [sidecar.exists() for sidecar in file_identity.sidecars(path)]
    if all(parts):
        return True
    return not any(parts) if is_own else not _is_open_elsewhere(path)


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
    # While another process does the same, SQLite does nothing, at once, and without an error.
    deadline = time.monotonic() + seconds
    while connection.execute(sql_connection.CHECKPOINT).fetchone()["busy"]:
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def let_go(path: Path, connection: sqlite3.Connection, own: Stamp) -> None:
    """Remove what is left of the connection's own log and index, so that new ones are begun.

    They stay where another process has begun a new log beside the old index already.
    """
    log, index = file_identity.sidecars(path)
    # All that have the same log open ask for this lock: none makes new files in between.
    connection.execute(sql_connection.BEGIN_WRITE)
    try:
        if file_identity.place(log) in (None, own.log):
            for sidecar, place in ((log, own.log), (index, own.log_index)):
                if place is not None and place == file_identity.place(sidecar):
                    sidecar.unlink(missing_ok=True)
    finally:
        connection.execute(sql_connection.ROLLBACK)
