"""The lock of a folder: shared by all who use a database in it, held alone to begin its log anew.

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


@contextmanager
def held(folder: Path, *, is_alone: bool) -> Iterator[None]:
    """Alone, or beside all who do not ask to be alone; `StorageError` after `PATIENCE_SECONDS`.

    Not held where the disk locks no folders, and on Windows, which removes no file that is open.
    """
    # The database file cannot serve: closing it would give back SQLite's own locks on it.
    handle = _opened(folder)
    try:
        if handle is not None:
            _wait(folder, handle, is_alone)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _opened(folder: Path) -> int | None:
    if sys.platform != "win32":
        with suppress(OSError):
            return os.open(folder, os.O_RDONLY)
    return None


def _wait(folder: Path, handle: int, is_alone: bool) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _is_locked(handle, is_alone):
        if time.monotonic() > deadline:
            raise StorageError(
                f"Another process has been using the feedback database in {folder} for "
                f"{PATIENCE_SECONDS} seconds; expected a moment. Nothing was confirmed as stored: "
                "wait for that process, or stop it, then try again."
            )
        time.sleep(PAUSE_SECONDS)


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
