"""The lock of a database: shared by all who use it, held alone to begin its log anew.

A program that removes log or index takes no lock. Between two looks at them none of our processes
then begins a log of its own while another still reads or writes by the removed one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from second_opinion.errors import StorageError

if sys.platform != "win32":
    import fcntl

PAUSE_SECONDS = 0.005
PATIENCE_SECONDS = 15


def place_of(database: Path) -> Path:
    """The empty file that is locked."""
    return database.with_name(f".{database.name[:200]}.lock")


@contextmanager
def held(database: Path, *, is_alone: bool) -> Iterator[None]:
    """Alone, or beside all who do not ask to be alone; `StorageError` after `PATIENCE_SECONDS`.

    Not held where the disk locks no files, and on Windows, which removes no file that is open.
    """
    handle = _taken(database, is_alone, PATIENCE_SECONDS)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def tidy_up(database: Path) -> None:
    """Remove the file where nobody uses the database at this moment."""
    with suppress(StorageError, OSError):
        handle = _taken(database, True, 0)
        try:
            if handle is not None:
                place_of(database).unlink(missing_ok=True)
        finally:
            if handle is not None:
                os.close(handle)


def _taken(database: Path, is_alone: bool, seconds: float) -> int | None:
    """The locked file, which closing unlocks; None where there is no such lock."""
    deadline = time.monotonic() + seconds
    while True:
        handle = _opened(place_of(database))
        if handle is None:
            return None
        # Removed in between, it is another one by now for whoever comes next.
        if _is_locked(handle, is_alone) and _is_at(place_of(database), handle):
            return handle
        os.close(handle)
        if time.monotonic() > deadline:
            raise StorageError(
                f"The feedback database {database} has been in use for {PATIENCE_SECONDS} seconds "
                "while its log is to be begun anew; expected a moment. Nothing was confirmed as "
                "stored: wait for what reads or writes it, or stop it, then try again."
            )
        time.sleep(PAUSE_SECONDS)


def _opened(place: Path) -> int | None:
    # The database itself cannot serve: closing it would give back SQLite's own locks on it.
    if sys.platform != "win32":
        with suppress(OSError):
            return os.open(place, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    return None


def _is_locked(handle: int, is_alone: bool) -> bool:
    """Whether there is nothing to wait for any more."""
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def _is_at(place: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), place.stat())
    except FileNotFoundError:
        return False
