"""Which database a file holds: by the id inside it, its commits and its schema, never by its path.

SQLite ties a log to a file by its name alone. So the file itself and the file as the log continues
it are compared: both must have the same id, and the log must begin where the file ends.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from second_opinion.errors import StorageError
from second_opinion.records.stamp import now
from second_opinion.store import sql_connection, sqlite_errors
from second_opinion.store.migrations import migrations

# "2Opn" in the header of each file; `file` and others read it there.
APPLICATION_ID = 0x324F706E

Place = tuple[int, int]


class Identity(NamedTuple):
    """The id of a database with how far it has come.

    ``commits`` counts what was ever committed; ``checkpointed`` is how many of them were in the
    file itself when the last one was written.
    """

    id: str
    commits: int
    checkpointed: int


class Stamp(NamedTuple):
    """What shows at a glance whether a file and its log are those of before.

    Device and inode of file, log and index of the log, None where there is none; size in bytes and
    time of the last change (in nanoseconds) of the file.
    """

    file: Place | None
    size: int
    changed: int
    log: Place | None
    log_index: Place | None


def sidecars(path: Path) -> tuple[Path, Path]:
    """The log of a database and the index of the log."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def place(path: Path) -> Place | None:
    """Device and inode; None where there is no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def stamp(path: Path) -> Stamp:
    """How a file and its log look now."""
    log, index = (place(sidecar) for sidecar in sidecars(path))
    try:
        status = path.stat()
    except FileNotFoundError:
        return Stamp(None, 0, 0, log, index)
    own = status.st_dev, status.st_ino
    return Stamp(own, status.st_size, status.st_mtime_ns, log, index)


def known_steps() -> set[str]:
    """The steps of the schema that this version takes."""
    return {step.name for step in migrations._migrations}


def refuse_strangers(path: Path, connection: sqlite3.Connection) -> None:
    """`UserError` for another program's database, and for one of a newer version of this."""
    if strangeness := strangeness_of(connection):
        raise StorageError(
            f"The file {path} {strangeness}. It was left as it is: {sqlite_errors.ELSEWHERE}"
        )


def strangeness_of(connection: sqlite3.Connection) -> str:
    """Why a database is none that this version may write; empty where it is one, or empty.

    One without mark is one if it has our first steps, as 0.1.0 made it.
    """
    (mark,) = connection.execute(sql_connection.APPLICATION_ID).fetchone()
    tables = {name for (name,) in connection.execute(sql_connection.TABLES)}
    steps = steps_taken(connection) if "_sqlite_migrations" in tables else set()
    if mark not in (0, APPLICATION_ID) or (tables and not steps):
        contents = ", ".join(sorted(tables)[:5]) or f"the mark {mark}"
        return (
            f"is not a feedback database but a database of another program (it has {contents}); "
            "expected one of Second Opinion"
        )
    if newer := sorted(steps - known_steps()):
        return (
            "was written by a newer version of Second Opinion; this one does not know "
            f"{', '.join(newer)}. Update this program"
        )
    return ""


def steps_taken(connection: sqlite3.Connection) -> set[str]:
    """The steps of the schema that a database has taken."""
    return {name for (name,) in connection.execute(sql_connection.STEPS_TAKEN)}


def sign(connection: sqlite3.Connection) -> None:
    """Write the mark of this program into the header, in the transaction that is open."""
    (mark,) = connection.execute(sql_connection.APPLICATION_ID).fetchone()
    if mark != APPLICATION_ID:
        connection.execute(sql_connection.SIGN)


def rename_copy(connection: sqlite3.Connection) -> None:
    """Give a copy an id of its own, which names the database that it was taken of."""
    if of_connection(connection) is not None:
        connection.execute(sql_connection.RENAME_COPY, {"id": uuid4().hex, "now": now()})
        connection.commit()


def of_connection(connection: sqlite3.Connection) -> Identity | None:
    """The database as a connection sees it, its log included; None for one of before 0.2."""
    if not connection.execute(sql_connection.HAS_IDENTITY).fetchone()[0]:
        return None
    return Identity(*connection.execute(sql_connection.IDENTITY).fetchone())


def of_file(path: Path) -> Identity | None:
    """The database as its file alone has it, without its log; `sqlite3.Error` if it is none."""
    with closing(connected_alone(path)) as connection:
        # While somebody reads, a checkpoint brings only the pages that were not changed since: the
        # header may then name pages that are in the log alone, which SQLite would call damage.
        connection.execute(sql_connection.NAMES_OF_ABSENT_PAGES)
        return of_connection(connection)


def of_file_if_any(path: Path) -> Identity | None:
    """The database as its file has it; None also while another process writes into it."""
    try:
        return of_file(path)
    except sqlite3.DatabaseError:
        return None


def connected_alone(path: Path) -> sqlite3.Connection:
    """A connection that reads the file as it lies there, without its log and without locks."""
    return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)


def difference(path: Path, connection: sqlite3.Connection) -> str:
    """Why file and log are not of one database; empty where they are."""
    try:
        alone = of_file(path)
        together = of_connection(connection)
    except sqlite3.DatabaseError as error:
        return f"it cannot be read any more: {error}"
    if together is None:
        return ""
    if alone is None:
        # Only the log has it yet: the step was taken and not brought into the file.
        return "" if together.checkpointed == 0 else "it has no id"
    if alone.id != together.id:
        return f"its id is {alone.id[:8]}…; expected {together.id[:8]}…"
    if not together.checkpointed <= alone.commits <= together.commits:
        return (
            f"it ends at commit {alone.commits}; expected {together.checkpointed} to "
            f"{together.commits}"
        )
    return ""


def finding(connection: sqlite3.Connection, seconds: float) -> str | None:
    """What SQLite's quick check finds wrong; empty if nothing, None if the time did not suffice."""
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), 1000)
    try:
        text = str(connection.execute(sql_connection.QUICK_CHECK).fetchone()[0])
    except sqlite3.OperationalError as error:
        if sqlite_errors.kind(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)
    return "" if text == "ok" else text.replace("*** in database main ***\n", "")
