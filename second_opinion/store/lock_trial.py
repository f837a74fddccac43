"""Whether locks hold on a disk: two processes try, because no disk's word is taken for it.

Where they do not (some network and FUSE disks), two processes that write would mix their pages, and
a verdict that was acknowledged could be gone.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

from second_opinion.errors import StorageError
from second_opinion.store import sql_connection
from second_opinion.store.file_identity import sidecars

TIMEOUT_SECONDS = 30
# For a test: the way in which SQLite locks, such as ``unix-none``; empty for its own choice.
VFS = ""

_SECOND = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], uri=True, timeout=0, isolation_level=None)
try:
    connection.execute(sys.argv[2])
    print("got in")
except sqlite3.OperationalError as error:
    print(error)
"""

# By the device of the folder: once a process.
_findings: dict[tuple[int, str], str] = {}


def refuse_untrue_locks(database: Path) -> None:
    """`UserError` where a second process gets a lock that the first one holds."""
    if finding := finding_beside(database):
        raise StorageError(
            f"The disk of {database.parent} does not lock files: {finding}. Two processes would "
            f"damage the feedback database {database.name}, and verdicts could be lost; DURABLE=1 "
            "does not change that. Nothing was stored: set FEEDBACK_DB to a file on another disk, "
            "such as one of this machine, and take backups to here with "
            "`python -m second_opinion backup`."
        )


def finding_beside(database: Path) -> str:
    """What two processes found when they tried locks in the folder; empty where they hold."""
    device = database.parent.stat().st_dev, VFS
    if device not in _findings:
        with suppress(sqlite3.Error):
            # Read-only, full: opening the database itself says that better.
            _findings[device] = _tried(database)
    return _findings.get(device, "")


def _tried(database: Path) -> str:
    scratch = database.with_name(f".{database.name[:100]}.{uuid4().hex}.locks")
    try:
        with closing(_connected(scratch)) as first:
            return _second_alone(scratch, first) or _second_in_a_log(scratch, first)
    finally:
        for leftover in (scratch, *sidecars(scratch), scratch.with_name(f"{scratch.name}-journal")):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)


def _second_alone(scratch: Path, first: sqlite3.Connection) -> str:
    first.execute(sql_connection.BEGIN_ALONE)
    # The second has taken the first one's journal for a leftover: COMMIT would fail.
    if _second(scratch, sql_connection.TOUCH) == "got in":
        return "a second process may read what the first one has for itself"
    first.execute(sql_connection.ROLLBACK)
    return ""


def _second_in_a_log(scratch: Path, first: sqlite3.Connection) -> str:
    first.execute(sql_connection.WRITE_AHEAD)
    first.execute(sql_connection.BEGIN_WRITE)
    first.execute(sql_connection.MARK)
    if _second(scratch, sql_connection.BEGIN_WRITE) == "got in":
        return "a second process may write while the first one does"
    first.execute(sql_connection.COMMIT)
    return ""


def _second(scratch: Path, statement: str) -> str:
    """What another process says that tries the statement; empty where none can be started."""
    if not sys.executable:
        return ""
    try:
        tried = subprocess.run(  # noqa: S603 - this Python and fixed words
            [sys.executable, "-I", "-S", "-c", _SECOND, _uri(scratch), statement],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return tried.stdout.strip()


def _connected(scratch: Path) -> sqlite3.Connection:
    return sqlite3.connect(_uri(scratch), uri=True, timeout=0, isolation_level=None)


def _uri(scratch: Path) -> str:
    return f"{scratch.as_uri()}?mode=rwc" + (f"&vfs={VFS}" if VFS else "")
