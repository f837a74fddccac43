"""What SQLite and the file system say of a database file, in words that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from second_opinion.errors import StorageError

ELSEWHERE = "set FEEDBACK_DB to another file."
BUSY = (
    "stayed locked by another program; nothing was confirmed as stored. Close the program that "
    f"uses the file, or wait for it, then try again, or {ELSEWHERE}"
)
READ_ONLY = (
    "cannot be written; expected a file, in a folder, that this program may write. Change the "
    f"permissions of both, or {ELSEWHERE}"
)
DAMAGED = (
    "is damaged; expected an intact SQLite file. Nothing more is stored in it. Stop the app, put a "
    "backup in its place with `python -m second_opinion restore BACKUP`, which keeps the damaged "
    f"file beside it, or {ELSEWHERE}"
)
_FINDINGS = {
    sqlite3.SQLITE_NOTADB: (
        "is not a SQLite database; it was left as it is. Move it away so that a new one is made, "
        f"or {ELSEWHERE}"
    ),
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; expected a file, in a folder, that this program may read and write. "
        f"Change the permissions of both, or {ELSEWHERE}"
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
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_PROTOCOL: BUSY,
}


def kind(error: sqlite3.Error) -> int:
    """The kind of error: the low byte of its code; the rest says where in SQLite it arose."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file does not hold what SQLite once wrote into it."""
    return kind(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def damaged(path: Path, finding: str = "") -> StorageError:
    """What people are told of a damaged file."""
    reason = f" ({finding.splitlines()[0]})" if finding else ""
    return StorageError(f"The feedback database {path} {DAMAGED.replace(';', f'{reason};', 1)}")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say about the file into a `StorageError`."""
    try:
        yield
    except sqlite3.Error as error:
        finding = _FINDINGS.get(kind(error))
        if finding is None:
            raise
        raise StorageError(f"The feedback database {path} {finding}") from error
    except OSError as error:
        raise StorageError(
            f"The feedback database {path} cannot be opened ({error.strerror}); expected a file, "
            f"in a folder, that this program may read and write. Correct that, or {ELSEWHERE}"
        ) from error
