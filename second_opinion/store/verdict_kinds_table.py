"""The database's own list of kinds of verdicts: how it came into a database, and how it grows."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from sqlite_utils.db import Database

from second_opinion.errors import UserError
from second_opinion.records.verdict_kinds import KINDS, VerdictKind
from second_opinion.store import sql_verdict_kinds

COLUMNS = ("name", "counts_as", "is_current", "first_triage")


class Fingerprint(NamedTuple):
    """What stays the same when the table of verdicts is copied.

    How many verdicts there are of each kind, a hash over all rows in their order, and the rows that
    name one that is not there: table, row and the table it names.
    """

    counts: dict[str, int]
    sha256: str
    orphans: list[tuple[str, int, str]]


def copy_verdicts(db: Database) -> None:
    """Put ``verdict_kinds`` in the place of the list in the table of verdicts.

    In the transaction that is open, so that a file has all of it or nothing. `UserError` where
    the copied verdicts are not those that were there.
    """
    connection = db.conn
    _refuse_foreign_keys(connection)
    before = _fingerprint(connection)
    db.executescript(sql_verdict_kinds.KINDS)
    add_kinds(connection)
    connection.execute(sql_verdict_kinds.RENAME_ALONE)
    try:
        db.executescript(sql_verdict_kinds.VERDICTS)
    finally:
        connection.execute(sql_verdict_kinds.RENAME_EVERYWHERE)
    db.executescript(sql_verdict_kinds.RULES)
    db.executescript(sql_verdict_kinds.VIEWS)
    db.executescript(sql_verdict_kinds.SUMMARIES)
    _refuse_difference(before, _fingerprint(connection))


def add_kinds(connection: sqlite3.Connection) -> None:
    """Tell the database of the kinds that it lacks; those that it has stay as they are."""
    connection.executemany(sql_verdict_kinds.ADD_KIND, [_row(kind) for kind in KINDS.values()])


def refuse_other_kinds(path: Path, connection: sqlite3.Connection) -> None:
    """`UserError` where the database has a kind that is none here, or counts one otherwise."""
    for stored in connection.execute(sql_verdict_kinds.STORED_KINDS):
        kind = KINDS.get(stored["name"])
        if kind is None:
            raise UserError(
                f"The feedback database {path} has verdicts of the kind {stored['name']!r}; "
                f"expected one of {', '.join(KINDS)}. Register that kind, or update this program."
            )
        if _row(kind) != dict(stored):
            raise UserError(
                f"The feedback database {path} has the kind of verdict {dict(stored)}; this "
                f"program says {_row(kind)}. Verdicts were counted by it: give the other meaning "
                "a new name."
            )


def _row(kind: VerdictKind) -> dict[str, Any]:
    row = {name: getattr(kind, name) for name in COLUMNS}
    return row | {"is_current": int(kind.is_current)}


def _fingerprint(connection: sqlite3.Connection) -> Fingerprint:
    cursor = connection.cursor()
    cursor.row_factory = None
    digest = sha256()
    for row in cursor.execute(sql_verdict_kinds.ROWS):
        digest.update(repr(row).encode())
    counts = dict(cursor.execute(sql_verdict_kinds.COUNTS).fetchall())
    orphans = sorted(row[:3] for row in cursor.execute(sql_verdict_kinds.ORPHANS))
    return Fingerprint(counts, digest.hexdigest(), orphans)


def _refuse_difference(before: Fingerprint, after: Fingerprint) -> None:
    if before != after:
        raise UserError(
            f"Copying the verdicts of the feedback database gave {after}; expected {before} as "
            "before. Nothing was changed: keep the file, check the disk, and go on with the "
            "version of before until this is explained."
        )


def _refuse_foreign_keys(connection: sqlite3.Connection) -> None:
    # Dropping the old table would count each row that points into it as broken.
    (held,) = connection.execute(sql_verdict_kinds.FOREIGN_KEYS_HELD).fetchone()
    if held:
        raise UserError(
            "Foreign keys are on; expected them to be off while a step of the schema is taken. "
            "Open the database with Store.open."
        )
